//! Deletes rows whose time has passed.

use sqlx::PgPool;
use time::{Duration, OffsetDateTime};

use crate::domain::error::Result;

/// How long a repeated API write is recognised.
const REPEATS: Duration = Duration::days(1);

/// How long what was done can be looked up.
const AUDITED: Duration = Duration::days(400);

/// Clears what has run out: sessions, one-time links, and keys of repeated writes.
pub async fn forget_expired(db: &PgPool, now: OffsetDateTime) -> Result<()> {
    sqlx::query("DELETE FROM sessions WHERE expires_at < $1")
        .bind(now)
        .execute(db)
        .await?;
    sqlx::query("DELETE FROM entry_links WHERE expires_at < $1")
        .bind(now)
        .execute(db)
        .await?;
    sqlx::query("DELETE FROM password_resets WHERE expires_at < $1")
        .bind(now)
        .execute(db)
        .await?;
    sqlx::query("DELETE FROM audit WHERE at < $1")
        .bind(now - AUDITED)
        .execute(db)
        .await?;
    sqlx::query("DELETE FROM idempotency_keys WHERE created_at < $1")
        .bind(now - REPEATS)
        .execute(db)
        .await?;
    Ok(())
}
