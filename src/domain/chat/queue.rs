//! Chat messages in the outbox.

use sqlx::PgConnection;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use crate::{
    db::pool::Pool,
    domain::{error::Result, outbox},
};

/// How long news wait: what is undone meanwhile is left out, and what happens meanwhile goes into the same message.
const NEWS_AFTER: Duration = Duration::minutes(2);

/// A summary that could not be sent within this time is of no use any more.
pub(crate) const SUMMARY_WITHIN: Duration = Duration::hours(4);

/// What a message is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "kebab-case")]
pub(crate) enum ChatKind {
    StandupSummary,
    /// Tasks that are blocked on another team.
    Blocked,
    GoalReached,
    SprintClosed,
}

/// A message to be sent now.
#[derive(Clone, Debug, sqlx::FromRow)]
pub(crate) struct ChatEntry {
    pub(crate) id: Uuid,
    pub(crate) kind: ChatKind,
    pub(crate) team_id: Uuid,
    /// The blockers, goals or sprints that it is about.
    pub(crate) subjects: Vec<Uuid>,
    pub(crate) created_at: OffsetDateTime,
    pub(crate) attempts: i32,
}

/// Adds a message, or these subjects to one of this kind that waits already.
pub(crate) async fn add(
    db: &mut PgConnection,
    team: Uuid,
    kind: ChatKind,
    subjects: &[Uuid],
    now: OffsetDateTime,
) -> Result<()> {
    let send_at = match kind {
        ChatKind::StandupSummary => now,
        ChatKind::Blocked | ChatKind::GoalReached | ChatKind::SprintClosed => now + NEWS_AFTER,
    };
    sqlx::query(
        "INSERT INTO outbox AS o (id, channel, kind, team_id, subjects, created_at, send_at) VALUES ($1, 'chat', $2, $3, $4, $5, $6)
         ON CONFLICT (team_id, kind) WHERE failed_at IS NULL AND channel = 'chat'
         DO UPDATE SET subjects = o.subjects || ARRAY(SELECT unnest(excluded.subjects) EXCEPT SELECT unnest(o.subjects))",
    )
    .bind(Uuid::now_v7())
    .bind(kind)
    .bind(team)
    .bind(subjects)
    .bind(now)
    .bind(send_at)
    .execute(db)
    .await?;
    Ok(())
}

/// Removes a message that was sent or is no longer needed. What was added to it meanwhile stays, as a new message.
pub(crate) async fn finish(db: &Pool, entry: &ChatEntry, now: OffsetDateTime) -> Result<()> {
    let mut tx = db.begin().await?;
    let more: Option<Vec<Uuid>> = sqlx::query_scalar(
        "SELECT ARRAY(SELECT unnest(subjects) EXCEPT SELECT unnest($2::uuid[])) FROM outbox WHERE id = $1 FOR UPDATE",
    )
    .bind(entry.id)
    .bind(&entry.subjects)
    .fetch_optional(&mut *tx)
    .await?;
    outbox::remove(&mut tx, entry.id).await?;
    if let Some(more) = more.filter(|more| !more.is_empty()) {
        add(&mut tx, entry.team_id, entry.kind, &more, now).await?;
    }
    tx.commit().await?;
    Ok(())
}
