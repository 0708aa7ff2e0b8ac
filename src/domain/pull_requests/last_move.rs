//! Who moved a task last, which counts for more than what a pull request does.

use time::OffsetDateTime;
use uuid::Uuid;

use crate::domain::{error::Result, events::Change, pull_requests::found_tasks::FoundTask};

/// A move of a task.
#[derive(sqlx::FromRow)]
pub(super) struct Move {
    /// `None` if no person did it.
    pub(super) by: Option<Uuid>,
    pub(super) at: OffsetDateTime,
    /// Where to.
    pub(super) slug: String,
    pub(super) column: String,
}

/// The last move of a task to another column. With a time, the last one by a person after it.
pub(super) async fn last_move(
    change: &mut Change,
    task: &FoundTask,
    since: Option<OffsetDateTime>,
) -> Result<Option<Move>> {
    Ok(sqlx::query_as(
        "SELECT e.actor_id AS by, e.at, e.after->>'column' AS slug, coalesce(c.name, e.after->>'column') AS column
         FROM events e LEFT JOIN columns c ON c.team_id = e.team_id AND c.slug = e.after->>'column'
         WHERE e.team_id = $1 AND e.task_id = $2 AND e.kind = 'task.moved' AND e.before->>'column' <> e.after->>'column'
             AND ($3::timestamptz IS NULL OR e.actor_id IS NOT NULL AND e.at > $3)
         ORDER BY e.seq DESC LIMIT 1",
    )
    .bind(task.team.id)
    .bind(task.id)
    .bind(since)
    .fetch_optional(change.db())
    .await?)
}
