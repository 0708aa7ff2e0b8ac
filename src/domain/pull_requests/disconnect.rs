//! Ends a connection, and takes that back.

use uuid::Uuid;

use crate::domain::{
    error::{Problem, Result},
    events::{Change, audit_log},
    pull_requests::connections::{lock, require_room},
};

/// The outcome of what waited when its connection ended. It is processed if the connection is restored.
const ENDED_BEFORE: &str = "Left alone: disconnected before";

/// Ends a connection: its address no longer exists, and nothing that waits is processed. Links and log stay.
pub(crate) async fn disconnect(change: &mut Change, id: Uuid) -> Result<()> {
    let (name, _) = lock(change.db(), id).await?;
    let at = change.at;
    sqlx::query("UPDATE forge_connections SET disconnected_at = $2 WHERE id = $1")
        .bind(id)
        .bind(at)
        .execute(change.db())
        .await?;
    sqlx::query(
        "UPDATE forge_deliveries SET state = 'done', try_at = NULL, is_leased = false, result = 'nothing', outcome = $2
         WHERE connection_id = $1 AND state = 'waiting'",
    )
    .bind(id)
    .bind(ENDED_BEFORE)
    .execute(change.db())
    .await?;
    audit_log::note(change, "connection.removed", &name).await
}

/// Restores a connection with its address and secrets, and what waited when it ended.
///
/// # Errors
/// `Conflict` if another one has its name, or there are too many.
pub(crate) async fn restore(change: &mut Change, id: Uuid) -> Result<()> {
    let name: Option<String> = sqlx::query_scalar(
        "SELECT name FROM forge_connections WHERE id = $1 AND disconnected_at IS NOT NULL FOR NO KEY UPDATE",
    )
    .bind(id)
    .fetch_optional(change.db())
    .await?;
    // The same form may be sent twice.
    let Some(name) = name else {
        return lock(change.db(), id).await.map(|_| ());
    };
    let is_taken: bool = sqlx::query_scalar(
        "SELECT EXISTS (SELECT FROM forge_connections WHERE disconnected_at IS NULL AND lower(btrim(name)) = lower(btrim($1)))",
    )
    .bind(&name)
    .fetch_one(change.db())
    .await?;
    if is_taken {
        return Err(Problem::conflict(format!(
            "Another connection is named “{name}” now. Nothing was changed. Rename that one, and connect this one again."
        )));
    }
    require_room(change.db()).await?;
    let at = change.at;
    sqlx::query("UPDATE forge_connections SET disconnected_at = NULL WHERE id = $1")
        .bind(id)
        .execute(change.db())
        .await?;
    sqlx::query(
        "UPDATE forge_deliveries SET state = 'waiting', try_at = $3, attempts = 0, result = NULL, outcome = ''
         WHERE connection_id = $1 AND state = 'done' AND outcome = $2 AND body IS NOT NULL",
    )
    .bind(id)
    .bind(ENDED_BEFORE)
    .bind(at)
    .execute(change.db())
    .await?;
    audit_log::note(change, "connection.restored", &name).await
}
