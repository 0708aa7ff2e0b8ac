//! Mail that waits to be sent.

use sqlx::PgConnection;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use crate::{
    db::pool::Pool,
    domain::{error::Result, mail::choices::Delivery, notifications::reason::Reason},
};

/// How long an urgent notification waits: it is dropped if it is read meanwhile.
const URGENT_AFTER: Duration = Duration::minutes(2);

/// For how long a mail that is being sent belongs to one program. If that is killed, another one sends it, perhaps again.
const LEASE: Duration = Duration::minutes(2);

/// The time after each failed attempt until the next. Then it is given up.
const PAUSES: [Duration; 7] = [
    Duration::minutes(1),
    Duration::minutes(5),
    Duration::minutes(30),
    Duration::hours(2),
    Duration::hours(5),
    Duration::hours(10),
    Duration::hours(24),
];

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
    /// A link for a new password.
    PasswordReset,
    /// To someone who has no account yet.
    Invitation,
}

impl MailKind {
    /// In words, for the list of mail that was given up.
    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::Notification => "Notification",
            Self::Digest => "Digest",
            Self::Confirmation => "Confirmation of an address",
            Self::NewDevice => "Notice of a sign-in with a new browser",
            Self::AddressChanged => "Notice of a changed address",
            Self::SecondFactorReset => "Notice of a removed second factor",
            Self::PasswordReset => "Link for a new password",
            Self::Invitation => "Invitation",
        }
    }
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

/// Takes the mail that is due first, for as long as a lease.
pub(crate) async fn take(db: &Pool, now: OffsetDateTime) -> Result<Option<OutboxEntry>> {
    Ok(sqlx::query_as(
        "UPDATE outbox SET send_at = $2, attempts = attempts + 1 WHERE id = (
             SELECT id FROM outbox WHERE failed_at IS NULL AND send_at <= $1 ORDER BY send_at LIMIT 1 FOR UPDATE SKIP LOCKED)
         RETURNING id, kind, account_id, thread_id, invitation_id, address, details, created_at, attempts",
    )
    .bind(now)
    .bind(now + LEASE)
    .fetch_optional(db)
    .await?)
}

/// Deletes a mail that was sent, or that is no longer needed.
pub(crate) async fn remove(db: &mut PgConnection, id: Uuid) -> Result<()> {
    sqlx::query("DELETE FROM outbox WHERE id = $1")
        .bind(id)
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

/// Notes that a mail could not be sent. It is tried again later, or given up.
pub(crate) async fn note_failure(
    db: &Pool,
    entry: &OutboxEntry,
    error: &str,
    is_permanent: bool,
    now: OffsetDateTime,
) -> Result<()> {
    let tried = usize::try_from(entry.attempts).unwrap_or(usize::MAX);
    let pause = tried.checked_sub(1).and_then(|at| PAUSES.get(at));
    let again = pause.filter(|_| !is_permanent).map(|pause| now + *pause);
    let error: String = error.chars().take(500).collect();
    sqlx::query(
        "UPDATE outbox SET error = $2, send_at = coalesce($3, send_at), failed_at = CASE WHEN $3 IS NULL THEN $4 END WHERE id = $1",
    )
    .bind(entry.id)
    .bind(error)
    .bind(again)
    .bind(now)
    .execute(db)
    .await?;
    Ok(())
}

/// A mail that was given up.
#[derive(Clone, Debug, sqlx::FromRow)]
pub(crate) struct FailedMail {
    pub(crate) id: Uuid,
    pub(crate) kind: MailKind,
    pub(crate) name: String,
    pub(crate) email: String,
    pub(crate) error: String,
    pub(crate) failed_at: OffsetDateTime,
}

/// The newest mails that were given up.
pub(crate) async fn failed(db: &Pool) -> Result<Vec<FailedMail>> {
    Ok(sqlx::query_as(
        "SELECT o.id, o.kind, a.name, coalesce(o.address, a.email) AS email, o.error, o.failed_at FROM outbox o JOIN accounts a ON a.id = o.account_id
         WHERE o.failed_at IS NOT NULL ORDER BY o.failed_at DESC LIMIT 100",
    )
    .fetch_all(db)
    .await?)
}

/// The number of mails that wait, and of those whose last attempt failed.
pub(crate) async fn waiting(db: &Pool) -> Result<(i64, i64)> {
    Ok(sqlx::query_as(
        "SELECT count(*), count(*) FILTER (WHERE error <> '') FROM outbox WHERE failed_at IS NULL",
    )
    .fetch_one(db)
    .await?)
}

/// Has mails that were given up sent again: one, or all of them. One whose like is waiting is dropped.
pub(crate) async fn retry(db: &Pool, id: Option<Uuid>, now: OffsetDateTime) -> Result<()> {
    let mut tx = db.begin().await?;
    sqlx::query(
        "DELETE FROM outbox o WHERE o.failed_at IS NOT NULL AND ($1::uuid IS NULL OR o.id = $1)
         AND o.kind NOT IN ('new-device', 'address-changed', 'second-factor-reset') AND EXISTS (
             SELECT FROM outbox w WHERE w.account_id = o.account_id AND w.kind = o.kind AND w.thread_id IS NOT DISTINCT FROM o.thread_id AND w.invitation_id IS NOT DISTINCT FROM o.invitation_id
             AND (w.failed_at IS NULL OR w.failed_at > o.failed_at OR w.failed_at = o.failed_at AND w.id > o.id))",
    )
    .bind(id)
    .execute(&mut *tx)
    .await?;
    sqlx::query(
        "UPDATE outbox SET failed_at = NULL, attempts = 0, send_at = $2 WHERE failed_at IS NOT NULL AND ($1::uuid IS NULL OR id = $1)",
    )
    .bind(id)
    .bind(now)
    .execute(&mut *tx)
    .await?;
    tx.commit().await?;
    Ok(())
}
