//! Creates, edits and finishes projects.

use serde_json::json;
use uuid::Uuid;

use crate::domain::{
    error::{Problem, Result},
    events::{Change, Event, EventKind},
    measure::Measure,
    policy::predicates::seen_by,
    slug::{first_available, slug},
    team::Team,
};

/// A project as a form sends it.
#[derive(Clone, Debug)]
pub(crate) struct Draft {
    pub(crate) name: String,
    /// Markdown.
    pub(crate) about: String,
    pub(crate) measure: Measure,
    pub(crate) unit: String,
    pub(crate) target: i64,
    /// Progress entered manually; without it, the progress of its goals is added up.
    pub(crate) manual_value: Option<i64>,
    /// A key result of any team.
    pub(crate) key_result: Option<Uuid>,
}

/// Creates a project that this team leads, and returns its slug.
pub(crate) async fn add_project(change: &mut Change, team: &Team, draft: &Draft) -> Result<String> {
    let (id, at) = (Uuid::now_v7(), change.at);
    draft.measure.check_manual_value(draft.manual_value)?;
    let url = free_address(change, &slug(&draft.name)).await?;
    if url.is_empty() {
        return Err(Problem::field(
            "name",
            "Enter a project name with at least one letter or digit.",
        ));
    }
    let result = key_result_of(change, draft).await?;
    sqlx::query(
        "INSERT INTO projects (team_id, id, slug, name, about, measure, unit, target, manual_value, hue, created_at, key_result_team_id, key_result_id)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, (SELECT (count(*) * 5 + 3) % 12 FROM projects), $10, $11, $12)",
    )
    .bind(team.id)
    .bind(id)
    .bind(&url)
    .bind(draft.name.trim())
    .bind(draft.about.trim())
    .bind(draft.measure.as_str())
    .bind(draft.unit.trim())
    .bind(draft.target)
    .bind(draft.manual_value)
    .bind(at)
    .bind(result.map(|(team, _)| team))
    .bind(result.map(|(_, id)| id))
    .execute(change.db())
    .await?;
    let after = json!({ "project": id, "name": draft.name.trim(), "target": draft.target });
    note(change, team, EventKind::ProjectCreated, json!({}), after);
    Ok(url)
}

/// A free slug for the project. If a hidden project has the same name, the answer does not reveal
/// it.
async fn free_address(change: &mut Change, wanted: &str) -> Result<String> {
    if wanted.is_empty() {
        return Ok(String::new());
    }
    let (actor, reach) = (change.actor, change.reach.clone());
    let rows: Vec<(String, bool)> = sqlx::query_as(concat!(
        "SELECT p.slug, ",
        seen_by!("$2", "$3"),
        " FROM projects p JOIN teams t ON t.id = p.team_id WHERE p.slug ^@ $1"
    ))
    .bind(wanted)
    .bind(actor)
    .bind(reach)
    .fetch_all(change.db())
    .await?;
    if rows.iter().any(|(slug, seen)| slug == wanted && *seen) {
        return Err(Problem::field(
            "name",
            "A project with this name already exists.",
        ));
    }
    let taken: Vec<String> = rows.into_iter().map(|(slug, _)| slug).collect();
    Ok(first_available(wanted, "-", |url| {
        taken.iter().any(|other| other == url)
    }))
}

/// Edits a project; its slug stays.
pub(crate) async fn edit_project(
    change: &mut Change,
    team: &Team,
    project: Uuid,
    draft: &Draft,
) -> Result<()> {
    let (name, target): (String, i64) = sqlx::query_as(
        "SELECT name, target FROM projects WHERE team_id = $1 AND id = $2 FOR NO KEY UPDATE",
    )
    .bind(team.id)
    .bind(project)
    .fetch_one(change.db())
    .await?;
    draft.measure.check_manual_value(draft.manual_value)?;
    let result = match key_result_of(change, draft).await? {
        Some(result) => Some(result),
        None => hidden_key_result(change, team, project).await?,
    };
    sqlx::query(
        "UPDATE projects SET name = $3, about = $4, measure = $5, unit = $6, target = $7, manual_value = $8, key_result_team_id = $9, key_result_id = $10
         WHERE team_id = $1 AND id = $2",
    )
    .bind(team.id)
    .bind(project)
    .bind(draft.name.trim())
    .bind(draft.about.trim())
    .bind(draft.measure.as_str())
    .bind(draft.unit.trim())
    .bind(draft.target)
    .bind(draft.manual_value)
    .bind(result.map(|(team, _)| team))
    .bind(result.map(|(_, id)| id))
    .execute(change.db())
    .await?;
    let before = json!({ "project": project, "name": name, "target": target });
    let after = json!({ "project": project, "name": draft.name.trim(), "target": draft.target });
    note(change, team, EventKind::ProjectEdited, before, after);
    Ok(())
}

/// Marks a project as finished, or resumes it. A finished project is no longer offered for goals.
pub(crate) async fn finish_project(
    change: &mut Change,
    team: &Team,
    project: Uuid,
    finished: bool,
) -> Result<()> {
    let at = change.at;
    let done = sqlx::query(
        "UPDATE projects SET finished_at = CASE WHEN $3 THEN coalesce(finished_at, $4) END WHERE team_id = $1 AND id = $2",
    )
    .bind(team.id)
    .bind(project)
    .bind(finished)
    .bind(at)
    .execute(change.db())
    .await?;
    if done.rows_affected() == 0 {
        return Err(Problem::NotFound);
    }
    let kind = if finished {
        EventKind::ProjectFinished
    } else {
        EventKind::ProjectResumed
    };
    note(change, team, kind, json!({}), json!({ "project": project }));
    Ok(())
}

async fn key_result_of(change: &mut Change, draft: &Draft) -> Result<Option<(Uuid, Uuid)>> {
    let Some(id) = draft.key_result else {
        return Ok(None);
    };
    let (actor, reach) = (change.actor, change.reach.clone());
    let team: Option<Uuid> = sqlx::query_scalar(concat!(
        "SELECT r.team_id FROM key_results r JOIN teams t ON t.id = r.team_id WHERE r.id = $1 AND ",
        seen_by!("$2", "$3")
    ))
    .bind(id)
    .bind(actor)
    .bind(reach)
    .fetch_optional(change.db())
    .await?;
    let team =
        team.ok_or_else(|| Problem::field("key_result", "This key result no longer exists."))?;
    Ok(Some((team, id)))
}

/// The key result of a project if the editor cannot see it. Their form does not show it, so the
/// edit must keep it.
async fn hidden_key_result(
    change: &mut Change,
    team: &Team,
    project: Uuid,
) -> Result<Option<(Uuid, Uuid)>> {
    let (actor, reach) = (change.actor, change.reach.clone());
    Ok(sqlx::query_as(concat!(
        "SELECT t.id, p.key_result_id FROM projects p JOIN teams t ON t.id = p.key_result_team_id WHERE p.team_id = $1 AND p.id = $2 AND NOT (",
        seen_by!("$3", "$4"),
        ")"
    ))
    .bind(team.id)
    .bind(project)
    .bind(actor)
    .bind(reach)
    .fetch_optional(change.db())
    .await?)
}

fn note(
    change: &mut Change,
    team: &Team,
    kind: EventKind,
    before: serde_json::Value,
    after: serde_json::Value,
) {
    change.record(Event {
        team: team.id,
        task: None,
        kind,
        before,
        after,
        version: None,
    });
}
