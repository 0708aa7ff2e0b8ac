//! What a person does with their inbox: read, unread, done, snooze.

use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{
    db::pool::Pool,
    domain::error::{Problem, Result},
};

/// What becomes of a thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ThreadEdit {
    Read,
    Unread,
    /// Out of the inbox, until something new happens.
    Done,
    /// Out of the inbox until then.
    Snooze(OffsetDateTime),
    /// Back in the inbox.
    Restore,
}

/// Changes a thread of the person.
///
/// # Errors
/// `NotFound` if it is not theirs.
pub(crate) async fn edit_thread(
    db: &Pool,
    account: Uuid,
    thread: Uuid,
    edit: ThreadEdit,
    now: OffsetDateTime,
) -> Result<()> {
    let mut tx = db.begin().await?;
    let found: Option<Uuid> = sqlx::query_scalar(
        "SELECT id FROM inbox_threads WHERE account_id = $1 AND id = $2 FOR UPDATE",
    )
    .bind(account)
    .bind(thread)
    .fetch_optional(&mut *tx)
    .await?;
    if found.is_none() {
        return Err(Problem::NotFound);
    }
    let (done_at, snoozed_until) = match edit {
        ThreadEdit::Read | ThreadEdit::Unread | ThreadEdit::Restore => (None, None),
        ThreadEdit::Done => (Some(now), None),
        ThreadEdit::Snooze(until) => (None, Some(until)),
    };
    if matches!(edit, ThreadEdit::Read | ThreadEdit::Done) {
        mark_read(&mut tx, account, &[thread], i64::MAX).await?;
    }
    if edit == ThreadEdit::Unread {
        sqlx::query(
            "UPDATE inbox_items SET is_read = false WHERE number = (SELECT max(number) FROM inbox_items WHERE account_id = $1 AND thread_id = $2)",
        )
        .bind(account)
        .bind(thread)
        .execute(&mut *tx)
        .await?;
    }
    // Reading a thread leaves it where it is.
    sqlx::query(
        "UPDATE inbox_threads SET is_unread = is_unread OR $3, done_at = CASE WHEN $4 THEN done_at ELSE $5 END,
                snoozed_until = CASE WHEN $4 THEN snoozed_until ELSE $6 END
         WHERE account_id = $1 AND id = $2",
    )
    .bind(account)
    .bind(thread)
    .bind(edit == ThreadEdit::Unread)
    .bind(edit == ThreadEdit::Read)
    .bind(done_at)
    .bind(snoozed_until)
    .execute(&mut *tx)
    .await?;
    tx.commit().await?;
    Ok(())
}

/// Marks the reasons of these threads as read, up to the one with this number. Of a thread that is read then, only the newest
/// reason is kept.
async fn mark_read(
    db: &mut PgConnection,
    account: Uuid,
    threads: &[Uuid],
    up_to: i64,
) -> Result<()> {
    sqlx::query(
        "UPDATE inbox_items SET is_read = true WHERE account_id = $1 AND thread_id = ANY($2) AND number <= $3 AND NOT is_read",
    )
    .bind(account)
    .bind(threads)
    .bind(up_to)
    .execute(&mut *db)
    .await?;
    sqlx::query(
        "DELETE FROM inbox_items i WHERE i.account_id = $1 AND i.thread_id = ANY($2) AND i.is_read
           AND EXISTS (SELECT FROM inbox_items n WHERE n.account_id = i.account_id AND n.thread_id = i.thread_id AND n.number > i.number)",
    )
    .bind(account)
    .bind(threads)
    .execute(&mut *db)
    .await?;
    sqlx::query(
        "UPDATE inbox_threads t SET is_unread = false WHERE account_id = $1 AND id = ANY($2) AND is_unread
           AND NOT EXISTS (SELECT FROM inbox_items i WHERE i.account_id = t.account_id AND i.thread_id = t.id AND NOT i.is_read)",
    )
    .bind(account)
    .bind(threads)
    .execute(db)
    .await?;
    Ok(())
}

/// Marks everything in the inbox as read, up to the reason with this number: what arrived since the page was loaded stays
/// unread.
pub(crate) async fn mark_all_read(db: &Pool, account: Uuid, up_to: i64) -> Result<()> {
    let mut tx = db.begin().await?;
    let threads: Vec<Uuid> = sqlx::query_scalar(
        "SELECT id FROM inbox_threads WHERE account_id = $1 AND is_unread AND done_at IS NULL AND snoozed_until IS NULL ORDER BY id FOR UPDATE",
    )
    .bind(account)
    .fetch_all(&mut *tx)
    .await?;
    mark_read(&mut tx, account, &threads, up_to).await?;
    tx.commit().await?;
    Ok(())
}

/// What a page shows, so that opening it marks its notifications as read.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Opened {
    Task(Uuid),
    Goal(Uuid),
    Project(Uuid),
}

/// Marks the thread of what a person opened as read. Returns whether it was unread.
pub(crate) async fn mark_opened(
    db: &Pool,
    account: Uuid,
    team: Uuid,
    opened: Opened,
) -> Result<bool> {
    let (query, id) = match opened {
        Opened::Task(id) => (
            "SELECT id FROM inbox_threads WHERE account_id = $1 AND team_id = $2 AND task_id = $3 AND is_unread FOR UPDATE",
            id,
        ),
        Opened::Goal(id) => (
            "SELECT id FROM inbox_threads WHERE account_id = $1 AND team_id = $2 AND goal_id = $3 AND is_unread FOR UPDATE",
            id,
        ),
        Opened::Project(id) => (
            "SELECT id FROM inbox_threads WHERE account_id = $1 AND team_id = $2 AND project_id = $3 AND is_unread FOR UPDATE",
            id,
        ),
    };
    let mut tx = db.begin().await?;
    let thread: Option<Uuid> = sqlx::query_scalar(query)
        .bind(account)
        .bind(team)
        .bind(id)
        .fetch_optional(&mut *tx)
        .await?;
    let Some(thread) = thread else {
        return Ok(false);
    };
    mark_read(&mut tx, account, &[thread], i64::MAX).await?;
    tx.commit().await?;
    Ok(true)
}

/// Ends the snoozes whose time has come: the threads are unread again. Returns whose inbox changed.
pub async fn end_snoozes(db: &Pool, now: OffsetDateTime) -> Result<Vec<Uuid>> {
    Ok(sqlx::query_scalar(
        "WITH over AS (
             UPDATE inbox_threads SET snoozed_until = NULL, newest_at = $1, is_unread = true WHERE (account_id, id) IN
                 (SELECT account_id, id FROM inbox_threads WHERE snoozed_until <= $1 ORDER BY account_id, id FOR UPDATE SKIP LOCKED)
             RETURNING account_id, id)
         UPDATE inbox_items i SET is_read = false FROM over
         WHERE i.number = (SELECT max(n.number) FROM inbox_items n WHERE n.account_id = over.account_id AND n.thread_id = over.id)
         RETURNING i.account_id",
    )
    .bind(now)
    .fetch_all(db)
    .await?)
}

/// Deletes unread notices of a follow that ended.
pub(crate) async fn forget_follows(
    db: &mut PgConnection,
    account: Uuid,
    follows: &[Uuid],
) -> Result<()> {
    let gone: Vec<(Uuid, Uuid)> = sqlx::query_as(
        "DELETE FROM inbox_items WHERE account_id = $1 AND follow_id = ANY($2) AND NOT is_read RETURNING account_id, thread_id",
    )
    .bind(account)
    .bind(follows)
    .fetch_all(&mut *db)
    .await?;
    super::record::settle(db, &gone).await?;
    Ok(())
}
