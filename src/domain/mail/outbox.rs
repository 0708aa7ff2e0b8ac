//! Adds mail to the outbox.

use sqlx::PgConnection;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use crate::domain::{error::Result, mail::choices::Delivery, notifications::reason::Reason};

/// How long an urgent notification waits: it is dropped if it is read meanwhile.
const URGENT_AFTER: Duration = Duration::minutes(2);

/// What a mail is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "kebab-case")]
pub(crate) enum MailKind {
    /// One thread of the inbox.
    Notification,
    Digest,
    /// The link by which a person confirms their address.
    Confirmation,
    /// A sign-in with a browser that is new to the account.
    NewDevice,
    /// To a former address.
    AddressChanged,
    SecondFactorReset,
    /// A webhook that the person set up was switched off.
    WebhookOff,
    /// A link for a new password.
    PasswordReset,
    /// To someone who has no account yet.
    Invitation,
}

/// A mail to be sent now.
#[derive(Clone, Debug, sqlx::FromRow)]
pub(crate) struct OutboxEntry {
    pub(crate) id: Uuid,
    pub(crate) kind: MailKind,
    pub(crate) account_id: Uuid,
    pub(crate) thread_id: Option<Uuid>,
    pub(crate) invitation_id: Option<Uuid>,
    /// Where it goes, if not to the address that the account has now.
    pub(crate) address: Option<String>,
    /// What happened, in words.
    pub(crate) details: String,
    /// What it is about, if that is no thread.
    pub(crate) subjects: Vec<Uuid>,
    pub(crate) created_at: OffsetDateTime,
    pub(crate) attempts: i32,
}

/// Adds mails for new reasons that their readers want to hear of at once: pairs of account and thread, with the reason.
pub(crate) async fn add_urgent(
    db: &mut PgConnection,
    items: &[(Uuid, Uuid, Reason)],
    now: OffsetDateTime,
) -> Result<()> {
    sqlx::query(
        "INSERT INTO outbox (id, kind, account_id, thread_id, created_at, send_at)
         SELECT DISTINCT ON (i.account_id, i.thread_id) gen_random_uuid(), 'notification', i.account_id, i.thread_id, $5, $6
         FROM unnest($1::uuid[], $2::uuid[], $3::text[]) i (account_id, thread_id, reason)
         JOIN accounts a ON a.id = i.account_id AND a.email_confirmed_at IS NOT NULL AND a.deactivated_at IS NULL
         LEFT JOIN mail_choices c ON c.account_id = i.account_id AND c.reason = i.reason
         WHERE coalesce(c.delivery = 'at-once', i.reason = ANY($4))
         ON CONFLICT DO NOTHING",
    )
    .bind(items.iter().map(|item| item.0).collect::<Vec<_>>())
    .bind(items.iter().map(|item| item.1).collect::<Vec<_>>())
    .bind(items.iter().map(|item| item.2.as_str()).collect::<Vec<_>>())
    .bind(Delivery::AtOnce.defaults())
    .bind(now)
    .bind(now + URGENT_AFTER)
    .execute(db)
    .await?;
    Ok(())
}

/// Adds a mail to a person that is sent as soon as possible, unless one of this kind waits already.
pub(crate) async fn add(
    db: &mut PgConnection,
    kind: MailKind,
    account: Uuid,
    now: OffsetDateTime,
) -> Result<()> {
    sqlx::query(
        "INSERT INTO outbox (id, kind, account_id, created_at, send_at) VALUES ($1, $2, $3, $4, $4) ON CONFLICT DO NOTHING",
    )
    .bind(Uuid::now_v7())
    .bind(kind)
    .bind(account)
    .bind(now)
    .execute(db)
    .await?;
    Ok(())
}

/// Adds another mail about the thread of one that was sent.
pub(crate) async fn add_again(
    db: &mut PgConnection,
    entry: &OutboxEntry,
    now: OffsetDateTime,
) -> Result<()> {
    sqlx::query(
        "INSERT INTO outbox (id, kind, account_id, thread_id, created_at, send_at) VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING",
    )
    .bind(Uuid::now_v7())
    .bind(entry.kind)
    .bind(entry.account_id)
    .bind(entry.thread_id)
    .bind(now)
    .bind(now + URGENT_AFTER)
    .execute(db)
    .await?;
    Ok(())
}
