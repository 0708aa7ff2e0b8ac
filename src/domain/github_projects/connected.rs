//! The projects of GitHub that a team has connected: their settings, token and fields.

use sqlx::types::Json;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{
    config::secret_text::SecretText,
    db::pool::Pool,
    domain::{
        error::Result,
        github_projects::{preview::Preview, remote::ProjectField, remote_items::FieldIds},
    },
};

/// The address of GitHub's own API.
pub(crate) const GITHUB_API: &str = "https://api.github.com/graphql";

/// Whether a project is kept in sync.
#[derive(Clone, Copy, Debug, PartialEq, Eq, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "kebab-case")]
pub(crate) enum State {
    /// Nothing is written before it is confirmed.
    Preview,
    On,
    /// Disconnected: both sides stay as they are.
    Off,
}

/// A connected project, as a database row.
#[derive(Clone, Debug, sqlx::FromRow)]
pub(crate) struct ConnectedProject {
    pub(crate) id: Uuid,
    pub(crate) team_id: Uuid,
    /// Only this project's tasks; `None`: all of the team.
    pub(crate) project_id: Option<Uuid>,
    /// The name of that project.
    pub(crate) project: Option<String>,
    pub(crate) api_url: String,
    #[sqlx(try_from = "Option<String>")]
    token: Token,
    pub(crate) owner: String,
    pub(crate) number: i32,
    pub(crate) node_id: String,
    pub(crate) title: String,
    pub(crate) url: String,
    pub(crate) connection_id: Option<Uuid>,
    #[sqlx(flatten)]
    pub(crate) field_ids: FieldIds,
    #[sqlx(json)]
    pub(crate) fields: Vec<ProjectField>,
    pub(crate) preview: Option<Json<Preview>>,
    pub(crate) state: State,
    pub(crate) seq: i64,
    pub(crate) poll_at: Option<OffsetDateTime>,
    pub(crate) compare_at: Option<OffsetDateTime>,
    pub(crate) failures: i32,
    pub(crate) points: i32,
    pub(crate) writes: i32,
    pub(crate) points_since: Option<OffsetDateTime>,
    /// Until when a program is busy with it: the exact time says which.
    pub(crate) leased_until: Option<OffsetDateTime>,
    /// Items that GitHub says have changed.
    pub(crate) hinted: Vec<String>,
    pub(crate) synced_at: Option<OffsetDateTime>,
    pub(crate) compared_at: Option<OffsetDateTime>,
    pub(crate) equal_items: i32,
    pub(crate) different_items: i32,
    pub(crate) hidden_items: i32,
    pub(crate) problem: String,
}

/// The token, which is never printed.
#[derive(Clone, Debug)]
struct Token(Option<SecretText>);

impl From<Option<String>> for Token {
    fn from(token: Option<String>) -> Self {
        Self(token.map(SecretText::from))
    }
}

/// Query: connected projects `g`, with the columns of `ConnectedProject`.
macro_rules! connected {
    () => {
        "SELECT g.id, g.team_id, g.project_id, (SELECT p.name FROM projects p WHERE p.id = g.project_id) AS project, g.api_url, g.token, g.owner,
             g.number, g.node_id, g.title, g.url, g.connection_id, g.status_field, g.sprint_field, g.estimate_field, g.due_field, g.fields,
             g.preview, g.state, g.seq, g.poll_at, g.compare_at, g.failures, g.points, g.writes, g.points_since, g.leased_until, g.hinted, g.synced_at, g.compared_at,
             g.equal_items, g.different_items, g.hidden_items, g.problem FROM github_projects g"
    };
}
pub(super) use connected;

impl ConnectedProject {
    /// The token; `None` once it is disconnected.
    pub(crate) fn token(&self) -> Option<&SecretText> {
        self.token.0.as_ref()
    }

    /// As people name it: acme/projects/7.
    pub(crate) fn name(&self) -> String {
        format!("{}/projects/{}", self.owner, self.number)
    }

    /// The name of a field of GitHub's project.
    pub(crate) fn field(&self, id: Option<&str>) -> Option<&ProjectField> {
        self.fields
            .iter()
            .find(|field| Some(field.id.as_str()) == id)
    }
}

/// Returns a team's connected projects, those in use first.
pub(crate) async fn of_team(db: &Pool, team: Uuid) -> Result<Vec<ConnectedProject>> {
    Ok(sqlx::query_as(concat!(
        connected!(),
        " WHERE g.team_id = $1 ORDER BY g.state = 'off', g.created_at DESC LIMIT 100"
    ))
    .bind(team)
    .fetch_all(db)
    .await?)
}

/// Returns a connected project of a team.
pub(crate) async fn one(db: &Pool, team: Uuid, id: Uuid) -> Result<ConnectedProject> {
    Ok(
        sqlx::query_as(concat!(connected!(), " WHERE g.team_id = $1 AND g.id = $2"))
            .bind(team)
            .bind(id)
            .fetch_one(db)
            .await?,
    )
}

/// The hosts whose API is asked, and for how many projects.
pub(crate) async fn hosts(db: &Pool) -> Result<Vec<(String, i64)>> {
    Ok(sqlx::query_as(
        "SELECT split_part(split_part(api_url, '://', 2), '/', 1) AS host, count(*) FROM github_projects WHERE state = 'on'
         GROUP BY host ORDER BY host",
    )
    .fetch_all(db)
    .await?)
}

/// An item that cannot be kept in sync.
#[derive(Clone, Debug, sqlx::FromRow)]
pub(crate) struct ItemProblem {
    pub(crate) number: i64,
    pub(crate) title: String,
    pub(crate) problem: String,
}

/// Some items that cannot be kept in sync, with the reason, by their tasks.
pub(crate) async fn problems(db: &Pool, project: &ConnectedProject) -> Result<Vec<ItemProblem>> {
    Ok(sqlx::query_as(
        "SELECT k.number, k.title, i.problem FROM github_project_items i JOIN tasks k ON k.team_id = i.team_id AND k.id = i.task_id
         WHERE i.github_project_id = $1 AND i.problem <> '' AND k.archived_at IS NULL ORDER BY k.number LIMIT 50",
    )
    .bind(project.id)
    .fetch_all(db)
    .await?)
}

/// The connections to GitHub whose verified logins can tell who is who.
pub(crate) async fn login_sources(db: &Pool) -> Result<Vec<(Uuid, String)>> {
    Ok(sqlx::query_as(
        "SELECT id, name FROM forge_connections WHERE forge = 'github' AND disconnected_at IS NULL ORDER BY lower(name) LIMIT 200",
    )
    .fetch_all(db)
    .await?)
}
