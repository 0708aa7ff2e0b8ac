//! A person removes the link of a task to a pull request: one that the forge tells nothing of any more would stay open.

use serde_json::json;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::domain::{
    error::{Problem, Result},
    events::{Change, Event, EventKind},
    pull_requests::{Forge, found_tasks::FoundTask},
    tasks,
    team::Team,
};

/// Unlinks a pull request. Its deliveries leave the task alone, as long as they name it.
///
/// # Errors
/// `NotFound` if it is not linked.
pub(crate) async fn unlink(
    change: &mut Change,
    team: &Team,
    task: Uuid,
    pull_request: Uuid,
) -> Result<()> {
    // Locks the task before its link, as deliveries do.
    let version = tasks::touch(change.db(), team.id, task).await?;
    let removed: Option<(Forge, i64)> = sqlx::query_as(
        "DELETE FROM pull_request_tasks l USING pull_requests p JOIN forge_connections c ON c.id = p.connection_id
         WHERE l.team_id = $1 AND l.task_id = $2 AND l.pull_request_id = $3 AND p.id = l.pull_request_id
         RETURNING c.forge, p.number",
    )
    .bind(team.id)
    .bind(task)
    .bind(pull_request)
    .fetch_optional(change.db())
    .await?;
    let (forge, number) = removed.ok_or(Problem::NotFound)?;
    sqlx::query(
        "INSERT INTO pull_request_unlinks (team_id, task_id, pull_request_id) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
    )
    .bind(team.id)
    .bind(task)
    .bind(pull_request)
    .execute(change.db())
    .await?;
    change.record(Event {
        team: team.id,
        task: Some(task),
        kind: EventKind::PullRequestChanged,
        before: json!({}),
        after: json!({ "pull_request": format!("{}{number}", forge.mark()), "is": "removed" }),
        version: Some(version),
    });
    Ok(())
}

/// Whether a person has unlinked it.
pub(super) async fn is_unlinked(
    db: &mut PgConnection,
    pull_request: Uuid,
    task: &FoundTask,
) -> Result<bool> {
    Ok(sqlx::query_scalar(
        "SELECT EXISTS (SELECT FROM pull_request_unlinks WHERE team_id = $1 AND task_id = $2 AND pull_request_id = $3)",
    )
    .bind(task.team.id)
    .bind(task.id)
    .bind(pull_request)
    .fetch_one(db)
    .await?)
}

/// Forgets what people have unlinked, of tasks that the pull request no longer names: it may be linked by naming it
/// again.
pub(super) async fn forget_unnamed(
    db: &mut PgConnection,
    pull_request: Uuid,
    named: &[FoundTask],
) -> Result<()> {
    sqlx::query(
        "DELETE FROM pull_request_unlinks WHERE pull_request_id = $1 AND task_id <> ALL($2)",
    )
    .bind(pull_request)
    .bind(named.iter().map(|task| task.id).collect::<Vec<_>>())
    .execute(db)
    .await?;
    Ok(())
}
