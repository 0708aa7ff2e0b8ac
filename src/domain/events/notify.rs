//! Tells other processes on the same database about commits.

use std::collections::{BTreeMap, BTreeSet};

use uuid::Uuid;

use crate::db::pool::Pool;

/// The Postgres channel of these notifications. A payload is a team's id and its newest sequence
/// number: `0199…:42`.
pub(crate) const CHANNEL: &str = "fortnight";

/// The channel that tells whose inbox changed. A payload is up to a hundred ids of accounts, separated by commas.
pub(crate) const INBOXES: &str = "fortnight_inboxes";

/// Sends the newest sequence numbers of some teams: one statement for all of them, after the
/// commits, since a NOTIFY inside a transaction would hold a lock on the whole database.
pub(crate) async fn notify(db: &Pool, teams: &BTreeMap<Uuid, i64>) {
    let payload: Vec<String> = teams
        .iter()
        .map(|(team, seq)| format!("{team}:{seq}"))
        .collect();
    send(db, CHANNEL, payload).await;
}

/// Tells the other processes whose inbox changed.
pub(crate) async fn notify_inboxes(db: &Pool, accounts: &BTreeSet<Uuid>) {
    let ids: Vec<String> = accounts.iter().map(Uuid::to_string).collect();
    let payload = ids.chunks(100).map(|some| some.join(",")).collect();
    send(db, INBOXES, payload).await;
}

async fn send(db: &Pool, channel: &str, payload: Vec<String>) {
    let sent = sqlx::query("SELECT pg_notify($1, p) FROM unnest($2::text[]) p")
        .bind(channel)
        .bind(payload)
        .execute(db)
        .await;
    if let Err(error) = sent {
        // Polling makes up for it.
        tracing::warn!("failed to notify other processes of a change: {error}");
    }
}
