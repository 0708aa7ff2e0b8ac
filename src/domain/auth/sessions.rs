//! Sessions: an opaque cookie whose digest is in a table, so that a session can be ended at once.

use sqlx::PgExecutor;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use crate::{
    db::pool::Pool,
    domain::{
        auth::{devices, secrets},
        error::{Problem, Result},
    },
};

/// An unused session ends after this time.
const IDLE: Duration = Duration::days(14);
/// A session ends after this time even if it is used.
pub(crate) const LONGEST: Duration = Duration::days(90);
/// The last use is stored at most this often, not on every request.
pub(crate) const SEEN_EVERY: Duration = Duration::minutes(10);

/// What a session remembers of the provider through which it began.
#[derive(Clone, Debug, sqlx::FromRow)]
pub(crate) struct SessionIdentity {
    pub(crate) issuer: String,
    pub(crate) subject: String,
    /// The provider's own session.
    pub(crate) sid: Option<String>,
    /// Where the browser goes to sign out there too.
    pub(crate) sign_out_at: Option<String>,
}

/// Stores what a session remembers of its provider.
pub(crate) async fn remember_identity(
    db: impl PgExecutor<'_>,
    token_hash: &[u8],
    identity: &SessionIdentity,
) -> Result<()> {
    sqlx::query(
        "INSERT INTO session_identities (token_hash, issuer, subject, sid, sign_out_at) VALUES ($1, $2, $3, $4, $5)",
    )
    .bind(token_hash)
    .bind(&identity.issuer)
    .bind(&identity.subject)
    .bind(&identity.sid)
    .bind(&identity.sign_out_at)
    .execute(db)
    .await?;
    Ok(())
}

/// Starts a session and returns the cookie's value.
///
/// # Errors
/// `SignedOut` for an account that may no longer sign in.
pub async fn start(
    db: impl PgExecutor<'_>,
    now: OffsetDateTime,
    account: Uuid,
    user_agent: &str,
) -> Result<String> {
    let start = SessionStart {
        account,
        user_agent,
        network: "",
        is_by_provider: false,
        proxy_user: None,
    };
    start_with(db, now, &start).await
}

/// Where and how a session is started.
pub(crate) struct SessionStart<'s> {
    pub(crate) account: Uuid,
    pub(crate) user_agent: &'s str,
    /// The address that the request came from.
    pub(crate) network: &'s str,
    /// Whether an OpenID provider, or a proxy in front, vouched for the person.
    pub(crate) is_by_provider: bool,
    /// The user that a proxy in front has named: the session is theirs alone.
    pub(crate) proxy_user: Option<&'s str>,
}

/// As [`start`], with where and how.
pub(crate) async fn start_with(
    db: impl PgExecutor<'_>,
    now: OffsetDateTime,
    start: &SessionStart<'_>,
) -> Result<String> {
    let secret = secrets::new_secret()?;
    let started = sqlx::query(
        "INSERT INTO sessions (token_hash, account_id, created_at, last_seen_at, expires_at, user_agent, network, is_by_provider)
         SELECT $1, id, $3, $3, $4, left($5, 300), left($6, 100), $7 FROM accounts
         WHERE id = $2 AND deactivated_at IS NULL FOR SHARE",
    )
    .bind(secrets::session_digest(&secret, start.proxy_user))
    .bind(start.account)
    .bind(now)
    .bind(now + IDLE)
    .bind(start.user_agent)
    .bind(start.network)
    .bind(start.is_by_provider)
    .execute(db)
    .await?;
    if started.rows_affected() == 0 {
        return Err(Problem::SignedOut);
    }
    Ok(secret)
}

/// Locks the account whose password with this hash was verified, until the transaction ends. The lock waits for a change
/// of the password or the second factor, which then either ends the new session or prevents it.
///
/// # Errors
/// `SignedOut` if the password was changed or the account deactivated in the meantime.
pub(crate) async fn lock_account(
    db: impl PgExecutor<'_>,
    account: Uuid,
    hash: Option<&str>,
) -> Result<()> {
    let locked = sqlx::query(
        "SELECT FROM accounts WHERE id = $1 AND deactivated_at IS NULL AND ($2::text IS NULL OR password_hash = $2) FOR SHARE",
    )
    .bind(account)
    .bind(hash)
    .execute(db)
    .await?;
    if locked.rows_affected() == 0 {
        return Err(Problem::SignedOut);
    }
    Ok(())
}

/// Extends a session, up to its maximum lifetime.
pub(crate) async fn seen(db: &Pool, now: OffsetDateTime, token_hash: &[u8]) -> Result<()> {
    sqlx::query("UPDATE sessions SET last_seen_at = $2, expires_at = least($3, created_at + make_interval(secs => $4)) WHERE token_hash = $1")
        .bind(token_hash)
        .bind(now)
        .bind(now + IDLE)
        .bind(LONGEST.as_seconds_f64())
        .execute(db)
        .await?;
    Ok(())
}

/// Ends a session.
pub(crate) async fn end(db: impl PgExecutor<'_>, token_hash: &[u8]) -> Result<()> {
    sqlx::query("DELETE FROM sessions WHERE token_hash = $1")
        .bind(token_hash)
        .execute(db)
        .await?;
    Ok(())
}

/// A session in the account's list.
#[derive(Clone, Debug, sqlx::FromRow)]
pub(crate) struct SessionRow {
    /// A digest of the digest: it identifies the session and cannot be used as one.
    pub(crate) name: String,
    pub(crate) user_agent: String,
    /// The address that it was started from.
    pub(crate) network: String,
    pub(crate) created_at: OffsetDateTime,
    pub(crate) last_seen_at: OffsetDateTime,
    /// Whether it is the current session.
    pub(crate) this: bool,
}

impl SessionRow {
    /// The browser in words.
    pub(crate) fn device(&self) -> String {
        devices::name(&self.user_agent)
    }
}

/// Returns the viewer's sessions, newest first.
pub(crate) async fn sessions(
    db: &Pool,
    account: Uuid,
    token_hash: &[u8],
) -> Result<Vec<SessionRow>> {
    Ok(sqlx::query_as(
        "SELECT encode(sha256(token_hash), 'hex') AS name, user_agent, network, created_at, last_seen_at, token_hash = $2 AS this
         FROM sessions WHERE account_id = $1 ORDER BY last_seen_at DESC, created_at DESC",
    )
    .bind(account)
    .bind(token_hash)
    .fetch_all(db)
    .await?)
}
