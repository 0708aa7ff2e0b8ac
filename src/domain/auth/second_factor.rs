//! A second factor: the secret that an authenticator app and the server share, and recovery codes.

use sqlx::PgConnection;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use crate::{
    db::pool::Pool,
    domain::{auth::totp, error::Result},
};

/// How long a secret waits for the first code. Someone else may have seen an older one at an unlocked computer.
const SET_UP_WITHIN: Duration = Duration::hours(1);

/// An account's second factor. It is never shown by `Debug`, because it has the secret.
#[derive(sqlx::FromRow)]
pub(crate) struct SecondFactor {
    pub(crate) secret: Vec<u8>,
    /// When it was switched on; until then no code is asked for.
    pub(crate) enabled_at: Option<OffsetDateTime>,
    /// How many recovery codes are left.
    pub(crate) recovery_codes: i64,
}

/// What a person proved their identity with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Accepted {
    Code,
    RecoveryCode,
}

impl Accepted {
    /// In words, for the audit log.
    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::Code => "a code",
            Self::RecoveryCode => "a recovery code",
        }
    }
}

/// Returns an account's second factor, also one that is still being set up.
pub(crate) async fn of(
    db: &Pool,
    account: Uuid,
    now: OffsetDateTime,
) -> Result<Option<SecondFactor>> {
    Ok(sqlx::query_as(
        "SELECT f.secret, f.enabled_at, (SELECT count(*) FROM recovery_codes c WHERE c.account_id = f.account_id) AS recovery_codes
         FROM second_factors f WHERE f.account_id = $1 AND (f.enabled_at IS NOT NULL OR f.created_at > $2)",
    )
    .bind(account)
    .bind(now - SET_UP_WITHIN)
    .fetch_optional(db)
    .await?)
}

/// Whether a sign-in needs a code: the account has a second factor, and the sign-in is not one through a provider whose
/// own second factor is enough.
pub(crate) async fn is_asked(
    db: &mut PgConnection,
    account: Uuid,
    is_by_provider: bool,
) -> Result<bool> {
    Ok(sqlx::query_scalar(
        "SELECT EXISTS (SELECT FROM second_factors f, workspace w WHERE f.account_id = $1 AND f.enabled_at IS NOT NULL
                        AND NOT ($2 AND w.provider_is_second_factor))",
    )
    .bind(account)
    .bind(is_by_provider)
    .fetch_one(db)
    .await?)
}

/// Makes a new secret for an account, unless its second factor is on.
pub(crate) async fn prepare(
    db: &mut PgConnection,
    account: Uuid,
    now: OffsetDateTime,
) -> Result<()> {
    sqlx::query(
        "INSERT INTO second_factors AS f (account_id, secret, created_at) VALUES ($1, $2, $3)
         ON CONFLICT (account_id) DO UPDATE SET secret = excluded.secret, created_at = excluded.created_at
         WHERE f.enabled_at IS NULL",
    )
    .bind(account)
    .bind(totp::new_secret()?)
    .bind(now)
    .execute(db)
    .await?;
    Ok(())
}

/// Switches the prepared second factor on, with the first code of the app. False for a wrong code.
pub(crate) async fn enable(
    db: &mut PgConnection,
    account: Uuid,
    code: &str,
    now: OffsetDateTime,
) -> Result<bool> {
    let secret: Option<Vec<u8>> = sqlx::query_scalar(
        "SELECT secret FROM second_factors WHERE account_id = $1 AND enabled_at IS NULL AND created_at > $2 FOR UPDATE",
    )
    .bind(account)
    .bind(now - SET_UP_WITHIN)
    .fetch_optional(&mut *db)
    .await?;
    let Some(secret) = secret else {
        return Ok(false);
    };
    let Some(step) = totp::step_of(&secret, &totp::plain(code), now)? else {
        return Ok(false);
    };
    sqlx::query("UPDATE second_factors SET enabled_at = $2, last_step = $3 WHERE account_id = $1")
        .bind(account)
        .bind(now)
        .bind(step)
        .execute(db)
        .await?;
    Ok(true)
}

/// Uses up a code of the app or a recovery code; `None` if it is wrong, or was used before.
pub(crate) async fn accept(
    db: &mut PgConnection,
    account: Uuid,
    entered: &str,
    now: OffsetDateTime,
) -> Result<Option<Accepted>> {
    let entered = totp::plain(entered);
    let secret: Option<Vec<u8>> = sqlx::query_scalar(
        "SELECT secret FROM second_factors WHERE account_id = $1 AND enabled_at IS NOT NULL",
    )
    .bind(account)
    .fetch_optional(&mut *db)
    .await?;
    let Some(secret) = secret else {
        return Ok(None);
    };
    if let Some(step) = totp::step_of(&secret, &entered, now)? {
        // Of two requests with the same code, the second waits here, and then the step is no longer newer.
        let used = sqlx::query(
            "UPDATE second_factors SET last_step = $2 WHERE account_id = $1 AND last_step < $2 AND secret = $3",
        )
        .bind(account)
        .bind(step)
        .bind(secret)
        .execute(db)
        .await?;
        return Ok((used.rows_affected() == 1).then_some(Accepted::Code));
    }
    let used = sqlx::query("DELETE FROM recovery_codes WHERE account_id = $1 AND code_hash = $2")
        .bind(account)
        .bind(totp::recovery_digest(&entered))
        .execute(db)
        .await?;
    Ok((used.rows_affected() == 1).then_some(Accepted::RecoveryCode))
}

/// Replaces the recovery codes and returns the new ones, which are not stored and cannot be shown again.
pub(crate) async fn replace_recovery_codes(
    db: &mut PgConnection,
    account: Uuid,
) -> Result<Vec<String>> {
    let codes = totp::new_recovery_codes()?;
    let hashes: Vec<Vec<u8>> = codes
        .iter()
        .map(|code| totp::recovery_digest(code))
        .collect();
    sqlx::query("DELETE FROM recovery_codes WHERE account_id = $1")
        .bind(account)
        .execute(&mut *db)
        .await?;
    sqlx::query(
        "INSERT INTO recovery_codes (account_id, code_hash) SELECT $1, unnest($2::bytea[])",
    )
    .bind(account)
    .bind(hashes)
    .execute(db)
    .await?;
    Ok(codes)
}

/// Removes an account's second factor with its recovery codes. False if there was none.
pub(crate) async fn remove(db: &mut PgConnection, account: Uuid) -> Result<bool> {
    let removed = sqlx::query("DELETE FROM second_factors WHERE account_id = $1")
        .bind(account)
        .execute(db)
        .await?;
    Ok(removed.rows_affected() == 1)
}
