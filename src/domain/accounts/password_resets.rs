//! Passwords: changing one's own, and reset links created by an administrator.

use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use crate::{
    db::pool::Pool,
    domain::{
        accounts::mails,
        auth::{passwords, pending_sign_ins, secrets},
        error::{Problem, Result},
        events::{
            Change,
            audit_log::{self, AuditEntry},
        },
    },
};

/// How long a reset link is valid.
const VALID_FOR: Duration = Duration::minutes(60);

/// Creates a reset link for a person and returns its secret; an earlier link stops working.
pub(crate) async fn make_link(change: &mut Change, handle: &str) -> Result<String> {
    let secret = secrets::new_secret()?;
    let (at, actor) = (change.at, change.actor);
    let created = sqlx::query(
        "INSERT INTO password_resets (account_id, token_hash, created_by, created_at, expires_at)
         SELECT id, $2, $3, $4, $5 FROM accounts WHERE handle = $1 AND deactivated_at IS NULL
         ON CONFLICT (account_id) DO UPDATE SET token_hash = excluded.token_hash, created_by = excluded.created_by,
            created_at = excluded.created_at, expires_at = excluded.expires_at",
    )
    .bind(handle)
    .bind(secrets::digest(&secret))
    .bind(actor)
    .bind(at)
    .bind(at + VALID_FOR)
    .execute(change.db())
    .await?;
    if created.rows_affected() == 0 {
        return Err(Problem::NotFound);
    }
    audit_log::note(change, "password.link-created", &format!("for @{handle}")).await?;
    Ok(secret)
}

/// Creates a reset link to be mailed now and returns its secret; an earlier link stops working. `None` if the person's
/// address is not confirmed any more, or they were deactivated.
pub(crate) async fn make_mailed_link(
    db: &Pool,
    account: Uuid,
    now: OffsetDateTime,
) -> Result<Option<String>> {
    let secret = secrets::new_secret()?;
    let created = sqlx::query(
        "INSERT INTO password_resets (account_id, token_hash, created_at, expires_at)
         SELECT id, $2, $3, $4 FROM accounts WHERE id = $1 AND deactivated_at IS NULL AND email_confirmed_at IS NOT NULL
         ON CONFLICT (account_id) DO UPDATE SET token_hash = excluded.token_hash, created_by = NULL,
            created_at = excluded.created_at, expires_at = excluded.expires_at",
    )
    .bind(account)
    .bind(secrets::digest(&secret))
    .bind(now)
    .bind(now + VALID_FOR)
    .execute(db)
    .await?;
    Ok((created.rows_affected() == 1).then_some(secret))
}

/// Sends a person a reset link by mail, on behalf of an administrator.
///
/// # Errors
/// `Invalid` if their address is not confirmed.
pub(crate) async fn mail_link(change: &mut Change, handle: &str) -> Result<()> {
    let at = change.at;
    let account: Uuid =
        sqlx::query_scalar("SELECT id FROM accounts WHERE handle = $1 AND deactivated_at IS NULL")
            .bind(handle)
            .fetch_one(change.db())
            .await?;
    if !mails::send_password_reset(change.db(), account, at).await? {
        return Err(Problem::field(
            "do",
            "This person has not confirmed their address. Create a link and give it to them. Nothing was sent.",
        ));
    }
    audit_log::note(change, "password.link-mailed", &format!("to @{handle}")).await
}

/// Sends a reset link to someone who has forgotten their password, if an account with a password has this address and has
/// confirmed it. Takes as long, and leaves the same entry in the audit log, if none has.
pub(crate) async fn request(db: &Pool, now: OffsetDateTime, email: &str) -> Result<()> {
    let mut tx = db.begin().await?;
    sqlx::query(
        "INSERT INTO outbox (id, kind, account_id, created_at, send_at)
         SELECT $2, 'password-reset', id, $3, $3 FROM accounts
         WHERE lower(email) = lower($1) AND email_confirmed_at IS NOT NULL AND deactivated_at IS NULL AND password_hash IS NOT NULL
         ON CONFLICT DO NOTHING",
    )
    .bind(email)
    .bind(Uuid::now_v7())
    .bind(now)
    .execute(&mut *tx)
    .await?;
    let line = AuditEntry {
        kind: "password.reset-requested",
        about: email,
        ..AuditEntry::default()
    };
    audit_log::write(&mut tx, now, line).await?;
    tx.commit().await?;
    Ok(())
}

