//! Mail about an account, added to the outbox in the transaction of what it tells of. It is dropped if the account's
//! address is not confirmed.

use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::domain::{error::Result, policy::predicates::seen_by};

/// Tells a person that someone signed in with a browser that is new to the account. `details`: which one, and where.
pub(crate) async fn tell_of_new_device(
    db: &mut PgConnection,
    account: Uuid,
    details: &str,
    now: OffsetDateTime,
) -> Result<()> {
    add(db, "new-device", account, details, now).await
}

/// Tells a person that an administrator removed their second factor. `details`: who.
pub(crate) async fn tell_of_second_factor_reset(
    db: &mut PgConnection,
    account: Uuid,
    details: &str,
    now: OffsetDateTime,
) -> Result<()> {
    add(db, "second-factor-reset", account, details, now).await
}

/// Tells the person who set up a webhook that it was switched off, or those who still may change it if that person may
/// not. `team`: `None` if it is of the workspace. `details`: which one, and why.
pub(crate) async fn tell_of_webhook_off(
    db: &mut PgConnection,
    webhook: Uuid,
    details: &str,
    now: OffsetDateTime,
) -> Result<()> {
    let details: String = details.chars().take(500).collect();
    sqlx::query(concat!(
        "WITH able AS (
             SELECT a.id, a.id IS NOT DISTINCT FROM w.maker_id AS is_maker
             FROM webhooks w LEFT JOIN teams t ON t.id = w.team_id JOIN accounts a ON a.deactivated_at IS NULL
             WHERE w.id = $1 AND CASE WHEN w.team_id IS NULL THEN a.role = 'admin'
                 WHEN a.id = w.maker_id AND a.role = 'admin' THEN ",
        seen_by!("a.id"),
        " ELSE a.role <> 'viewer' AND EXISTS (
                     SELECT FROM members l WHERE l.team_id = w.team_id AND l.account_id = a.id AND l.role = 'lead') END)
         INSERT INTO outbox (id, kind, account_id, subjects, details, created_at, send_at)
         SELECT gen_random_uuid(), 'webhook-off', a.id, ARRAY[$1], $2, $3, $3 FROM able JOIN accounts a USING (id)
         WHERE a.email_confirmed_at IS NOT NULL AND (able.is_maker OR NOT EXISTS (SELECT FROM able WHERE is_maker))"
    ))
    .bind(webhook)
    .bind(details)
    .bind(now)
    .execute(db)
    .await?;
    Ok(())
}

/// Tells the address that an account has until now that it is about to get another one.
pub(crate) async fn tell_former_address(
    db: &mut PgConnection,
    account: Uuid,
    now: OffsetDateTime,
) -> Result<()> {
    sqlx::query(
        "INSERT INTO outbox (id, kind, account_id, address, created_at, send_at)
         SELECT $2, 'address-changed', id, email, $3, $3 FROM accounts WHERE id = $1 AND email_confirmed_at IS NOT NULL",
    )
    .bind(account)
    .bind(Uuid::now_v7())
    .bind(now)
    .execute(db)
    .await?;
    Ok(())
}

/// Asks a person to confirm their address, unless such a mail waits already.
pub(crate) async fn ask_for_confirmation(
    db: &mut PgConnection,
    account: Uuid,
    now: OffsetDateTime,
) -> Result<()> {
    sqlx::query(
        "INSERT INTO outbox (id, kind, account_id, created_at, send_at) VALUES ($2, 'confirmation', $1, $3, $3)
         ON CONFLICT DO NOTHING",
    )
    .bind(account)
    .bind(Uuid::now_v7())
    .bind(now)
    .execute(db)
    .await?;
    Ok(())
}

/// Sends a person a link for a new password, which is made when it is sent. Returns whether their address is confirmed.
pub(crate) async fn send_password_reset(
    db: &mut PgConnection,
    account: Uuid,
    now: OffsetDateTime,
) -> Result<bool> {
    let is_confirmed: Option<bool> = sqlx::query_scalar(
        "SELECT email_confirmed_at IS NOT NULL FROM accounts WHERE id = $1 AND deactivated_at IS NULL",
    )
    .bind(account)
    .fetch_optional(&mut *db)
    .await?;
    if is_confirmed != Some(true) {
        return Ok(false);
    }
    add(db, "password-reset", account, "", now).await?;
    Ok(true)
}

async fn add(
    db: &mut PgConnection,
    kind: &str,
    account: Uuid,
    details: &str,
    now: OffsetDateTime,
) -> Result<()> {
    let details: String = details.chars().take(500).collect();
    sqlx::query(
        "INSERT INTO outbox (id, kind, account_id, details, created_at, send_at)
         SELECT $2, $3, id, $4, $5, $5 FROM accounts
         WHERE id = $1 AND email_confirmed_at IS NOT NULL AND deactivated_at IS NULL
         ON CONFLICT DO NOTHING",
    )
    .bind(account)
    .bind(Uuid::now_v7())
    .bind(kind)
    .bind(details)
    .bind(now)
    .execute(db)
    .await?;
    Ok(())
}
