//! The tasks that a person has something to do with, by team and id.

use uuid::Uuid;

use crate::{
    db::pool::Pool,
    domain::{error::Result, tasks::pull_request::is_told_of},
};

/// Returns unreviewed tasks of this person's teams, longest in review first: tasks in review with
/// at most one owner, who is another person, and no reviewers at a forge. Also the tasks with an open pull request that
/// this person is to review, whatever their team. Only from teams that the reader can see; with the team of each task.
pub(crate) async fn to_review(
    db: &Pool,
    account: Uuid,
    seen: &[Uuid],
) -> Result<Vec<(Uuid, Uuid)>> {
    Ok(sqlx::query_as(concat!(
        "SELECT id, task FROM (
             SELECT t.id, t.name, k.id AS task, k.column_since FROM members m JOIN teams t ON t.id = m.team_id
             JOIN columns c ON c.team_id = t.id AND c.state = 'review'
             JOIN tasks k ON k.team_id = c.team_id AND k.column_id = c.id AND k.archived_at IS NULL
             WHERE m.account_id = $1 AND t.id = ANY($2) AND (SELECT count(*) FROM task_owners o WHERE o.team_id = k.team_id AND o.task_id = k.id) < 2
               AND NOT EXISTS (SELECT FROM task_owners o WHERE o.team_id = k.team_id AND o.task_id = k.id AND o.account_id = $1)
               AND NOT EXISTS (SELECT FROM pull_request_tasks l JOIN pull_requests p ON p.id = l.pull_request_id
                               WHERE l.team_id = k.team_id AND l.task_id = k.id AND p.state = 'open' AND p.reviewers <> '{}' AND ", is_told_of!(), ")
             UNION
             SELECT t.id, t.name, k.id, k.column_since FROM forge_logins f
             JOIN pull_requests p ON p.connection_id = f.connection_id AND p.state = 'open' AND ", is_told_of!(), "
                  AND EXISTS (SELECT FROM unnest(p.reviewers) asked WHERE lower(asked) = f.login)
             JOIN pull_request_tasks l ON l.pull_request_id = p.id
             JOIN tasks k ON k.team_id = l.team_id AND k.id = l.task_id AND k.archived_at IS NULL
             JOIN teams t ON t.id = k.team_id
             WHERE f.account_id = $1 AND t.id = ANY($2)) wanted
         ORDER BY name, column_since LIMIT 50"
    ))
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
