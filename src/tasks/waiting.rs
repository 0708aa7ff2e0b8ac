//! Who waits: on a task, and on a person through their tasks, their teams or by name. And that nobody waits in a circle.

use sqlx::{PgConnection, PgPool};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::web::error::{Problem, Result};

/// A blocked task, and what of ours it waits on.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Waiting {
    pub task_id: Uuid,
    pub key: String,
    pub title: String,
    pub team_id: Uuid,
    pub team: String,
    pub goal_id: Option<Uuid>,
    /// A task's key, a team's name, or a person's.
    pub on: String,
    pub on_task: Option<String>,
    pub note: String,
    pub since: OffsetDateTime,
}

/// What a row of `waits` tells of the task that waits; `w` is the wait.
const WAITING: &str = "SELECT k.id AS task_id, kt.key || '-' || k.number AS key, k.title, k.team_id, kt.name AS team, k.goal_id,
            coalesce(ot.key || '-' || o.number, t.name, a.name, '') AS on, ot.key || '-' || o.number AS on_task, w.note, w.since
     FROM waits w JOIN tasks k ON k.team_id = w.team_id AND k.id = w.task_id JOIN teams kt ON kt.id = k.team_id
     LEFT JOIN tasks o ON o.team_id = w.on_task_team AND o.id = w.on_task_id LEFT JOIN teams ot ON ot.id = o.team_id
     LEFT JOIN teams t ON t.id = w.on_team_id LEFT JOIN accounts a ON a.id = w.on_account_id
     WHERE w.ended_at IS NULL AND k.archived_at IS NULL AND ";

/// The tasks that wait on this one, the longest first.
pub async fn on_task(db: &PgPool, team: Uuid, task: Uuid) -> Result<Vec<Waiting>> {
    let mut query = sqlx::QueryBuilder::<sqlx::Postgres>::new(WAITING);
    query.push("w.on_task_team = ").push_bind(team).push(" AND w.on_task_id = ").push_bind(task);
    query.push(" ORDER BY w.since, k.id");
    Ok(query.build_query_as().fetch_all(db).await?)
}

/// What waits on somebody: on an unfinished task of theirs, on one of their teams, or on them; the longest first.
pub async fn on_person(db: &PgPool, account: Uuid) -> Result<Vec<Waiting>> {
    // Three small lists by index rather than one condition over every wait there is.
    let mut query = sqlx::QueryBuilder::<sqlx::Postgres>::new(WAITING);
    query
        .push(
            "(w.team_id, w.id) IN (
                SELECT v.team_id, v.id FROM waits v JOIN task_owners m ON m.team_id = v.on_task_team AND m.task_id = v.on_task_id
                JOIN tasks n ON n.team_id = m.team_id AND n.id = m.task_id JOIN columns c ON c.team_id = n.team_id AND c.id = n.column_id
                WHERE v.ended_at IS NULL AND n.archived_at IS NULL AND c.state <> 'done' AND m.account_id = ",
        )
        .push_bind(account)
        .push(" UNION SELECT v.team_id, v.id FROM waits v WHERE v.ended_at IS NULL AND v.on_account_id = ")
        .push_bind(account)
        .push(
            " UNION SELECT v.team_id, v.id FROM waits v JOIN members m ON m.team_id = v.on_team_id
              WHERE v.ended_at IS NULL AND v.on_team_id <> v.team_id AND m.account_id = ",
        )
        .push_bind(account)
        .push(") ORDER BY w.since, k.id LIMIT 200");
    Ok(query.build_query_as().fetch_all(db).await?)
}

/// Refuses a wait that would close a circle, with the path that it would have.
///
/// # Errors
/// `Invalid` on the field `on`.
pub(super) async fn refuse_circle(db: &mut PgConnection, task: (Uuid, Uuid), on: (Uuid, Uuid)) -> Result<()> {
    // One at a time: two waits that are made at once could close a circle that neither of them sees.
    sqlx::query("SELECT FROM workspace FOR NO KEY UPDATE").execute(&mut *db).await?;
    let path: Option<Vec<String>> = sqlx::query_scalar(
        "WITH RECURSIVE path AS (
            SELECT k.team_id, k.id, ARRAY[t.key || '-' || k.number] AS keys
            FROM tasks k JOIN teams t ON t.id = k.team_id WHERE k.team_id = $3 AND k.id = $4
            UNION ALL
            SELECT k.team_id, k.id, path.keys || (t.key || '-' || k.number)
            FROM path JOIN waits w ON w.team_id = path.team_id AND w.task_id = path.id AND w.ended_at IS NULL
            JOIN tasks k ON k.team_id = w.on_task_team AND k.id = w.on_task_id JOIN teams t ON t.id = k.team_id
            WHERE (path.team_id, path.id) <> ($1, $2) AND cardinality(path.keys) < 100
        ) CYCLE team_id, id SET again USING seen
        SELECT keys FROM path WHERE team_id = $1 AND id = $2 LIMIT 1",
    )
    .bind(task.0)
    .bind(task.1)
    .bind(on.0)
    .bind(on.1)
    .fetch_optional(db)
    .await?;
    match path {
        Some(path) => Err(Problem::field(
            "on",
            format!("That would be a circle: {}. Nobody could begin. It was not saved.", path.join(" waits on ")),
        )),
        None => Ok(()),
    }
}
