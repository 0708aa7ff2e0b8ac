//! Connecting a project of GitHub, changing what is kept in sync, and disconnecting it.

use serde_json::json;
use sqlx::{PgConnection, types::Json};
use uuid::Uuid;

use crate::{
    config::secret_text::SecretText,
    domain::{
        error::{Problem, Result},
        events::{Change, Event, EventKind, audit_log},
        github_projects::{
            connected::{ConnectedProject, State, connected},
            mapping,
            preview::Preview,
            remote::RemoteProject,
            remote_items::FieldIds,
            values::Field,
        },
        team::Team,
    },
};

/// The most connected projects of a team.
const MOST: i64 = 20;

/// What was entered to connect a project.
#[derive(Clone, Debug)]
pub(crate) struct NewConnection {
    pub(crate) api_url: String,
    pub(crate) token: SecretText,
    pub(crate) owner: String,
    pub(crate) number: i32,
    pub(crate) project: Option<Uuid>,
}

/// Stores a project with a preview of what the first comparison would do. Nothing else happens before it is confirmed.
pub(crate) async fn add(
    change: &mut Change,
    team: &Team,
    new: &NewConnection,
    found: &RemoteProject,
    preview: &Preview,
) -> Result<Uuid> {
    let count: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM github_projects WHERE team_id = $1 AND state <> 'off'",
    )
    .bind(team.id)
    .fetch_one(change.db())
    .await?;
    if count >= MOST {
        let message = "A team can connect at most 20 projects. Disconnect one first.";
        return Err(Problem::field("address", message));
    }
    let (id, at) = (Uuid::now_v7(), change.at);
    sqlx::query(
        "INSERT INTO github_projects (id, team_id, project_id, api_url, token, owner, number, node_id, title, url, fields, preview, state,
             created_at, connection_id)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, left($9, 500), $10, $11, $12, 'preview', $13,
             (SELECT c.id FROM forge_connections c WHERE c.forge = 'github' AND c.disconnected_at IS NULL ORDER BY c.created_at LIMIT 1))",
    )
    .bind(id)
    .bind(team.id)
    .bind(new.project)
    .bind(&new.api_url)
    .bind(new.token.text())
    .bind(&new.owner)
    .bind(new.number)
    .bind(&found.id)
    .bind(&found.title)
    .bind(&found.url)
    .bind(Json(&found.fields))
    .bind(Json(preview))
    .bind(at)
    .execute(change.db())
    .await?;
    let about = format!("{}/projects/{} of {{team}}", new.owner, new.number);
    audit_log::note_for_team(change, team.id, "github-project.previewed", &about).await?;
    Ok(id)
}

/// What is kept in sync with what.
#[derive(Clone, Debug, Default)]
pub(crate) struct Choices {
    pub(crate) fields: FieldIds,
    /// Options with the slugs of their columns, in the order of the options.
    pub(crate) columns: Vec<(String, String)>,
    /// The connection whose verified logins tell who is who.
    pub(crate) connection: Option<Uuid>,
}

/// Locks a connected project that is in use, and returns it.
async fn lock(change: &mut Change, team: &Team, id: Uuid) -> Result<ConnectedProject> {
    Ok(sqlx::query_as(concat!(
        connected!(),
        " WHERE g.team_id = $1 AND g.id = $2 AND g.state <> 'off' FOR NO KEY UPDATE OF g"
    ))
    .bind(team.id)
    .bind(id)
    .fetch_one(change.db())
    .await?)
}

