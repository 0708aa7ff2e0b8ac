//! Recognises a write that was sent again, by its idempotency key.

use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{
    db::pool::Pool,
    domain::{
        error::{Problem, Result},
        policy::actor::{Actor, IdempotencyKey, UnusedKey},
    },
};

/// Why a change was not made: if its key was used before, because of that, whatever else stood in its way. A key is
/// written at the end of a change, with its events, so that it takes no round trip of its own.
pub(super) async fn or_done_before(db: &Pool, actor: &Actor, problem: Problem) -> Problem {
    let key = actor
        .idempotency_key
        .as_ref()
        .and_then(IdempotencyKey::unused);
    let (Some(key), Some(account)) = (key, actor.account) else {
        return problem;
    };
    // Postgres does not answer now either.
    if matches!(
        problem,
        Problem::Unavailable(_) | Problem::UnknownOutcome | Problem::Busy
    ) {
        return problem;
    }
    let used: sqlx::Result<Option<(Vec<u8>, Uuid)>> = sqlx::query_as(
        "SELECT fingerprint, change_id FROM idempotency_keys WHERE account_id = $1 AND key = $2",
    )
    .bind(account)
    .bind(&key.key)
    .fetch_optional(db)
    .await;
    match used {
        Ok(Some((fingerprint, change))) if fingerprint == key.fingerprint => {
            Problem::DoneBefore { change }
        }
        Ok(Some(_)) => Problem::field(
            "Idempotency-Key",
            "This key was already used for another request.",
        ),
        Ok(None) => problem,
        Err(error) => error.into(),
    }
}

/// Writes the key of a change without events.
pub(super) async fn write_key(
    db: &mut PgConnection,
    account: Uuid,
    key: UnusedKey,
    change: Uuid,
    at: OffsetDateTime,
) -> Result<()> {
    sqlx::query("INSERT INTO idempotency_keys (account_id, key, fingerprint, change_id, created_at) VALUES ($1, $2, $3, $4, $5)")
        .bind(account)
        .bind(key.key)
        .bind(key.fingerprint)
        .bind(change)
        .bind(at)
        .execute(db)
        .await?;
    Ok(())
}
