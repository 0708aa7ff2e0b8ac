//! Deletes expired rows.

use time::{Duration, OffsetDateTime};

use crate::{
    db::pool::Pool,
    domain::{
        accounts::{oauth_clients, oauth_codes},
        auth::devices::REMEMBERED_FOR,
        error::Result,
        pull_requests::{
            branch_keys::KEEP_BRANCH_KEYS,
            deliveries::{self, KEEP_BODIES, KEEP_LOG},
        },
        webhooks::messages::{self, KEEP_MESSAGES},
    },
};

/// How long an idempotency key is remembered.
const IDEMPOTENCY_KEYS: Duration = Duration::days(1);

/// How long audit log entries are kept.
const AUDIT_LOG: Duration = Duration::days(400);

/// How long an uploaded file is kept that nobody has imported, and the token of a project on GitHub that nobody has confirmed.
const PREVIEWS: Duration = Duration::days(1);

/// How long a link in a mail that ends such mails works.
const UNSUBSCRIBE_LINKS: Duration = Duration::days(180);

/// How long notifications that were read, and mail that was given up, are kept.
const READ_NOTIFICATIONS: Duration = Duration::days(90);

/// How long a deleted comment or attachment is kept: as long as deleting it can be undone.
const DELETED_COMMENTS: Duration = crate::domain::tasks::timeline::FOR;

/// The advisory lock that a program holds while it deletes, so that of several only one does.
pub const LOCK: i64 = 0x666f_7274_7075_7267;

/// Deletes expired sessions, unfinished sign-ins, one-time links, idempotency keys, audit log entries, deleted comments and attachments. Does nothing while
/// another program is doing it.
pub async fn purge_expired(db: &Pool, now: OffsetDateTime) -> Result<()> {
    let mut tx = db.begin().await?;
    let is_ours: bool = sqlx::query_scalar("SELECT pg_try_advisory_xact_lock($1)")
        .bind(LOCK)
        .fetch_one(&mut *tx)
        .await?;
    if !is_ours {
        return Ok(());
    }
    for (delete, before) in [
        ("DELETE FROM sessions WHERE expires_at < $1", now),
        ("DELETE FROM one_time_links WHERE expires_at < $1", now),
        ("DELETE FROM password_resets WHERE expires_at < $1", now),
        ("DELETE FROM pending_sign_ins WHERE expires_at < $1", now),
        (
            "DELETE FROM known_devices WHERE last_seen_at < $1",
            now - REMEMBERED_FOR,
        ),
        (
            "DELETE FROM imports WHERE state IN ('uploading', 'uploaded') AND created_at < $1 OR state = 'running' AND beat_at < $1",
            now - PREVIEWS,
        ),
        (
            "DELETE FROM github_projects WHERE state = 'preview' AND created_at < $1",
            now - PREVIEWS,
        ),
        ("DELETE FROM audit_log WHERE at < $1", now - AUDIT_LOG),
        (
            "DELETE FROM idempotency_keys WHERE created_at < $1",
            now - IDEMPOTENCY_KEYS,
        ),
        ("DELETE FROM email_confirmations WHERE expires_at < $1", now),
        (
            "DELETE FROM unsubscribe_links WHERE created_at < $1",
            now - UNSUBSCRIBE_LINKS,
        ),
        (
            "DELETE FROM inbox_threads WHERE newest_at < $1 AND NOT is_unread AND snoozed_until IS NULL",
            now - READ_NOTIFICATIONS,
        ),
        (
            "DELETE FROM outbox WHERE failed_at < $1",
            now - READ_NOTIFICATIONS,
        ),
        (
            "UPDATE forge_deliveries SET body = NULL WHERE received_at < $1 AND body IS NOT NULL AND state <> 'waiting'",
            now - KEEP_BODIES,
        ),
        (
            "DELETE FROM forge_deliveries WHERE received_at < $1 AND state <> 'waiting'",
            now - KEEP_LOG,
        ),
        (
            "DELETE FROM forge_branch_keys WHERE pushed_at < $1",
            now - KEEP_BRANCH_KEYS,
        ),
        (
            "DELETE FROM webhook_messages WHERE created_at < $1 AND state <> 'waiting'",
            now - KEEP_MESSAGES,
        ),
        ("DELETE FROM webhook_old_secrets WHERE until < $1", now),
        (
            "DELETE FROM oauth_codes WHERE expires_at < $1",
            now - oauth_codes::REMEMBERED_FOR,
        ),
        (
            "DELETE FROM oauth_clients c WHERE created_at < $1 AND NOT EXISTS (SELECT FROM tokens t WHERE t.oauth_client_id = c.id)",
            now - oauth_clients::UNUSED_FOR,
        ),
        ("DELETE FROM forge_login_codes WHERE expires_at < $1", now),
        ("DELETE FROM github_app_requests WHERE expires_at < $1", now),
        // As long as a body may repeat one, it is removed from what is shown.
        (
            "DELETE FROM forge_old_secrets WHERE until < $1",
            now - KEEP_BODIES,
        ),
        (
            "DELETE FROM comments WHERE deleted_at < $1",
            now - DELETED_COMMENTS,
        ),
        (
            "DELETE FROM attachments WHERE deleted_at < $1",
            now - DELETED_COMMENTS,
        ),
    ] {
        sqlx::query(delete).bind(before).execute(&mut *tx).await?;
    }
    deliveries::delete_excess(&mut tx).await?;
    messages::delete_excess(&mut tx).await?;
    tx.commit().await?;
    Ok(())
}
