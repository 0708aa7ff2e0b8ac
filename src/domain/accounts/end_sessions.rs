//! Ends sessions of an account on its owner's behalf.

use time::OffsetDateTime;
use uuid::Uuid;

use crate::{
    db::pool::Pool,
    domain::{
        error::Result,
        events::audit_log::{self, AuditEntry},
    },
};

/// Which sessions to end.
pub(crate) enum SessionsToEnd<'s> {
    /// The session with this name in the account's list.
    Named(&'s str),
    /// All except the one with this token hash.
    AllButThis(&'s [u8]),
    All,
}

/// Ends sessions of an account, and writes their number to the audit log.
pub(crate) async fn end_sessions_of(
    db: &Pool,
    now: OffsetDateTime,
    account: Uuid,
    which: SessionsToEnd<'_>,
) -> Result<()> {
    let mut tx = db.begin().await?;
    let query = match which {
        SessionsToEnd::Named(name) => sqlx::query(
            "DELETE FROM sessions WHERE account_id = $1 AND encode(sha256(token_hash), 'hex') = $2",
        )
        .bind(account)
        .bind(name),
        SessionsToEnd::AllButThis(token_hash) => {
            sqlx::query("DELETE FROM sessions WHERE account_id = $1 AND token_hash <> $2")
                .bind(account)
                .bind(token_hash)
        }
        SessionsToEnd::All => {
            sqlx::query("DELETE FROM sessions WHERE account_id = $1").bind(account)
        }
    };
    let ended = query.execute(&mut *tx).await?;
    let about = format!("{} ended", ended.rows_affected());
    let line = AuditEntry {
        actor: Some(account),
        kind: "sessions.ended",
        about: &about,
        ..AuditEntry::default()
    };
    audit_log::write(&mut tx, now, line).await?;
    tx.commit().await?;
    Ok(())
}
