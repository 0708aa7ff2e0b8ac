//! Who waits: on a task, and on a person through their tasks, their teams or by name. And that nobody waits in a circle.

use sqlx::{PgConnection, PgPool, Postgres, QueryBuilder};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{
    accounts::viewer::Viewer,
    web::error::{Problem, Result},
};

/// A blocked task, and what of ours it waits on.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Waiting {
    pub task_id: Uuid,
    /// Nothing where the reader may not know.
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

/// What a row of `waits` tells a reader of the task that waits; `w` is the wait. What belongs to a private team that the
/// reader is not on, or that their token is not for, stays unnamed.
fn waiting(reader: &Viewer) -> QueryBuilder<Postgres> {
    // Names are looked up beside the joins: Postgres tries every order of eight tables, for longer than it then reads.
    let mut query = QueryBuilder::new(
        "SELECT k.id AS task_id, coalesce(kt.key || '-' || k.number, '') AS key,
                CASE WHEN kt.id IS NULL THEN 'a task of a private team' ELSE k.title END AS title,
                k.team_id, coalesce(kt.name, 'A private team') AS team, k.goal_id, o.key AS on_task,
                coalesce(o.key, (SELECT t.name FROM teams t WHERE t.id = w.on_team_id), (SELECT a.name FROM accounts a WHERE a.id = w.on_account_id), '') AS on,
                CASE WHEN kt.id IS NULL THEN '' ELSE w.note END AS note, w.since
         FROM waits w JOIN tasks k ON k.team_id = w.team_id AND k.id = w.task_id
         LEFT JOIN LATERAL (SELECT ot.key || '-' || o.number AS key FROM tasks o JOIN teams ot ON ot.id = o.team_id
                            WHERE o.team_id = w.on_task_team AND o.id = w.on_task_id OFFSET 0) o ON true
         LEFT JOIN LATERAL (SELECT t.id, t.key, t.name FROM teams t WHERE t.id = w.team_id
                            AND (NOT t.private OR EXISTS (SELECT FROM members m WHERE m.team_id = t.id AND m.account_id = ",
    );
    query.push_bind(reader.person.id).push("))");
    if let Some(reach) = reader.reach() {
        query.push(" AND t.id = ANY(").push_bind(reach.to_vec()).push(")");
    }
    query.push(" OFFSET 0) kt ON true WHERE w.ended_at IS NULL AND k.archived_at IS NULL AND ");
    query
}

/// The tasks that wait on this one, the longest first, as a reader may know of them.
pub async fn on_task(db: &PgPool, reader: &Viewer, team: Uuid, task: Uuid) -> Result<Vec<Waiting>> {
    let mut query = waiting(reader);
    query.push("w.on_task_team = ").push_bind(team).push(" AND w.on_task_id = ").push_bind(task);
    query.push(" ORDER BY w.since, k.id");
    Ok(query.build_query_as().fetch_all(db).await?)
}

/// What waits on somebody: on an unfinished task of theirs, on one of their teams, or on them; the longest first.
/// Only of teams that the reader may look at.
pub async fn on_person(db: &PgPool, account: Uuid, seen: &[Uuid], reader: &Viewer) -> Result<Vec<Waiting>> {
    // Three small lists by index rather than one condition over every wait there is.
    let mut query = waiting(reader);
    query
        .push(
            "(w.team_id, w.id) IN (
                SELECT v.team_id, v.id FROM waits v JOIN task_owners m ON m.team_id = v.on_task_team AND m.task_id = v.on_task_id
                JOIN tasks n ON n.team_id = m.team_id AND n.id = m.task_id JOIN columns c ON c.team_id = n.team_id AND c.id = n.column_id
                WHERE v.ended_at IS NULL AND n.archived_at IS NULL AND c.state <> 'done' AND m.account_id = ",
        )
        .push_bind(account)
        .push(" AND n.team_id = ANY(")
        .push_bind(seen.to_vec())
        .push(") UNION SELECT v.team_id, v.id FROM waits v WHERE v.ended_at IS NULL AND v.on_account_id = ")
        .push_bind(account)
        .push(
            " UNION SELECT v.team_id, v.id FROM waits v JOIN members m ON m.team_id = v.on_team_id
              WHERE v.ended_at IS NULL AND v.on_team_id <> v.team_id AND m.account_id = ",
        )
        .push_bind(account)
        .push(" AND m.team_id = ANY(")
        .push_bind(seen.to_vec())
        .push(")) ORDER BY w.since, k.id LIMIT 200");
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
            SELECT k.team_id, k.id, ARRAY[CASE WHEN t.private AND t.id <> $1 THEN 'a task of a private team' ELSE t.key || '-' || k.number END] AS keys
            FROM tasks k JOIN teams t ON t.id = k.team_id WHERE k.team_id = $3 AND k.id = $4
            UNION ALL
            SELECT k.team_id, k.id, path.keys || CASE WHEN t.private AND t.id <> $1 THEN 'a task of a private team' ELSE t.key || '-' || k.number END
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
