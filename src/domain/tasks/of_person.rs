//! The tasks that a person has something to do with, by team and id.

use uuid::Uuid;

use crate::{db::pool::Pool, domain::error::Result};

/// Returns unreviewed tasks of this person's teams, longest in review first: tasks in review with
/// at most one owner, who is another person. Only from teams that the reader can see; with the team
/// of each task.
pub(crate) async fn to_review(
    db: &Pool,
    account: Uuid,
    seen: &[Uuid],
) -> Result<Vec<(Uuid, Uuid)>> {
    Ok(sqlx::query_as(
        "SELECT t.id, k.id FROM members m JOIN teams t ON t.id = m.team_id
         JOIN columns c ON c.team_id = t.id AND c.state = 'review'
         JOIN tasks k ON k.team_id = c.team_id AND k.column_id = c.id AND k.archived_at IS NULL
         WHERE m.account_id = $1 AND t.id = ANY($2) AND (SELECT count(*) FROM task_owners o WHERE o.team_id = k.team_id AND o.task_id = k.id) < 2
           AND NOT EXISTS (SELECT FROM task_owners o WHERE o.team_id = k.team_id AND o.task_id = k.id AND o.account_id = $1)
         ORDER BY t.name, k.column_since LIMIT 50",
    )
    .bind(account)
    .bind(seen)
    .fetch_all(db)
    .await?)
}

/// Returns a person's open tasks in all teams that the reader can see, with the team of each.
pub(crate) async fn of_owner(db: &Pool, account: Uuid, seen: &[Uuid]) -> Result<Vec<(Uuid, Uuid)>> {
    Ok(sqlx::query_as(
        // Starts from the person's tasks that are not archived; as a single join, Postgres would read all tasks of all
        // teams.
        "SELECT o.team_id, o.task_id FROM task_owners o
         CROSS JOIN LATERAL (SELECT column_id FROM tasks WHERE team_id = o.team_id AND id = o.task_id AND archived_at IS NULL OFFSET 0) k
         JOIN columns c ON c.team_id = o.team_id AND c.id = k.column_id AND c.state <> 'done'
         WHERE o.account_id = $1 AND NOT o.is_archived AND o.team_id = ANY($2)",
    )
    .bind(account)
    .bind(seen)
    .fetch_all(db)
    .await?)
}
