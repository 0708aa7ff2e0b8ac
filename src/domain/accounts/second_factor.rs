//! Changes of a person's second factor, with their entries in the audit log.

use sqlx::PgConnection;
use uuid::Uuid;

use crate::{
    db::pool::Pool,
    domain::{
        accounts::mails,
        auth::{pending_sign_ins, second_factor},
        error::{Problem, Result},
        events::{
            Change,
            audit_log::{self, AuditEntry},
        },
    },
};

/// Makes a secret for an app, which is switched on by its first code.
pub(crate) async fn prepare(change: &mut Change, account: Uuid) -> Result<()> {
    let at = change.at;
    second_factor::prepare(change.db(), account, at).await
}

/// Switches the second factor on with the app's first code, and returns the recovery codes. All other sessions of the
/// person end: they were started without a code.
///
/// # Errors
/// `Invalid` for a wrong code.
pub(crate) async fn switch_on(
    change: &mut Change,
    account: Uuid,
    session: &[u8],
    code: &str,
) -> Result<Vec<String>> {
    let at = change.at;
    lock(change.db(), account).await?;
    if !second_factor::enable(change.db(), account, code, at).await? {
        return Err(wrong_code());
    }
    let codes = second_factor::replace_recovery_codes(change.db(), account).await?;
    sqlx::query("DELETE FROM sessions WHERE account_id = $1 AND token_hash <> $2")
        .bind(account)
        .bind(session)
        .execute(change.db())
        .await?;
    audit_log::note(change, "second-factor.enabled", "").await?;
    Ok(codes)
}

/// Replaces the recovery codes and returns the new ones.
///
/// # Errors
/// As [`switch_on`].
pub(crate) async fn make_recovery_codes(
    change: &mut Change,
    account: Uuid,
    code: &str,
) -> Result<Vec<String>> {
    accept(change, account, code).await?;
    let codes = second_factor::replace_recovery_codes(change.db(), account).await?;
    audit_log::note(change, "second-factor.codes-replaced", "").await?;
    Ok(codes)
}

/// Switches the second factor off.
///
/// # Errors
/// As [`switch_on`].
pub(crate) async fn switch_off(change: &mut Change, account: Uuid, code: &str) -> Result<()> {
    accept(change, account, code).await?;
    remove(change, account).await?;
    audit_log::note(change, "second-factor.disabled", "").await
}

async fn accept(change: &mut Change, account: Uuid, code: &str) -> Result<()> {
    let at = change.at;
    lock(change.db(), account).await?;
    let accepted = second_factor::accept(change.db(), account, code, at).await?;
    accepted.map(|_| ()).ok_or_else(wrong_code)
}

/// Waits for sign-ins, which lock the account too.
async fn lock(db: &mut PgConnection, account: Uuid) -> Result<()> {
    sqlx::query("SELECT FROM accounts WHERE id = $1 FOR NO KEY UPDATE")
        .bind(account)
        .execute(db)
        .await?;
    Ok(())
}

async fn remove(change: &mut Change, account: Uuid) -> Result<bool> {
    let removed = second_factor::remove(change.db(), account).await?;
    pending_sign_ins::end_all(change.db(), account).await?;
    Ok(removed)
}

fn wrong_code() -> Problem {
    Problem::field(
        "code",
        "This code is wrong, or was used before. Nothing was changed. Wait for the next one and enter that.",
    )
}

/// Removes a person's second factor, because they have lost the app and the recovery codes. Their sessions end, and they
/// are told by mail.
///
/// # Errors
/// `Invalid` for one's own, which a code removes; `Conflict` for a person without one.
pub(crate) async fn reset(change: &mut Change, handle: &str, has_mail: bool) -> Result<()> {
    let account: Uuid = sqlx::query_scalar(
        "SELECT id FROM accounts WHERE handle = $1 AND deactivated_at IS NULL FOR NO KEY UPDATE",
    )
    .bind(handle)
    .fetch_one(change.db())
    .await?;
    if change.actor == Some(account) {
        return Err(Problem::field(
            "do",
            "Switch off your own second factor on your account's page, with a code. Nothing was changed.",
        ));
    }
    if !remove(change, account).await? {
        return Err(Problem::conflict(
            "This person has no second factor. Nothing was changed.",
        ));
    }
    sqlx::query("DELETE FROM sessions WHERE account_id = $1")
        .bind(account)
        .execute(change.db())
        .await?;
    if has_mail {
        let (at, by) = (change.at, change.actor);
        let by: Option<String> = sqlx::query_scalar("SELECT name FROM accounts WHERE id = $1")
            .bind(by)
            .fetch_optional(change.db())
            .await?;
        let by = by.unwrap_or_else(|| "An administrator".to_owned());
        mails::tell_of_second_factor_reset(change.db(), account, &by, at).await?;
    }
    audit_log::note(change, "second-factor.reset", &format!("of @{handle}")).await
}

