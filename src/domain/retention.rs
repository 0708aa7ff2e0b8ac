//! Deletes expired rows.

use sqlx::PgPool;
use time::{Duration, OffsetDateTime};

use crate::domain::error::Result;

/// How long an idempotency key is remembered.
const IDEMPOTENCY_KEYS: Duration = Duration::days(1);

/// How long audit log entries are kept.
const AUDIT_LOG: Duration = Duration::days(400);

/// How long a deleted comment is kept: as long as deleting it can be undone.
const DELETED_COMMENTS: Duration = crate::domain::tasks::timeline::FOR;

/// Deletes expired sessions, one-time links, idempotency keys, audit log entries and deleted comments.
pub async fn purge_expired(db: &PgPool, now: OffsetDateTime) -> Result<()> {
    sqlx::query("DELETE FROM sessions WHERE expires_at < $1")
        .bind(now)
        .execute(db)
        .await?;
    sqlx::query("DELETE FROM one_time_links WHERE expires_at < $1")
        .bind(now)
        .execute(db)
        .await?;
    sqlx::query("DELETE FROM password_resets WHERE expires_at < $1")
        .bind(now)
        .execute(db)
        .await?;
    sqlx::query("DELETE FROM audit_log WHERE at < $1")
        .bind(now - AUDIT_LOG)
        .execute(db)
        .await?;
    sqlx::query("DELETE FROM idempotency_keys WHERE created_at < $1")
        .bind(now - IDEMPOTENCY_KEYS)
        .execute(db)
        .await?;
    sqlx::query("DELETE FROM comments WHERE deleted_at < $1")
        .bind(now - DELETED_COMMENTS)
        .execute(db)
        .await?;
    Ok(())
}
