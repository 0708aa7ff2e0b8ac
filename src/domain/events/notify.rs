//! Tells other processes on the same database about commits.

use std::collections::BTreeMap;

use uuid::Uuid;

use crate::db::pool::Pool;

/// The Postgres channel of these notifications. A payload is a team's id and its newest sequence
/// number: `0199…:42`.
pub(crate) const CHANNEL: &str = "fortnight";

/// Sends the newest sequence numbers of some teams: one statement for all of them, after the
/// commits, since a NOTIFY inside a transaction would hold a lock on the whole database.
pub(crate) async fn notify(db: &Pool, teams: &BTreeMap<Uuid, i64>) {
    let payload: Vec<String> = teams
        .iter()
        .map(|(team, seq)| format!("{team}:{seq}"))
        .collect();
    let sent = sqlx::query("SELECT pg_notify($1, p) FROM unnest($2::text[]) p")
        .bind(CHANNEL)
        .bind(payload)
        .execute(db)
        .await;
    if let Err(error) = sent {
        // Their polling makes up for it.
        tracing::warn!("failed to notify other processes of a change: {error}");
    }
}
