//! What of an inbox a mail is about: unread reasons that were not mailed yet and that the person wants to hear of.

use time::OffsetDateTime;
use uuid::Uuid;

use crate::{
    db::pool::Pool,
    domain::{
        error::Result,
        mail::{
            choices::{Choices, Delivery},
            outbox::{self as mails, OutboxEntry},
        },
        notifications::inbox::{self, Thread},
        outbox,
        policy::predicates::seen_by,
    },
};

/// The recipient of a mail.
#[derive(Clone, Debug, sqlx::FromRow)]
pub(crate) struct Recipient {
    pub(crate) id: Uuid,
    pub(crate) email: String,
    /// Whether the address may be sent to.
    pub(crate) is_confirmed: bool,
    pub(crate) time_zone: String,
}

/// What a mail contains.
#[derive(Debug, Default)]
pub(crate) struct Contents {
    pub(crate) threads: Vec<Thread>,
    /// The newest reason in it, by number.
    pub(crate) up_to: i64,
    reasons: Vec<&'static str>,
}

/// The person with this account, unless it was deactivated.
pub(crate) async fn recipient(db: &Pool, account: Uuid) -> Result<Option<Recipient>> {
    Ok(sqlx::query_as(
        "SELECT id, email, email_confirmed_at IS NOT NULL AS is_confirmed, time_zone FROM accounts
         WHERE id = $1 AND deactivated_at IS NULL",
    )
    .bind(account)
    .fetch_optional(db)
    .await?)
}

/// The unread reasons of one thread, or of all, with this delivery, of teams that the person may see now.
pub(crate) async fn contents(
    db: &Pool,
    account: Uuid,
    thread: Option<Uuid>,
    delivery: Delivery,
) -> Result<Contents> {
    let teams: Vec<Uuid> =
        sqlx::query_scalar(concat!("SELECT t.id FROM teams t WHERE ", seen_by!("$1")))
            .bind(account)
            .fetch_all(db)
            .await?;
    let choices = Choices::of(db, account).await?;
    let reasons = choices.reasons(delivery);
    let inbox = inbox::unmailed(db, account, &teams, thread, &reasons).await?;
    Ok(Contents {
        threads: inbox.threads,
        up_to: inbox.newest,
        reasons,
    })
}

/// Removes a mail from the outbox once it was sent with these contents, or has none any more, and marks the contents as
/// mailed. If more has arrived meanwhile that the person wants to hear of at once, another mail is added.
pub(crate) async fn finish(
    db: &Pool,
    entry: &OutboxEntry,
    contents: &Contents,
    now: OffsetDateTime,
) -> Result<()> {
    let threads: Vec<Uuid> = contents.threads.iter().map(|thread| thread.id).collect();
    let mut tx = db.begin().await?;
    // Waits for a delivery that is adding a reason.
    sqlx::query("SELECT FROM inbox_threads WHERE account_id = $1 AND (id = ANY($2) OR id = $3) ORDER BY id FOR UPDATE")
        .bind(entry.account_id)
        .bind(&threads)
        .bind(entry.thread_id)
        .execute(&mut *tx)
        .await?;
    sqlx::query(
        "UPDATE inbox_items SET mailed_at = $5 WHERE account_id = $1 AND thread_id = ANY($2) AND reason = ANY($3) AND number <= $4 AND mailed_at IS NULL",
    )
    .bind(entry.account_id)
    .bind(threads)
    .bind(&contents.reasons)
    .bind(contents.up_to)
    .bind(now)
    .execute(&mut *tx)
    .await?;
    outbox::remove(&mut tx, entry.id).await?;
    if let Some(thread) = entry.thread_id {
        let more: bool = sqlx::query_scalar(
            "SELECT EXISTS (SELECT FROM inbox_items i JOIN inbox_threads t ON t.account_id = i.account_id AND t.id = i.thread_id
                            WHERE i.account_id = $1 AND i.thread_id = $2 AND i.reason = ANY($3) AND NOT i.is_read AND i.mailed_at IS NULL
                              AND t.snoozed_until IS NULL AND i.number > $4)",
        )
        .bind(entry.account_id)
        .bind(thread)
        .bind(&contents.reasons)
        .bind(contents.up_to)
        .fetch_one(&mut *tx)
        .await?;
        if more {
            mails::add_again(&mut tx, entry, now).await?;
        }
    }
    tx.commit().await?;
    Ok(())
}
