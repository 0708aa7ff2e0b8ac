//! What of an inbox a mail is about: unread reasons that were not mailed yet and that the person wants to hear of.

use time::OffsetDateTime;
use uuid::Uuid;

use crate::{
    db::pool::Pool,
    domain::{
        error::Result,
        mail::choices::{Choices, Delivery},
        notifications::inbox::{self, Thread},
        policy::predicates::seen_by,
    },
};

/// Whom a mail goes to.
#[derive(Clone, Debug, sqlx::FromRow)]
pub(crate) struct Recipient {
    pub(crate) id: Uuid,
    pub(crate) email: String,
    /// Whether the address may be sent to.
    pub(crate) is_confirmed: bool,
}

/// What a mail contains.
#[derive(Debug)]
pub(crate) struct Contents {
    pub(crate) threads: Vec<Thread>,
    /// The newest reason in it, by number.
    pub(crate) up_to: i64,
    reasons: Vec<&'static str>,
}

/// The person with this account, unless it was deactivated.
pub(crate) async fn recipient(db: &Pool, account: Uuid) -> Result<Option<Recipient>> {
    Ok(sqlx::query_as(
        "SELECT id, email, email_confirmed_at IS NOT NULL AS is_confirmed FROM accounts
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

/// Notes that a mail was sent, so that none is sent about the same again.
pub(crate) async fn mark_mailed(
    db: &Pool,
    account: Uuid,
    contents: &Contents,
    now: OffsetDateTime,
) -> Result<()> {
    let threads: Vec<Uuid> = contents.threads.iter().map(|thread| thread.id).collect();
    sqlx::query(
        "UPDATE inbox_items SET mailed_at = $5 WHERE account_id = $1 AND thread_id = ANY($2) AND reason = ANY($3) AND number <= $4 AND mailed_at IS NULL",
    )
    .bind(account)
    .bind(threads)
    .bind(&contents.reasons)
    .bind(contents.up_to)
    .bind(now)
    .execute(db)
    .await?;
    Ok(())
}
