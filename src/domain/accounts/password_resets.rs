//! Passwords: changing one's own, and the link that an administrator makes for who has forgotten theirs.

use crate::domain::auth::secrets;
use sqlx::PgPool;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use crate::domain::{
    auth::passwords,
    events::audit_log::{self, Line},
};
use crate::domain::{
    error::{Problem, Result},
    events::Change,
};

/// How long a link for a new password holds.
const HOLDS: Duration = Duration::minutes(60);

/// Makes a link's secret for a new password of that person; one that was made before ends.
pub async fn make_link(change: &mut Change, handle: &str) -> Result<String> {
    let secret = secrets::new_secret()?;
    let (at, actor) = (change.at, change.actor);
    let made = sqlx::query(
        "INSERT INTO password_resets (account_id, token_hash, created_by, created_at, expires_at)
         SELECT id, $2, $3, $4, $5 FROM accounts WHERE handle = $1 AND deactivated_at IS NULL
         ON CONFLICT (account_id) DO UPDATE SET token_hash = excluded.token_hash, created_by = excluded.created_by,
            created_at = excluded.created_at, expires_at = excluded.expires_at",
    )
    .bind(handle)
    .bind(secrets::digest(&secret))
    .bind(actor)
    .bind(at)
    .bind(at + HOLDS)
    .execute(change.db())
    .await?;
    if made.rows_affected() == 0 {
        return Err(Problem::NotFound);
    }
    audit_log::note(change, "password.link-created", &format!("for @{handle}")).await?;
    Ok(secret)
}

/// Whose password that link sets.
///
/// # Errors
/// `NotFound` once it was used, is older than an hour, or another was made.
pub async fn whose(db: &PgPool, now: OffsetDateTime, secret: &str) -> Result<String> {
    Ok(sqlx::query_scalar(
        "SELECT a.name FROM password_resets r JOIN accounts a ON a.id = r.account_id
         WHERE r.token_hash = $1 AND r.expires_at > $2 AND a.deactivated_at IS NULL",
    )
    .bind(secrets::digest(secret))
    .bind(now)
    .fetch_one(db)
    .await?)
}

/// Sets a new password by a link, once; every session of that person ends.
pub async fn use_link(change: &mut Change, secret: &str, hash: &str) -> Result<Uuid> {
    let at = change.at;
    let account: Uuid = sqlx::query_scalar(
        "DELETE FROM password_resets r USING accounts a
         WHERE r.token_hash = $1 AND r.expires_at > $2 AND a.id = r.account_id AND a.deactivated_at IS NULL RETURNING r.account_id",
    )
    .bind(secrets::digest(secret))
    .bind(at)
    .fetch_one(change.db())
    .await?;
    keep(change, account, hash, &[]).await?;
    let line = Line {
        actor: Some(account),
        kind: "password.reset",
        about: "by a link",
        ..Line::default()
    };
    audit_log::write(change.db(), at, line).await?;
    Ok(account)
}

/// What stands of somebody's password, if they know it. Whoever came by a link of the demo has none yet.
///
/// # Errors
/// `Invalid` for a wrong one.
pub async fn known_password(db: &PgPool, account: Uuid, old: &str) -> Result<Option<String>> {
    let stands: Option<String> =
        sqlx::query_scalar("SELECT password_hash FROM accounts WHERE id = $1")
            .bind(account)
            .fetch_one(db)
            .await?;
    if stands.is_some()
        && (old.len() > 1000 || !passwords::verify(old.to_owned(), stands.clone()).await?)
    {
        return Err(Problem::field(
            "old",
            "That is not your password. Nothing was changed.",
        ));
    }
    Ok(stands)
}

/// Changes one's own password from what stood; every session but the one that asks ends.
///
/// # Errors
/// `Conflict` where it was changed meanwhile.
pub async fn change_password(
    change: &mut Change,
    account: Uuid,
    own: &[u8],
    stood: Option<&str>,
    hash: &str,
) -> Result<()> {
    let stands: Option<String> =
        sqlx::query_scalar("SELECT password_hash FROM accounts WHERE id = $1 FOR NO KEY UPDATE")
            .bind(account)
            .fetch_one(change.db())
            .await?;
    if stands.as_deref() != stood {
        return Err(Problem::conflict(
            "Your password was changed elsewhere meanwhile. Nothing was changed here.",
        ));
    }
    keep(change, account, hash, own).await?;
    audit_log::note(change, "password.changed", "").await
}

async fn keep(change: &mut Change, account: Uuid, hash: &str, own: &[u8]) -> Result<()> {
    sqlx::query("UPDATE accounts SET password_hash = $2 WHERE id = $1")
        .bind(account)
        .bind(hash)
        .execute(change.db())
        .await?;
    sqlx::query("DELETE FROM sessions WHERE account_id = $1 AND token_hash <> $2")
        .bind(account)
        .bind(own)
        .execute(change.db())
        .await?;
    // A link that was made before could set another one still.
    sqlx::query("DELETE FROM password_resets WHERE account_id = $1")
        .bind(account)
        .execute(change.db())
        .await?;
    Ok(())
}