/// Confirms a previewed project, or changes what is kept in sync. The next comparison begins at once.
pub(crate) async fn confirm(
    change: &mut Change,
    team: &Team,
    id: Uuid,
    choices: &Choices,
) -> Result<()> {
    let project = lock(change, team, id).await?;
    check(&project, choices)?;
    let at = change.at;
    let before = mapping::columns(change.db(), id).await?;
    let before: Vec<(String, String)> = before
        .into_iter()
        .map(|of| (of.option_id, of.slug))
        .collect();
    sqlx::query(
        "UPDATE github_projects SET state = 'on', preview = NULL, status_field = $2, sprint_field = $3, estimate_field = $4, due_field = $5,
             connection_id = (SELECT c.id FROM forge_connections c WHERE c.id = $6 AND c.forge = 'github' AND c.disconnected_at IS NULL),
             poll_at = $7, compare_at = $7, wait_until = NULL, failures = 0, leased_until = NULL WHERE id = $1",
    )
    .bind(id)
    .bind(&choices.fields.status)
    .bind(&choices.fields.sprint)
    .bind(&choices.fields.estimate)
    .bind(&choices.fields.due)
    .bind(choices.connection)
    .bind(at)
    .execute(change.db())
    .await?;
    write_columns(change.db(), team, id, &choices.columns).await?;
    compare_anew(change.db(), &project, choices, before != choices.columns).await?;
    forget_problems(change.db(), id).await?;
    let kind = match project.state {
        State::Preview => "github-project.connected",
        _ => "github-project.changed",
    };
    record(change, team, kind, &project.name()).await
}

/// Has the fields for which something else was chosen compared for the first time: what both sides had before says
/// nothing about them.
async fn compare_anew(
    db: &mut PgConnection,
    project: &ConnectedProject,
    choices: &Choices,
    has_other_columns: bool,
) -> Result<()> {
    let (old, new) = (&project.field_ids, &choices.fields);
    let fresh: Vec<Field> = [
        (Field::Status, has_other_columns || old.status != new.status),
        (Field::Sprint, old.sprint != new.sprint),
        (Field::Estimate, old.estimate != new.estimate),
        (Field::Due, old.due != new.due),
        (
            Field::Assignees,
            project.connection_id != choices.connection,
        ),
    ]
    .into_iter()
    .filter_map(|(field, is_other)| is_other.then_some(field))
    .collect();
    sqlx::query(
        "UPDATE github_project_items SET sent = NULL,
             common = jsonb_set(common, '{fresh}', coalesce(common->'fresh', '[]') || $2)
         WHERE github_project_id = $1 AND common IS NOT NULL AND jsonb_array_length($2) > 0",
    )
    .bind(project.id)
    .bind(Json(fresh))
    .execute(db)
    .await?;
    Ok(())
}

/// Has what GitHub refused tried again.
async fn forget_problems(db: &mut PgConnection, id: Uuid) -> Result<()> {
    sqlx::query(
        "UPDATE github_project_items SET problem = '' WHERE github_project_id = $1 AND problem <> ''",
    )
    .bind(id)
    .execute(db)
    .await?;
    Ok(())
}

/// Refuses fields that the project does not have, or whose values are of another kind.
fn check(project: &ConnectedProject, choices: &Choices) -> Result<()> {
    let fields = &choices.fields;
    for (name, id, kind) in [
        ("status", &fields.status, "SINGLE_SELECT"),
        ("sprint", &fields.sprint, "ITERATION"),
        ("estimate", &fields.estimate, "NUMBER"),
        ("due", &fields.due, "DATE"),
    ] {
        let field = project.field(id.as_deref());
        if id.is_some() && field.is_none_or(|field| field.data_type != kind) {
            let message = "The project on GitHub has no such field. Choose another one.";
            return Err(Problem::field(name, message));
        }
    }
    let Some(status) = project.field(fields.status.as_deref()) else {
        return Err(Problem::field(
            "status",
            "Choose the field whose options are the columns.",
        ));
    };
    let has = |option: &String| status.options.iter().any(|of| of.id == *option);
    if choices.columns.is_empty() || !choices.columns.iter().all(|(option, _)| has(option)) {
        return Err(Problem::field(
            "status",
            "Choose a column for at least one of its options.",
        ));
    }
    Ok(())
}

