//! What waits to be sent to people or chats: written in the transaction of what it is about, taken by one program at a
//! time, tried again later if that fails, and given up where administrators see it.

use sqlx::{FromRow, PgConnection, postgres::PgRow};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use crate::{
    db::pool::Pool,
    domain::{error::Result, humanize::capitalized, policy::predicates::seen_by},
};

/// For how long something that is being sent belongs to one program. If that is killed, another one sends it, perhaps
/// again.
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

/// How something is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "kebab-case")]
pub(crate) enum Channel {
    Mail,
    Chat,
}

impl Channel {
    pub(crate) const ALL: [Self; 2] = [Self::Mail, Self::Chat];

    /// The name in the database and in metrics.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Mail => "mail",
            Self::Chat => "chat",
        }
    }
}

/// When to try again after a failed attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Again {
    /// After a time that grows with every attempt.
    Later,
    /// After the time that the other side asked for.
    After(Duration),
    /// Not at all: it would fail in the same way.
    Never,
}

/// Takes what is due first on a channel, for as long as a lease.
pub(crate) async fn take<E>(db: &Pool, channel: Channel, now: OffsetDateTime) -> Result<Option<E>>
where
    E: for<'r> FromRow<'r, PgRow> + Send + Unpin,
{
    Ok(sqlx::query_as(
        "UPDATE outbox SET send_at = $2, attempts = attempts + 1 WHERE id = (
             SELECT id FROM outbox WHERE channel = $3 AND failed_at IS NULL AND send_at <= $1 ORDER BY send_at LIMIT 1
             FOR UPDATE SKIP LOCKED)
         RETURNING id, kind, account_id, thread_id, invitation_id, address, details, team_id, subjects, created_at, attempts",
    )
    .bind(now)
    .bind(now + LEASE)
    .bind(channel)
    .fetch_optional(db)
    .await?)
}

/// Deletes what was sent, or is no longer needed.
pub(crate) async fn remove(db: &mut PgConnection, id: Uuid) -> Result<()> {
    sqlx::query("DELETE FROM outbox WHERE id = $1")
        .bind(id)
        .execute(db)
        .await?;
    Ok(())
}

/// When an attempt with this number is followed by another one; `None` if it is given up.
pub(crate) fn next_attempt(
    attempts: i32,
    again: Again,
    now: OffsetDateTime,
) -> Option<OffsetDateTime> {
    let tried = usize::try_from(attempts).unwrap_or(usize::MAX);
    let pause = tried.checked_sub(1).and_then(|at| PAUSES.get(at))?;
    match again {
        Again::Later => Some(now + *pause),
        Again::After(time) => Some(now + time),
        Again::Never => None,
    }
}

/// Notes that something could not be sent. It is tried again at this time, or given up.
pub(crate) async fn note_failure(
    db: &mut PgConnection,
    id: Uuid,
    error: &str,
    again: Option<OffsetDateTime>,
    now: OffsetDateTime,
) -> Result<()> {
    let error: String = error.chars().take(500).collect();
    sqlx::query(
        "UPDATE outbox SET error = $2, send_at = coalesce($3, send_at), failed_at = CASE WHEN $3 IS NULL THEN $4 END WHERE id = $1",
    )
    .bind(id)
    .bind(error)
    .bind(again)
    .bind(now)
    .execute(db)
    .await?;
    Ok(())
}

/// Something that was given up.
#[derive(Clone, Debug, FromRow)]
pub(crate) struct Failed {
    pub(crate) id: Uuid,
    pub(crate) kind: String,
    /// A person with their address, or the chat of a team. The name of a private team is left out for others.
    pub(crate) recipient: String,
    pub(crate) error: String,
    pub(crate) failed_at: OffsetDateTime,
}

impl Failed {
    /// What it is, in words: `Goal reached`.
    pub(crate) fn label(&self) -> String {
        capitalized(&self.kind.replace('-', " "))
    }
}

