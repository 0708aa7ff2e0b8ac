//! Reads the event log.

use serde::Serialize;
use serde_json::Value;
use sqlx::PgPool;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::domain::error::Result;

/// An event as the API returns it.
#[derive(Debug, Serialize, sqlx::FromRow)]
pub struct EventRow {
    pub seq: i64,
    pub kind: String,
    #[serde(skip)]
    pub task_id: Option<Uuid>,
    /// The task's number, without the team's key.
    pub task: Option<i64>,
    #[serde(rename = "change")]
    pub change_id: Uuid,
    /// The author's handle.
    pub actor: Option<String>,
    #[serde(skip)]
    pub actor_name: Option<String>,
    #[serde(skip)]
    pub actor_hue: Option<i16>,
    pub before: Value,
    pub after: Value,
    pub version: Option<i64>,
    #[serde(with = "time::serde::rfc3339")]
    pub at: OffsetDateTime,
}

/// Returns a team's events after a sequence number, in order.
pub async fn events_after(db: &PgPool, team: Uuid, after: i64, most: i64) -> Result<Vec<EventRow>> {
    Ok(sqlx::query_as(
        "SELECT e.seq, e.kind, e.task_id, k.number AS task, e.change_id, a.handle AS actor, a.name AS actor_name, a.hue AS actor_hue,
                e.before, e.after, e.version, e.at
         FROM events e LEFT JOIN tasks k ON k.team_id = e.team_id AND k.id = e.task_id LEFT JOIN accounts a ON a.id = e.actor_id
         WHERE e.team_id = $1 AND e.seq > $2 ORDER BY e.seq LIMIT $3",
    )
    .bind(team)
    .bind(after)
    .bind(most)
    .fetch_all(db)
    .await?)
}