async fn write_columns(
    db: &mut PgConnection,
    team: &Team,
    id: Uuid,
    columns: &[(String, String)],
) -> Result<()> {
    sqlx::query("DELETE FROM github_project_columns WHERE github_project_id = $1")
        .bind(id)
        .execute(&mut *db)
        .await?;
    let (options, slugs): (Vec<&str>, Vec<&str>) = columns
        .iter()
        .map(|(option, slug)| (option.as_str(), slug.as_str()))
        .unzip();
    let written = sqlx::query(
        "INSERT INTO github_project_columns (github_project_id, option_id, position, team_id, column_id)
         SELECT $1, m.option, m.position, $2, c.id FROM unnest($3::text[], $4::text[]) WITH ORDINALITY AS m (option, slug, position)
         JOIN columns c ON c.team_id = $2 AND c.slug = m.slug",
    )
    .bind(id)
    .bind(team.id)
    .bind(options)
    .bind(slugs)
    .execute(db)
    .await?;
    if written.rows_affected() != columns.len() as u64 {
        let message = "One of these columns is not on this board any more. Choose again.";
        return Err(Problem::field("status", message));
    }
    Ok(())
}

/// Replaces the token, which the caller has tried.
pub(crate) async fn set_token(
    change: &mut Change,
    team: &Team,
    id: Uuid,
    token: &SecretText,
) -> Result<()> {
    let project = lock(change, team, id).await?;
    let at = change.at;
    sqlx::query(
        "UPDATE github_projects SET token = $2, poll_at = $3, compare_at = $3, wait_until = NULL, limited_until = NULL, failures = 0,
             leased_until = NULL, problem = '' WHERE id = $1",
    )
    .bind(id)
    .bind(token.text())
    .bind(at)
    .execute(change.db())
    .await?;
    forget_problems(change.db(), id).await?;
    record(
        change,
        team,
        "github-project.token-replaced",
        &project.name(),
    )
    .await
}

/// Has all items compared again, now.
pub(crate) async fn compare_now(change: &mut Change, team: &Team, id: Uuid) -> Result<()> {
    lock(change, team, id).await?;
    let at = change.at;
    sqlx::query(
        "UPDATE github_projects SET poll_at = $2, compare_at = $2, wait_until = NULL, leased_until = NULL WHERE id = $1 AND state = 'on'",
    )
    .bind(id)
    .bind(at)
    .execute(change.db())
    .await?;
    forget_problems(change.db(), id).await
}

/// Disconnects a project. Both sides stay as they are; the token is forgotten.
pub(crate) async fn disconnect(change: &mut Change, team: &Team, id: Uuid) -> Result<()> {
    let project = match lock(change, team, id).await {
        // The same form may be sent twice.
        Err(Problem::NotFound) => return Ok(()),
        project => project?,
    };
    sqlx::query(
        "UPDATE github_projects SET state = 'off', token = NULL, preview = NULL, poll_at = NULL, compare_at = NULL, leased_until = NULL,
             problem = '' WHERE id = $1",
    )
    .bind(id)
    .execute(change.db())
    .await?;
    sqlx::query("DELETE FROM github_project_items WHERE github_project_id = $1")
        .bind(id)
        .execute(change.db())
        .await?;
    match project.state {
        // There is nothing to tell a team about: nothing has happened.
        State::Preview => {
            let about = format!("{} of {{team}}", project.name());
            audit_log::note_for_team(change, team.id, "github-project.disconnected", &about).await
        }
        _ => record(change, team, "github-project.disconnected", &project.name()).await,
    }
}

async fn record(change: &mut Change, team: &Team, what: &str, name: &str) -> Result<()> {
    change.record(Event {
        team: team.id,
        task: None,
        kind: EventKind::TeamGitHubProjectsChanged,
        before: json!({}),
        after: json!({ "what": what, "project": name }),
        version: None,
    });
    audit_log::note_for_team(change, team.id, what, &format!("{name} of {{team}}")).await
}
