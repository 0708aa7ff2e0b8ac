//! The messages of a webhook, as its page lists them, and sending one again.

use sqlx::PgConnection;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use crate::{
    db::pool::Pool,
    domain::{
        error::{Problem, Result},
        events::Change,
        outbox::Backlog,
        policy::predicates::seen_by,
        webhooks::{
            owner::Owner,
            payload::{self, TEST},
        },
    },
};

/// How long messages are kept.
pub(crate) const KEEP_MESSAGES: Duration = Duration::days(7);

/// How many messages of a webhook that do not wait are kept.
pub(crate) const MOST_KEPT: i64 = 1000;

/// Messages of a page.
const SHOWN: i64 = 50;

/// For how long a message that is being sent belongs to one program. If that is killed, another one sends it, perhaps
/// again.
pub(super) const LEASE: Duration = Duration::minutes(2);

/// Why messages that waited are not sent.
pub(super) const PAUSED: &str = "The webhook was paused";
pub(super) const SWITCHED_OFF: &str = "The webhook was switched off";

/// Whether a message was accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "kebab-case")]
pub(crate) enum MessageState {
    Waiting,
    Delivered,
    /// It is not tried any more.
    Failed,
}

/// A message in the list.
#[derive(Clone, Debug, sqlx::FromRow)]
pub(crate) struct Listed {
    pub(crate) id: Uuid,
    /// `None` if the reader may not see the team that it is about.
    pub(crate) kind: Option<String>,
    pub(crate) created_at: OffsetDateTime,
    pub(crate) state: MessageState,
    pub(crate) send_at: OffsetDateTime,
    pub(crate) attempts: i32,
    pub(crate) status: Option<i32>,
    pub(crate) error: String,
}

/// A message with what was sent and answered.
#[derive(Clone, Debug, sqlx::FromRow)]
pub(crate) struct Message {
    #[sqlx(flatten)]
    pub(crate) listed: Listed,
    pub(crate) webhook_id: Uuid,
    /// The webhook's name.
    pub(crate) webhook: String,
    pub(crate) tried_at: Option<OffsetDateTime>,
    body: String,
    pub(crate) answer: String,
}

impl Message {
    /// The body, laid out for people.
    pub(crate) fn text(&self) -> String {
        payload::laid_out(&self.body).unwrap_or_else(|| self.body.clone())
    }
}

/// The header `webhook-id` of a message. Sent again, it has the same one.
pub(crate) fn public_id(id: Uuid) -> String {
    format!("msg_{}", id.simple())
}

/// Condition: the reader `$1` may see what message `m` is about.
macro_rules! is_seen {
    () => {
        concat!("(m.team_id IS NULL OR ", seen_by!("$1"), ")")
    };
}
/// The columns of `Listed` of messages `m`, the team of whose event is `t`, for the reader `$1`.
macro_rules! listed {
    () => {
        concat!(
            "m.id, CASE WHEN ",
            is_seen!(),
            " THEN m.kind END AS kind, m.created_at, m.state, m.send_at, m.attempts, m.status, m.error"
        )
    };
}

/// Returns the newest messages of a webhook before another one, and whether there are more.
pub(crate) async fn list(
    db: &Pool,
    webhook: Uuid,
    reader: Uuid,
    before: Option<Uuid>,
) -> Result<(Vec<Listed>, bool)> {
    let mut rows: Vec<Listed> = sqlx::query_as(concat!(
        "SELECT ",
        listed!(),
        " FROM webhook_messages m LEFT JOIN teams t ON t.id = m.team_id
         WHERE m.webhook_id = $2 AND m.id < $3 ORDER BY m.id DESC LIMIT $4"
    ))
    .bind(reader)
    .bind(webhook)
    .bind(before.unwrap_or(Uuid::max()))
    .bind(SHOWN + 1)
    .fetch_all(db)
    .await?;
    let has_more = rows.len() as i64 > SHOWN;
    rows.truncate(SHOWN as usize);
    Ok((rows, has_more))
}

/// Returns a message of one of the owner's webhooks.
///
/// # Errors
/// `NotFound` if there is none any more, or the reader may not see what it is about.
pub(crate) async fn message(db: &Pool, owner: &Owner, id: Uuid, reader: Uuid) -> Result<Message> {
    Ok(sqlx::query_as(concat!(
        "SELECT ",
        listed!(),
        ", m.webhook_id, w.name AS webhook, m.tried_at, m.body, m.answer
         FROM webhook_messages m JOIN webhooks w ON w.id = m.webhook_id LEFT JOIN teams t ON t.id = m.team_id
         WHERE m.id = $2 AND w.team_id IS NOT DISTINCT FROM $3 AND ",
        is_seen!()
    ))
    .bind(reader)
    .bind(id)
    .bind(owner.team_id())
    .fetch_one(db)
    .await?)
}

