//! The pull requests of tasks, as cards and the task's page show them.

use uuid::Uuid;

use crate::{
    db::pool::Pool,
    domain::{
        error::Result,
        policy::predicates::named_beside,
        pull_requests::{
            Forge,
            model::{CheckState, PullRequestState},
        },
    },
};

/// The most pull requests that a task's page lists.
const SHOWN: i64 = 50;

/// A pull request of a task. Its title, repository, address and reviewers are left out for a repository whose team
/// cannot be named where the task is.
#[derive(Clone, Debug, sqlx::FromRow)]
pub(crate) struct LinkedPullRequest {
    pub(crate) id: Uuid,
    forge: Forge,
    number: i64,
    pub(crate) title: Option<String>,
    pub(crate) repository: Option<String>,
    pub(crate) url: Option<String>,
    pub(crate) state: PullRequestState,
    pub(crate) checks: Option<CheckState>,
    pub(crate) reviewers: Vec<String>,
}

impl LinkedPullRequest {
    /// Its number: `#418`.
    pub(crate) fn mark(&self) -> String {
        format!("{}{}", self.forge.mark(), self.number)
    }
}

/// Returns the pull requests of a task, the newest first.
pub(crate) async fn of_task(db: &Pool, team: Uuid, task: Uuid) -> Result<Vec<LinkedPullRequest>> {
    Ok(sqlx::query_as(concat!(
        "SELECT p.id, c.forge, p.number, p.state, p.checks,
                CASE WHEN ", named_beside!("t", "l.team_id"), " THEN p.reviewers ELSE '{}' END AS reviewers,
                CASE WHEN ", named_beside!("t", "l.team_id"), " THEN p.title END AS title,
                CASE WHEN ", named_beside!("t", "l.team_id"), " THEN p.repository END AS repository,
                CASE WHEN p.url <> '' AND ", named_beside!("t", "l.team_id"), " THEN p.url END AS url
         FROM pull_request_tasks l JOIN pull_requests p ON p.id = l.pull_request_id JOIN forge_connections c ON c.id = p.connection_id
         JOIN teams t ON t.id = p.team_id
         WHERE l.team_id = $1 AND l.task_id = $2 ORDER BY p.id DESC LIMIT $3"
    ))
    .bind(team)
    .bind(task)
    .bind(SHOWN)
    .fetch_all(db)
    .await?)
}