/// What the workspace asks of its people.
#[derive(Clone, Copy, Debug, PartialEq, Eq, sqlx::FromRow)]
pub(crate) struct Requirement {
    #[sqlx(rename = "second_factor_required")]
    pub(crate) is_required: bool,
    /// Whether a sign-in through the OpenID provider needs no code.
    pub(crate) provider_is_second_factor: bool,
}

/// Returns what the workspace asks of its people.
pub(crate) async fn requirement(db: &Pool) -> Result<Requirement> {
    Ok(
        sqlx::query_as("SELECT second_factor_required, provider_is_second_factor FROM workspace")
            .fetch_one(db)
            .await?,
    )
}

/// How many people can sign in, and how many of them have a second factor.
pub(crate) async fn coverage(db: &Pool) -> Result<(i64, i64)> {
    Ok(sqlx::query_as(
        "SELECT count(*), count(f.account_id) FROM accounts a
         LEFT JOIN second_factors f ON f.account_id = a.id AND f.enabled_at IS NOT NULL WHERE a.deactivated_at IS NULL",
    )
    .fetch_one(db)
    .await?)
}

/// Sets what the workspace asks of its people.
///
/// # Errors
/// `Invalid` if it would lock out the administrator who does it, whose session is the one with this token hash.
pub(crate) async fn require(
    change: &mut Change,
    session: &[u8],
    requirement: Requirement,
) -> Result<()> {
    let before: Requirement = sqlx::query_as(
        "SELECT second_factor_required, provider_is_second_factor FROM workspace FOR UPDATE",
    )
    .fetch_one(change.db())
    .await?;
    if before == requirement {
        return Ok(());
    }
    sqlx::query(
        "UPDATE workspace SET second_factor_required = $1, provider_is_second_factor = $2, seq = seq + 1",
    )
    .bind(requirement.is_required)
    .bind(requirement.provider_is_second_factor)
    .execute(change.db())
    .await?;
    let is_locked_out: bool = sqlx::query_scalar(concat!(
        "SELECT EXISTS (SELECT FROM sessions s WHERE s.token_hash = $1 AND ",
        crate::domain::policy::predicates::lacks_second_factor!(),
        ")"
    ))
    .bind(session)
    .fetch_one(change.db())
    .await?;
    if is_locked_out {
        return Err(Problem::field(
            "required",
            "Set up your own second factor first. Nothing was changed.",
        ));
    }
    let about = match (
        requirement.is_required,
        requirement.provider_is_second_factor,
    ) {
        (true, true) => "second factor required, except for single sign-on",
        (true, false) => "second factor required",
        (false, true) => "second factor optional, no code after single sign-on",
        (false, false) => "second factor optional",
    };
    audit_log::note(change, "settings.changed", about).await
}

/// Removes the second factor of the account with this address, on the command line.
///
/// # Errors
/// `NotFound` if there is no such account, or it has none.
pub(crate) async fn reset_by_command(
    db: &mut PgConnection,
    now: time::OffsetDateTime,
    email: &str,
) -> Result<String> {
    let (account, handle): (Uuid, String) = sqlx::query_as(
        "SELECT id, handle FROM accounts WHERE lower(email) = lower($1) FOR NO KEY UPDATE",
    )
    .bind(email)
    .fetch_one(&mut *db)
    .await?;
    if !second_factor::remove(&mut *db, account).await? {
        return Err(Problem::NotFound);
    }
    pending_sign_ins::end_all(&mut *db, account).await?;
    sqlx::query("DELETE FROM sessions WHERE account_id = $1")
        .bind(account)
        .execute(&mut *db)
        .await?;
    let about = format!("of @{handle}, on the command line");
    let entry = AuditEntry {
        kind: "second-factor.reset",
        about: &about,
        ..AuditEntry::default()
    };
    audit_log::write(db, now, entry).await?;
    Ok(handle)
}
