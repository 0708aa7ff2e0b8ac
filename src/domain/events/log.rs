//! Reads the event log.

use serde::Serialize;
use serde_json::Value;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{
    db::pool::Pool,
    domain::{
        error::Result,
        events::{EventKind, not_imported},
    },
};

/// An event: one change of one thing.
#[derive(Debug, Serialize, sqlx::FromRow, utoipa::ToSchema)]
#[schema(as = Event, example = json!({
    "seq": 1308,
    "kind": "task.moved",
    "task": "INF-42",
    "change": "0193733e-8f2a-7cc1-b2a4-6d3c1f0e9a57",
    "actor": "elif",
    "before": { "column": "todo" },
    "after": { "column": "in-progress" },
    "version": 7,
    "at": "2026-11-24T09:12:30Z",
}))]
pub(crate) struct EventRow {
    /// The event's number in its team; each event has a higher one than those before it.
    #[schema(example = 1308)]
    pub(crate) seq: i64,
    /// What happened, such as `task.created`, `task.moved` or `comment.added`.
    #[schema(value_type = String, example = "task.moved")]
    pub(crate) kind: String,
    #[serde(skip)]
    pub(crate) task_id: Option<Uuid>,
    // The row has the task's number; the API adds the team's key.
    /// The task's key; null if the event is not about a task.
    #[schema(value_type = Option<String>, example = "INF-42")]
    pub(crate) task: Option<i64>,
    /// The change that the event belongs to. The events of one change have the same value.
    #[serde(rename = "change")]
    #[schema(example = "0193733e-8f2a-7cc1-b2a4-6d3c1f0e9a57")]
    pub(crate) change_id: Uuid,
    /// The author's username; null if the server made the change.
    #[schema(example = "elif")]
    pub(crate) actor: Option<String>,
    #[serde(skip)]
    pub(crate) actor_name: Option<String>,
    #[serde(skip)]
    pub(crate) actor_hue: Option<i16>,
    /// The changed values before the change, by field, such as `{"column": "todo"}`.
    pub(crate) before: Value,
    /// The changed values after the change, by field, such as `{"column": "in-progress"}`.
    pub(crate) after: Value,
    /// The task's version after the change; null if the event is not about a task.
    #[schema(example = 7)]
    pub(crate) version: Option<i64>,
    /// When it happened.
    #[serde(with = "time::serde::rfc3339")]
    #[schema(example = "2026-11-24T09:12:30Z")]
    pub(crate) at: OffsetDateTime,
}

/// Returns what a change's event has in a field: the id or slug of what the change created.
pub(crate) async fn created_by(
    db: &Pool,
    team: Uuid,
    change: Uuid,
    field: &str,
) -> Result<Option<String>> {
    Ok(sqlx::query_scalar(
        "SELECT after->>$3 FROM events WHERE change_id = $1 AND team_id = $2 AND after->>$3 IS NOT NULL ORDER BY seq LIMIT 1",
    )
    .bind(change)
    .bind(team)
    .bind(field)
    .fetch_optional(db)
    .await?)
}

/// Returns a team's events after a sequence number, in order.
pub(crate) async fn events_after(
    db: &Pool,
    team: Uuid,
    after: i64,
    most: i64,
) -> Result<Vec<EventRow>> {
    Ok(sqlx::query_as(
        "SELECT e.seq, e.kind, e.task_id, k.number AS task, e.change_id, a.handle AS actor, a.name AS actor_name, a.hue AS actor_hue,
                e.before, e.after, e.version, e.at
         FROM events e LEFT JOIN LATERAL (SELECT * FROM tasks WHERE team_id = e.team_id AND id = e.task_id OFFSET 0) k ON true LEFT JOIN accounts a ON a.id = e.actor_id
         WHERE e.team_id = $1 AND e.seq > $2 ORDER BY e.seq LIMIT $3",
    )
    .bind(team)
    .bind(after)
    .bind(most)
    .fetch_all(db)
    .await?)
}

/// Returns the newest sequence number of each of these teams.
pub(crate) async fn newest_of_teams(db: &Pool, teams: &[Uuid]) -> Result<Vec<(Uuid, i64)>> {
    Ok(
        sqlx::query_as("SELECT id, seq FROM teams WHERE id = ANY($1)")
            .bind(teams)
            .fetch_all(db)
            .await?,
    )
}

/// Returns the newest sequence number of every team.
pub(crate) async fn newest_of_all(db: &Pool) -> Result<Vec<(Uuid, i64)>> {
    Ok(sqlx::query_as("SELECT id, seq FROM teams")
        .fetch_all(db)
        .await?)
}

/// Returns the newest sequence number of a team, and the workspace's counter.
pub(crate) async fn newest(db: &Pool, team: Uuid) -> Result<(i64, i64)> {
    Ok(
        sqlx::query_as("SELECT t.seq, w.seq FROM teams t, workspace w WHERE t.id = $1")
            .bind(team)
            .fetch_one(db)
            .await?,
    )
}

/// An event as the team's history shows it.
#[derive(sqlx::FromRow)]
pub(crate) struct HistoryRow {
    pub(crate) seq: i64,
    pub(crate) kind: EventKind,
    pub(crate) before: Value,
    pub(crate) after: Value,
    pub(crate) at: OffsetDateTime,
    /// The author's name; `None` for the program and deleted accounts.
    pub(crate) actor: Option<String>,
    /// The task's number and title.
    pub(crate) number: Option<i64>,
    pub(crate) title: Option<String>,
}

/// Returns a team's events before a sequence number, newest first. An import is one of them.
pub(crate) async fn history_before(
    db: &Pool,
    team: Uuid,
    before: i64,
    most: i64,
) -> Result<Vec<HistoryRow>> {
    Ok(sqlx::query_as(
        concat!("SELECT e.seq, e.kind, e.before, e.after, e.at, CASE WHEN e.agent IS NULL THEN a.name ELSE e.agent || ' for ' || a.name END AS actor, k.number, k.title
         FROM events e LEFT JOIN accounts a ON a.id = e.actor_id LEFT JOIN LATERAL (SELECT * FROM tasks WHERE team_id = e.team_id AND id = e.task_id OFFSET 0) k ON true
         WHERE e.team_id = $1 AND e.seq < $2 AND ", not_imported!("e", "$1"), " ORDER BY e.seq DESC LIMIT $3"),
    )
    .bind(team)
    .bind(before)
    .bind(most)
    .fetch_all(db)
    .await?)
}

/// Returns the slug of the team in which an account made a change that it may undo.
pub(crate) async fn team_of_change(
    db: &Pool,
    change: Uuid,
    account: Uuid,
) -> Result<Option<String>> {
    Ok(sqlx::query_scalar(
        "SELECT t.slug FROM events e JOIN teams t ON t.id = e.team_id
         WHERE e.change_id = $1 AND e.actor_id = $2 AND e.kind NOT LIKE 'blocker.%' LIMIT 1",
    )
    .bind(change)
    .bind(account)
    .fetch_optional(db)
    .await?)
}