/// Has a message sent once more, with the same id. Returns its webhook.
///
/// # Errors
/// `NotFound` if there is none any more, or the actor may not see what it is about; `Conflict` if the webhook is not
/// active.
pub(crate) async fn send_again(change: &mut Change, owner: &Owner, id: Uuid) -> Result<Uuid> {
    owner.lock(change).await?;
    let (at, actor) = (change.at, change.actor);
    let (webhook, is_active): (Uuid, bool) = sqlx::query_as(concat!(
        "SELECT w.id, w.state = 'active' FROM webhook_messages m JOIN webhooks w ON w.id = m.webhook_id
         LEFT JOIN teams t ON t.id = m.team_id
         WHERE m.id = $2 AND w.team_id IS NOT DISTINCT FROM $3 AND ",
        is_seen!(),
        " FOR NO KEY UPDATE OF w"
    ))
    .bind(actor)
    .bind(id)
    .bind(owner.team_id())
    .fetch_one(change.db())
    .await?;
    if !is_active {
        return Err(Problem::conflict(
            "The webhook is not active, so nothing was sent. Resume it, and then send the message again.",
        ));
    }
    sqlx::query("UPDATE webhooks SET held_until = NULL WHERE id = $1")
        .bind(webhook)
        .execute(change.db())
        .await?;
    // One that is being sent, or will be soon, is not sent twice.
    sqlx::query(
        "UPDATE webhook_messages SET state = 'waiting', attempts = 0, send_at = $2
         WHERE id = $1 AND (state <> 'waiting' OR send_at > $3)",
    )
    .bind(id)
    .bind(at)
    .bind(at + LEASE)
    .execute(change.db())
    .await?;
    Ok(webhook)
}

/// Adds a test, which the caller sends at once. Returns its id.
pub(crate) async fn add_test(
    change: &mut Change,
    owner: &Owner,
    webhook: Uuid,
    by: &str,
) -> Result<Uuid> {
    owner.lock(change).await?;
    let (id, at) = (Uuid::now_v7(), change.at);
    let added = sqlx::query(
        "INSERT INTO webhook_messages (id, webhook_id, kind, body, created_at, send_at, attempts)
         SELECT $2, id, $4, $5, $6, $7, 1 FROM webhooks WHERE id = $1 AND team_id IS NOT DISTINCT FROM $3",
    )
    .bind(webhook)
    .bind(id)
    .bind(owner.team_id())
    .bind(TEST)
    .bind(payload::test_body(owner.team(), by, at))
    .bind(at)
    .bind(at + LEASE)
    .execute(change.db())
    .await?;
    match added.rows_affected() {
        0 => Err(Problem::NotFound),
        _ => Ok(id),
    }
}

/// Gives up what waits to be sent to a webhook.
pub(super) async fn give_up_waiting(
    db: &mut PgConnection,
    webhook: Uuid,
    reason: &str,
) -> Result<()> {
    sqlx::query(
        "UPDATE webhook_messages SET state = 'failed', error = $2 WHERE webhook_id = $1 AND state = 'waiting'",
    )
    .bind(webhook)
    .bind(reason)
    .execute(db)
    .await?;
    Ok(())
}

/// Counts what waits or was given up, of all webhooks.
pub(crate) async fn backlog(db: &Pool, now: OffsetDateTime) -> Result<Backlog> {
    Ok(sqlx::query_as(
        "SELECT w.waiting, w.delayed, f.given_up, w.oldest
         FROM (SELECT count(*) AS waiting, count(*) FILTER (WHERE attempts > 0) AS delayed,
                   min(created_at) FILTER (WHERE send_at <= $1 OR attempts > 0) AS oldest
               FROM webhook_messages WHERE state = 'waiting') w,
              (SELECT count(*) AS given_up FROM webhook_messages WHERE state = 'failed') f",
    )
    .bind(now)
    .fetch_one(db)
    .await?)
}

/// Deletes the oldest messages of webhooks that have too many.
pub(crate) async fn delete_excess(db: &mut PgConnection) -> Result<()> {
    sqlx::query(
        "DELETE FROM webhook_messages m USING (
             SELECT w.id, (SELECT o.id FROM webhook_messages o WHERE o.webhook_id = w.id ORDER BY o.id DESC OFFSET $1 LIMIT 1) AS newest
             FROM webhooks w) excess
         WHERE m.webhook_id = excess.id AND m.id <= excess.newest AND m.state <> 'waiting'",
    )
    .bind(MOST_KEPT)
    .execute(db)
    .await?;
    Ok(())
}