/// The newest that were given up, as this account may see them.
pub(crate) async fn failed(db: &Pool, reader: Uuid) -> Result<Vec<Failed>> {
    Ok(sqlx::query_as(concat!(
        "SELECT o.id, o.kind, o.error, o.failed_at,
                CASE WHEN o.channel = 'mail' THEN a.name || ' (' || coalesce(o.address, a.email) || ')' WHEN ",
        seen_by!("$1"),
        " THEN 'the chat of ' || t.name ELSE 'the chat of a private team' END AS recipient
         FROM outbox o LEFT JOIN accounts a ON a.id = o.account_id LEFT JOIN teams t ON t.id = o.team_id
         WHERE o.failed_at IS NOT NULL ORDER BY o.failed_at DESC LIMIT 100"
    ))
    .bind(reader)
    .fetch_all(db)
    .await?)
}

/// What is in the outbox of a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromRow)]
pub(crate) struct Backlog {
    /// How many wait, and how many of them were tried before.
    pub(crate) waiting: i64,
    pub(crate) delayed: i64,
    /// How many were given up.
    pub(crate) given_up: i64,
    /// Since when the oldest one that is due is waiting.
    pub(crate) oldest: Option<OffsetDateTime>,
}

/// Counts what is in the outbox of a channel.
pub(crate) async fn backlog(db: &Pool, channel: Channel, now: OffsetDateTime) -> Result<Backlog> {
    Ok(sqlx::query_as(
        "SELECT count(*) FILTER (WHERE failed_at IS NULL) AS waiting,
                count(*) FILTER (WHERE failed_at IS NULL AND error <> '') AS delayed,
                count(*) FILTER (WHERE failed_at IS NOT NULL) AS given_up,
                min(created_at) FILTER (WHERE failed_at IS NULL AND (send_at <= $2 OR error <> '')) AS oldest
         FROM outbox WHERE channel = $1",
    )
    .bind(channel)
    .bind(now)
    .fetch_one(db)
    .await?)
}

/// Has what was given up sent again: one, or all of them. One whose like is waiting is dropped, and what it is about is
/// added to that. Of several of a kind, all of which are sent again, the newest is left.
pub(crate) async fn retry(db: &Pool, id: Option<Uuid>, now: OffsetDateTime) -> Result<()> {
    let mut tx = db.begin().await?;
    sqlx::query(
        "WITH dropped AS (
             DELETE FROM outbox o WHERE o.failed_at IS NOT NULL AND ($1::uuid IS NULL OR o.id = $1)
                 AND o.kind NOT IN ('new-device', 'address-changed', 'second-factor-reset', 'webhook-off') AND EXISTS (
                 SELECT FROM outbox w WHERE w.account_id IS NOT DISTINCT FROM o.account_id AND w.team_id IS NOT DISTINCT FROM o.team_id
                 AND w.kind = o.kind AND w.thread_id IS NOT DISTINCT FROM o.thread_id
                 AND w.invitation_id IS NOT DISTINCT FROM o.invitation_id
                 AND (w.failed_at IS NULL OR $1 IS NULL AND (w.failed_at, w.id) > (o.failed_at, o.id)))
             RETURNING o.id, o.team_id, o.kind, o.subjects)
         UPDATE outbox w SET subjects = ARRAY(
             SELECT unnest(w.subjects) UNION SELECT unnest(d.subjects) FROM dropped d WHERE d.team_id = w.team_id AND d.kind = w.kind)
         WHERE (w.team_id, w.kind) IN (SELECT team_id, kind FROM dropped) AND w.id NOT IN (SELECT id FROM dropped)
             AND (w.failed_at IS NULL OR $1 IS NULL)",
    )
    .bind(id)
    .execute(&mut *tx)
    .await?;
    sqlx::query(
        "UPDATE outbox SET failed_at = NULL, attempts = 0, send_at = $2
         WHERE failed_at IS NOT NULL AND ($1::uuid IS NULL OR id = $1)",
    )
    .bind(id)
    .bind(now)
    .execute(&mut *tx)
    .await?;
    tx.commit().await?;
    Ok(())
}