/// Returns the name of the account whose password the link resets.
///
/// # Errors
/// `NotFound` once the link was used, has expired, or was replaced.
pub(crate) async fn account_name(db: &Pool, now: OffsetDateTime, secret: &str) -> Result<String> {
    Ok(sqlx::query_scalar(
        "SELECT a.name FROM password_resets r JOIN accounts a ON a.id = r.account_id
         WHERE r.token_hash = $1 AND r.expires_at > $2 AND a.deactivated_at IS NULL",
    )
    .bind(secrets::digest(secret))
    .bind(now)
    .fetch_one(db)
    .await?)
}

/// Sets a new password with a reset link, once; all sessions of that person end.
pub(crate) async fn use_link(change: &mut Change, secret: &str, hash: &str) -> Result<Uuid> {
    let at = change.at;
    let account: Uuid = sqlx::query_scalar(
        "DELETE FROM password_resets r USING accounts a
         WHERE r.token_hash = $1 AND r.expires_at > $2 AND a.id = r.account_id AND a.deactivated_at IS NULL RETURNING r.account_id",
    )
    .bind(secrets::digest(secret))
    .bind(at)
    .fetch_one(change.db())
    .await?;
    set_password(change, account, hash, &[]).await?;
    let line = AuditEntry {
        actor: Some(account),
        kind: "password.reset",
        about: "by a link",
        ..AuditEntry::default()
    };
    audit_log::write(change.db(), at, line).await?;
    Ok(account)
}

/// Checks a person's current password and returns its hash. Demo accounts that signed in by link
/// have no password yet.
///
/// # Errors
/// `Invalid` for a wrong password, and for an account that signs in through a provider and has none: anyone who finds its
/// session must not be able to give it one.
pub(crate) async fn check_password(db: &Pool, account: Uuid, old: &str) -> Result<Option<String>> {
    let (current, has_identity): (Option<String>, bool) = sqlx::query_as(
        "SELECT password_hash, EXISTS (SELECT FROM account_identities i WHERE i.account_id = a.id) FROM accounts a
         WHERE id = $1",
    )
    .bind(account)
    .fetch_one(db)
    .await?;
    if current.is_none() && has_identity {
        return Err(Problem::field(
            "old",
            "Your account has no password. Ask an administrator for a link to set one. Nothing was changed.",
        ));
    }
    if current.is_some()
        && (old.len() > 1000 || !passwords::verify(old.to_owned(), current.clone()).await?)
    {
        return Err(Problem::field(
            "old",
            "Wrong current password. Nothing was changed.",
        ));
    }
    Ok(current)
}

/// Changes one's own password; all sessions but the current one end.
///
/// # Errors
/// `Conflict` if the password is no longer the one with the hash `expected_hash`.
pub(crate) async fn change_password(
    change: &mut Change,
    account: Uuid,
    current_session: &[u8],
    expected_hash: Option<&str>,
    hash: &str,
) -> Result<()> {
    let current: Option<String> =
        sqlx::query_scalar("SELECT password_hash FROM accounts WHERE id = $1 FOR NO KEY UPDATE")
            .bind(account)
            .fetch_one(change.db())
            .await?;
    if current.as_deref() != expected_hash {
        return Err(Problem::conflict(
            "Your password was changed in another session. Nothing was changed here.",
        ));
    }
    set_password(change, account, hash, current_session).await?;
    audit_log::note(change, "password.changed", "").await
}

/// Sets a password without the old one; all sessions end.
pub(crate) async fn set_on_command_line(
    change: &mut Change,
    account: Uuid,
    hash: &str,
) -> Result<()> {
    set_password(change, account, hash, &[]).await?;
    let (at, line) = (
        change.at,
        AuditEntry {
            actor: Some(account),
            kind: "password.reset",
            about: "on the command line",
            ..AuditEntry::default()
        },
    );
    audit_log::write(change.db(), at, line).await
}

async fn set_password(
    change: &mut Change,
    account: Uuid,
    hash: &str,
    current_session: &[u8],
) -> Result<()> {
    sqlx::query("UPDATE accounts SET password_hash = $2 WHERE id = $1")
        .bind(account)
        .bind(hash)
        .execute(change.db())
        .await?;
    sqlx::query("DELETE FROM sessions WHERE account_id = $1 AND token_hash <> $2")
        .bind(account)
        .bind(current_session)
        .execute(change.db())
        .await?;
    // Of a sign-in with the former password, only the code is missing.
    pending_sign_ins::end_all(change.db(), account).await?;
    // An earlier reset link could still change the password.
    sqlx::query("DELETE FROM password_resets WHERE account_id = $1")
        .bind(account)
        .execute(change.db())
        .await?;
    Ok(())
}
