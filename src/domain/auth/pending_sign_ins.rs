//! Sign-ins that wait for a code: the password was right, and there is no session yet.

use sqlx::PgConnection;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use crate::{
    db::pool::Pool,
    domain::{
        auth::{secrets, sessions::SessionIdentity},
        error::Result,
    },
};

/// How long a code may be entered.
pub(crate) const VALID_FOR: Duration = Duration::minutes(10);

/// After so many wrong codes the password has to be entered again.
const MOST_ATTEMPTS: i32 = 5;

/// The longest path that is remembered; a longer one becomes the first page.
const LONGEST_PATH: usize = 2000;

/// A sign-in that waits for a code.
#[derive(Clone, Debug, sqlx::FromRow)]
pub(crate) struct PendingSignIn {
    pub(crate) account_id: Uuid,
    pub(crate) handle: String,
    /// How the person began, for the audit log.
    pub(crate) begun_by: String,
    pub(crate) is_by_provider: bool,
    /// The path to go to afterwards.
    pub(crate) next: String,
    issuer: Option<String>,
    subject: Option<String>,
    sid: Option<String>,
    sign_out_at: Option<String>,
}

impl PendingSignIn {
    /// What the provider said, if the person began there.
    pub(crate) fn identity(&self) -> Option<SessionIdentity> {
        Some(SessionIdentity {
            issuer: self.issuer.clone()?,
            subject: self.subject.clone()?,
            sid: self.sid.clone(),
            sign_out_at: self.sign_out_at.clone(),
        })
    }
}

/// Begins one and returns its secret, for a cookie of the browser. The caller holds a lock on the account.
pub(crate) async fn begin(
    db: &mut PgConnection,
    now: OffsetDateTime,
    account: Uuid,
    begun_by: &str,
    (is_by_provider, identity): (bool, Option<&SessionIdentity>),
    next: &str,
) -> Result<String> {
    let secret = secrets::new_secret()?;
    let begun_by: String = begun_by.chars().take(200).collect();
    sqlx::query(
        "INSERT INTO pending_sign_ins
            (token_hash, account_id, begun_by, is_by_provider, next, expires_at, issuer, subject, sid, sign_out_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
    )
    .bind(secrets::digest(&secret))
    .bind(account)
    .bind(begun_by)
    .bind(is_by_provider)
    .bind(if next.len() <= LONGEST_PATH { next } else { "/" })
    .bind(now + VALID_FOR)
    .bind(identity.map(|identity| &identity.issuer))
    .bind(identity.map(|identity| &identity.subject))
    .bind(identity.and_then(|identity| identity.sid.as_deref()))
    .bind(identity.and_then(|identity| identity.sign_out_at.as_deref()))
    .execute(db)
    .await?;
    Ok(secret)
}

macro_rules! pending {
    () => {
        "SELECT p.account_id, a.handle, p.begun_by, p.is_by_provider, p.next, p.issuer, p.subject, p.sid, p.sign_out_at
         FROM pending_sign_ins p JOIN accounts a ON a.id = p.account_id
         WHERE p.token_hash = $1 AND p.expires_at > $2 AND a.deactivated_at IS NULL"
    };
}

/// Finds the one with this secret.
pub(crate) async fn find(
    db: &Pool,
    now: OffsetDateTime,
    secret: &str,
) -> Result<Option<PendingSignIn>> {
    Ok(sqlx::query_as(pending!())
        .bind(secrets::digest(secret))
        .bind(now)
        .fetch_optional(db)
        .await?)
}

/// Finds the one with this secret, and locks it and its account until the transaction ends.
pub(crate) async fn lock(
    db: &mut PgConnection,
    now: OffsetDateTime,
    secret: &str,
) -> Result<Option<PendingSignIn>> {
    // The account first, as where a password is changed.
    sqlx::query(
        "SELECT FROM accounts WHERE id = (SELECT account_id FROM pending_sign_ins WHERE token_hash = $1) FOR SHARE",
    )
    .bind(secrets::digest(secret))
    .execute(&mut *db)
    .await?;
    Ok(sqlx::query_as(concat!(pending!(), " FOR UPDATE OF p"))
        .bind(secrets::digest(secret))
        .bind(now)
        .fetch_optional(db)
        .await?)
}

/// Notes a wrong code. Returns whether another one may be entered; otherwise the sign-in has ended.
pub(crate) async fn note_wrong_code(db: &mut PgConnection, secret: &str) -> Result<bool> {
    let attempts: i32 = sqlx::query_scalar(
        "UPDATE pending_sign_ins SET attempts = attempts + 1 WHERE token_hash = $1 RETURNING attempts",
    )
    .bind(secrets::digest(secret))
    .fetch_one(&mut *db)
    .await?;
    if attempts < MOST_ATTEMPTS {
        return Ok(true);
    }
    end(db, secret).await?;
    Ok(false)
}

/// Ends one.
pub(crate) async fn end(db: &mut PgConnection, secret: &str) -> Result<()> {
    sqlx::query("DELETE FROM pending_sign_ins WHERE token_hash = $1")
        .bind(secrets::digest(secret))
        .execute(db)
        .await?;
    Ok(())
}

/// Ends all of an account, because its password or second factor has changed.
pub(crate) async fn end_all(db: &mut PgConnection, account: Uuid) -> Result<()> {
    sqlx::query("DELETE FROM pending_sign_ins WHERE account_id = $1")
        .bind(account)
        .execute(db)
        .await?;
    Ok(())
}
