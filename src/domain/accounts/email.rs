//! Changes the address that a person signs in with.

use uuid::Uuid;

use crate::domain::{
    accounts::mails,
    error::{Problem, Result},
    events::{Change, audit_log},
};

/// Changes a person's address. The former one, if it was confirmed, gets a mail; the new one has to be confirmed before mail
/// goes there. Links that were sent to the former one stop working.
///
/// # Errors
/// `Conflict` if the password is no longer the one with the hash `expected_hash`.
pub(crate) async fn change_email(
    change: &mut Change,
    account: Uuid,
    expected_hash: Option<&str>,
    email: &str,
    has_mail: bool,
) -> Result<()> {
    let at = change.at;
    let (current, hash): (String, Option<String>) =
        sqlx::query_as("SELECT email, password_hash FROM accounts WHERE id = $1 FOR NO KEY UPDATE")
            .bind(account)
            .fetch_one(change.db())
            .await?;
    if hash.as_deref() != expected_hash {
        return Err(Problem::conflict(
            "Your password was changed in another session. Nothing was changed here.",
        ));
    }
    if current == email {
        return Ok(());
    }
    if has_mail {
        mails::tell_former_address(change.db(), account, at).await?;
    }
    sqlx::query("UPDATE accounts SET email = $2, email_confirmed_at = NULL WHERE id = $1")
        .bind(account)
        .bind(email)
        .execute(change.db())
        .await?;
    sqlx::query("DELETE FROM email_confirmations WHERE account_id = $1")
        .bind(account)
        .execute(change.db())
        .await?;
    sqlx::query("DELETE FROM password_resets WHERE account_id = $1")
        .bind(account)
        .execute(change.db())
        .await?;
    if has_mail {
        mails::ask_for_confirmation(change.db(), account, at).await?;
    }
    // Without the addresses: when an account is deleted, only its last one is removed from the log.
    audit_log::note(change, "email.changed", "").await
}
