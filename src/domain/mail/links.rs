//! Links in mails: to confirm an address, and to end mails of a kind.

use sqlx::PgConnection;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use crate::{
    db::pool::Pool,
    domain::{
        auth::secrets,
        error::{Problem, Result},
        mail::choices::{self, Delivery},
        notifications::reason::Reason,
    },
};

/// How long a link that confirms an address is valid.
const CONFIRM_WITHIN: Duration = Duration::days(2);

/// What an unsubscribe link ends, besides single reasons.
pub(crate) const DIGEST: &str = "digest";

/// Creates a link that confirms the person's present address, and returns its secret and the address. An earlier link
/// stops working. `None` if the account was deactivated, or the address is confirmed.
pub(crate) async fn make_confirmation(
    db: &Pool,
    account: Uuid,
    now: OffsetDateTime,
) -> Result<Option<(String, String)>> {
    let secret = secrets::new_secret()?;
    let email: Option<String> = sqlx::query_scalar(
        "INSERT INTO email_confirmations (account_id, token_hash, email, expires_at)
         SELECT id, $2, email, $3 FROM accounts WHERE id = $1 AND deactivated_at IS NULL AND email_confirmed_at IS NULL
         ON CONFLICT (account_id) DO UPDATE SET token_hash = excluded.token_hash, email = excluded.email, expires_at = excluded.expires_at
         RETURNING email",
    )
    .bind(account)
    .bind(secrets::digest(&secret))
    .bind(now + CONFIRM_WITHIN)
    .fetch_optional(db)
    .await?;
    Ok(email.map(|email| (secret, email)))
}

/// The address that a link confirms.
///
/// # Errors
/// `NotFound` once the link was used, replaced or has expired, or the address is another one.
pub(crate) async fn address_of(db: &Pool, secret: &str, now: OffsetDateTime) -> Result<String> {
    sqlx::query_scalar(
        "SELECT c.email FROM email_confirmations c JOIN accounts a ON a.id = c.account_id AND a.email = c.email
         WHERE c.token_hash = $1 AND c.expires_at > $2 AND a.deactivated_at IS NULL",
    )
    .bind(secrets::digest(secret))
    .bind(now)
    .fetch_optional(db)
    .await?
    .ok_or(Problem::NotFound)
}

/// Confirms the address of a link, once.
///
/// # Errors
/// As `address_of`.
pub(crate) async fn confirm(db: &Pool, secret: &str, now: OffsetDateTime) -> Result<()> {
    let mut tx = db.begin().await?;
    let confirmed = sqlx::query(
        "WITH used AS (DELETE FROM email_confirmations WHERE token_hash = $1 AND expires_at > $2 RETURNING account_id, email)
         UPDATE accounts a SET email_confirmed_at = $2 FROM used WHERE a.id = used.account_id AND a.email = used.email AND a.deactivated_at IS NULL",
    )
    .bind(secrets::digest(secret))
    .bind(now)
    .execute(&mut *tx)
    .await?;
    if confirmed.rows_affected() == 0 {
        return Err(Problem::NotFound);
    }
    tx.commit().await?;
    Ok(())
}

/// Creates a link that ends mails for a reason or the digest, and returns its secret.
pub(crate) async fn make_unsubscribe(
    db: &Pool,
    account: Uuid,
    what: &str,
    now: OffsetDateTime,
) -> Result<String> {
    let secret = secrets::new_secret()?;
    sqlx::query("INSERT INTO unsubscribe_links (token_hash, account_id, reason, created_at) VALUES ($1, $2, $3, $4)")
        .bind(secrets::digest(&secret))
        .bind(account)
        .bind(what)
        .bind(now)
        .execute(db)
        .await?;
    Ok(secret)
}

/// What a link ends, in words: "You are mentioned" or "Digest".
///
/// # Errors
/// `NotFound` for an unknown link.
pub(crate) async fn ends(db: &Pool, secret: &str) -> Result<&'static str> {
    let (_, what) = find(db, secret).await?;
    Ok(Reason::parse(&what).map_or("The digest", Reason::label))
}

async fn find(db: &Pool, secret: &str) -> Result<(Uuid, String)> {
    sqlx::query_as("SELECT account_id, reason FROM unsubscribe_links WHERE token_hash = $1")
        .bind(secrets::digest(secret))
        .fetch_optional(db)
        .await?
        .ok_or(Problem::NotFound)
}

/// Ends mails for the link's reason; for the digest, all reasons that would be in it. May be used again.
///
/// # Errors
/// As `ends`.
pub(crate) async fn unsubscribe(db: &Pool, secret: &str) -> Result<()> {
    let (account, what) = find(db, secret).await?;
    let reasons: Vec<Reason> = match Reason::parse(&what) {
        Some(reason) => vec![reason],
        None => {
            let choices = choices::Choices::of(db, account).await?;
            let all = Reason::ALL.iter().copied();
            all.filter(|reason| choices.delivery(*reason) == Delivery::Digest)
                .collect()
        }
    };
    let mut tx = db.begin().await?;
    for reason in reasons {
        never(&mut tx, account, reason).await?;
    }
    tx.commit().await?;
    Ok(())
}

async fn never(db: &mut PgConnection, account: Uuid, reason: Reason) -> Result<()> {
    choices::choose(db, account, reason, Delivery::Never).await
}
