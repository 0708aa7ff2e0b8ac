//! A person's address and the hour of their digest.

use sqlx::PgConnection;
use uuid::Uuid;

use crate::{db::pool::Pool, domain::error::Result};

/// Where a person's mail goes, and when the digest comes.
#[derive(Clone, Debug, sqlx::FromRow)]
pub(crate) struct MailProfile {
    pub(crate) email: String,
    /// Whether the person has confirmed the address.
    pub(crate) is_confirmed: bool,
    /// Whether a link to confirm it is on its way, or was sent and is still valid.
    pub(crate) is_asked: bool,
    /// A minute of the day, in the person's time zone.
    pub(crate) digest_at: i16,
}

/// Loads it.
pub(crate) async fn of(db: &Pool, account: Uuid) -> Result<MailProfile> {
    Ok(sqlx::query_as(
        "SELECT a.email, a.email_confirmed_at IS NOT NULL AS is_confirmed, a.digest_at,
                EXISTS (SELECT FROM outbox o WHERE o.account_id = a.id AND o.kind = 'confirmation' AND o.failed_at IS NULL)
                OR EXISTS (SELECT FROM email_confirmations c WHERE c.account_id = a.id) AS is_asked
         FROM accounts a WHERE a.id = $1",
    )
    .bind(account)
    .fetch_one(db)
    .await?)
}

/// Sets the hour of a person's digest, in minutes of the day.
pub(crate) async fn set_digest_at(db: &mut PgConnection, account: Uuid, at: i16) -> Result<()> {
    sqlx::query("UPDATE accounts SET digest_at = $2 WHERE id = $1")
        .bind(account)
        .bind(at)
        .execute(db)
        .await?;
    Ok(())
}
