//! Sessions that began at the provider, and their end there.

use time::OffsetDateTime;
use uuid::Uuid;

use crate::{
    db::pool::Pool,
    domain::{
        auth::openid::logout::SignedOut,
        error::Result,
        events::audit_log::{self, AuditEntry},
    },
};

/// Whether a session began at the provider with this issuer, whose slash at the end does not matter.
pub(crate) async fn is_from_provider(db: &Pool, token_hash: &[u8], issuer: &str) -> Result<bool> {
    Ok(sqlx::query_scalar(
        "SELECT EXISTS (SELECT FROM session_identities WHERE token_hash = $1 AND rtrim(issuer, '/') = rtrim($2, '/'))",
    )
    .bind(token_hash)
    .bind(issuer)
    .fetch_one(db)
    .await?)
}

/// Where the owner of a session signs out at the provider, if it began there and the provider offers that.
pub(crate) async fn sign_out_at(db: &Pool, token_hash: &[u8]) -> Result<Option<String>> {
    let found: Option<Option<String>> =
        sqlx::query_scalar("SELECT sign_out_at FROM session_identities WHERE token_hash = $1")
            .bind(token_hash)
            .fetch_optional(db)
            .await?;
    Ok(found.flatten())
}

/// Ends the sessions of a person who has signed out at the provider, or who was signed out there.
pub(crate) async fn end(db: &Pool, now: OffsetDateTime, who: &SignedOut) -> Result<()> {
    let mut tx = db.begin().await?;
    let ended: Vec<Uuid> = sqlx::query_scalar(
        "DELETE FROM sessions s USING session_identities i
         WHERE i.token_hash = s.token_hash AND i.issuer = $1 AND ($2::text IS NULL OR i.subject = $2)
               AND ($3::text IS NULL OR i.sid = $3 OR i.sid IS NULL AND $2 IS NOT NULL) AND ($2::text IS NOT NULL OR $3::text IS NOT NULL)
         RETURNING s.account_id",
    )
    .bind(&who.issuer)
    .bind(&who.subject)
    .bind(&who.sid)
    .fetch_all(&mut *tx)
    .await?;
    // those that wait for a code
    sqlx::query(
        "DELETE FROM pending_sign_ins WHERE issuer = $1 AND (subject = $2 OR $2::text IS NULL AND sid = $3)",
    )
    .bind(&who.issuer)
    .bind(&who.subject)
    .bind(&who.sid)
    .execute(&mut *tx)
    .await?;
    if let Some(&account) = ended.first() {
        let about = format!("{} ended by the provider", ended.len());
        let line = AuditEntry {
            actor: Some(account),
            kind: "sessions.ended",
            about: &about,
            ..AuditEntry::default()
        };
        audit_log::write(&mut tx, now, line).await?;
    }
    tx.commit().await?;
    Ok(())
}
