//! Signing in and out, with their entries in the audit log.

use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{
    db::pool::Pool,
    domain::{
        auth::{
            secrets,
            sessions::{self, SessionIdentity},
        },
        error::{Problem, Result},
        events::audit_log::{self, AuditEntry},
    },
};

/// A sign-in whose credentials were verified.
pub(crate) struct SignIn<'s> {
    pub(crate) account: Uuid,
    /// The password hash that matched, if a password was entered.
    pub(crate) password_hash: Option<&'s str>,
    /// How the person signed in, for the audit log.
    pub(crate) by: &'s str,
    pub(crate) user_agent: &'s str,
    /// The user that a proxy in front has named: the session is theirs alone.
    pub(crate) proxy_user: Option<&'s str>,
    /// The provider through which the person signed in.
    pub(crate) identity: Option<&'s SessionIdentity>,
    /// The token hash of the browser's previous session, which ends, whichever account it had.
    pub(crate) previous: Option<&'s [u8]>,
}

/// Starts a session and returns the cookie's value.
///
/// # Errors
/// `SignedOut` if the password was changed or the account deactivated meanwhile.
pub(crate) async fn sign_in(
    db: &mut PgConnection,
    now: OffsetDateTime,
    sign_in: &SignIn<'_>,
) -> Result<String> {
    let session = sessions::start_by(
        &mut *db,
        now,
        sign_in.account,
        sign_in.password_hash,
        (sign_in.user_agent, sign_in.proxy_user),
    )
    .await?
    .ok_or(Problem::SignedOut)?;
    let entry = AuditEntry {
        actor: Some(sign_in.account),
        kind: "sign-in.succeeded",
        about: sign_in.by,
        ..AuditEntry::default()
    };
    audit_log::write(db, now, entry).await?;
    if let Some(identity) = sign_in.identity {
        let token_hash = secrets::session_digest(&session, sign_in.proxy_user);
        sessions::remember_identity(&mut *db, &token_hash, identity).await?;
    }
    if let Some(previous) = sign_in.previous {
        sessions::end(&mut *db, previous).await?;
    }
    Ok(session)
}

/// Ends the session with this token hash.
pub(crate) async fn sign_out(
    db: &Pool,
    now: OffsetDateTime,
    account: Uuid,
    token_hash: &[u8],
) -> Result<()> {
    let mut tx = db.begin().await?;
    sessions::end(&mut *tx, token_hash).await?;
    let entry = AuditEntry {
        actor: Some(account),
        kind: "sign-in.ended",
        ..AuditEntry::default()
    };
    audit_log::write(&mut tx, now, entry).await?;
    tx.commit().await?;
    Ok(())
}
