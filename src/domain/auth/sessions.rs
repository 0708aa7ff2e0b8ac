//! Sessions: an opaque cookie, its digest in a table, gone at once when ended.

use crate::domain::auth::secrets;
use sqlx::{PgExecutor, PgPool};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use crate::domain::error::{Problem, Result};

/// Unused for so long, a session ends.
const IDLE: Duration = Duration::days(14);
/// However much it is used, it ends after so long.
pub const LONGEST: Duration = Duration::days(90);
/// How often its last use is written down: not on every request.
pub const SEEN_EVERY: Duration = Duration::minutes(10);

/// Starts a session; the answer is the cookie's value.
///
/// # Errors
/// `SignedOut` for who may not come in any more.
pub async fn start(
    db: impl PgExecutor<'_>,
    now: OffsetDateTime,
    account: Uuid,
    user_agent: &str,
) -> Result<String> {
    start_by(db, now, account, None, user_agent)
        .await?
        .ok_or(Problem::SignedOut)
}

/// Starts a session for who knew the password of that hash; none where it was changed, or the account deactivated, while
/// they waited. The lock makes whoever changes it just now be waited for, so that they end this session, or find it none.
pub async fn start_by(
    db: impl PgExecutor<'_>,
    now: OffsetDateTime,
    account: Uuid,
    hash: Option<&str>,
    user_agent: &str,
) -> Result<Option<String>> {
    let secret = secrets::new_secret()?;
    let started = sqlx::query(
        "INSERT INTO sessions (token_hash, account_id, created_at, last_seen_at, expires_at, user_agent)
         SELECT $1, id, $3, $3, $4, left($5, 300) FROM accounts
         WHERE id = $2 AND deactivated_at IS NULL AND ($6::text IS NULL OR password_hash = $6) FOR SHARE",
    )
    .bind(secrets::digest(&secret))
    .bind(account)
    .bind(now)
    .bind(now + IDLE)
    .bind(user_agent)
    .bind(hash)
    .execute(db)
    .await?;
    Ok((started.rows_affected() == 1).then_some(secret))
}

/// Moves a session's end on, within its longest life.
pub async fn seen(db: &PgPool, now: OffsetDateTime, token_hash: &[u8]) -> Result<()> {
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
pub async fn end(db: impl PgExecutor<'_>, token_hash: &[u8]) -> Result<()> {
    sqlx::query("DELETE FROM sessions WHERE token_hash = $1")
        .bind(token_hash)
        .execute(db)
        .await?;
    Ok(())
}

/// A place where somebody is signed in.
#[derive(Clone, Debug, sqlx::FromRow)]
pub(crate) struct SessionRow {
    /// A digest of the digest: it names the session and opens nothing.
    pub name: String,
    pub user_agent: String,
    pub last_seen_at: OffsetDateTime,
    /// The one that asks.
    pub this: bool,
}

/// Where the viewer is signed in, the newest first.
pub(crate) async fn sessions(
    db: &PgPool,
    account: Uuid,
    token_hash: &[u8],
) -> Result<Vec<SessionRow>> {
    Ok(sqlx::query_as(
        "SELECT encode(sha256(token_hash), 'hex') AS name, user_agent, last_seen_at, token_hash = $2 AS this
         FROM sessions WHERE account_id = $1 ORDER BY last_seen_at DESC, created_at DESC",
    )
    .bind(account)
    .bind(token_hash)
    .fetch_all(db)
    .await?)
}
