//! Reads a person's inbox.

use std::collections::{BTreeSet, HashMap};

use time::OffsetDateTime;
use uuid::Uuid;

use crate::{
    db::pool::Pool,
    domain::{
        error::{Problem, Result},
        notifications::{
            reason::Reason,
            thread::{ItemRow, ThreadRow},
            view::{View, Wanted},
        },
        tasks::event_names::{Names, handles_in},
        team::Team,
    },
};

pub(crate) use crate::domain::notifications::thread::{OpenRequest, Thread};

/// The most threads of a page.
pub(crate) const PAGE: i64 = 50;

/// The most reasons shown of a thread.
const REASONS: i64 = 20;

/// A page of the inbox.
#[derive(Clone, Debug, Default)]
pub(crate) struct Inbox {
    pub(crate) threads: Vec<Thread>,
    pub(crate) has_more: bool,
    /// The number of the person's newest reason, for marking everything up to it as read.
    pub(crate) newest: i64,
}

/// Threads that meet a condition, and have a reason that meets another. The parameters are the person, the teams, the
/// reason, time and id of the last thread shown, and the number of rows. The rows are found before anything is joined, and
/// the reasons are looked for thread by thread, which `OFFSET 0` sees to, because an inbox may have very many.
macro_rules! threads {
    ($condition:literal) => {
        threads!($condition, "$3::text IS NULL")
    };
    ($condition:literal, $reason:literal) => {
        concat!(
            "SELECT i.id, i.team_id, t.slug, t.name AS team, i.is_unread, i.done_at IS NOT NULL AS is_done, i.snoozed_until, i.newest_at,
                    CASE WHEN k.id IS NOT NULL THEN t.key || '-' || k.number END AS key,
                    coalesce(k.title, g.title, p.name, r.title) AS title, g.id AS goal_id, p.slug AS project,
                    i.request_id, i.change_id, coalesce(k.due_on, r.by_on) AS day, r.id IS NOT NULL AND r.outcome IS NULL AS is_open_request
             FROM (SELECT * FROM inbox_threads i WHERE i.account_id = $1 AND i.team_id = ANY($2) AND ",
            $condition,
            " AND ",
            $reason,
            " AND ($4::timestamptz IS NULL OR (i.newest_at, i.id) < ($4, $5))
                   ORDER BY i.newest_at DESC, i.id DESC LIMIT $6) i
             JOIN teams t ON t.id = i.team_id
             LEFT JOIN LATERAL (SELECT * FROM tasks k WHERE k.team_id = i.team_id AND k.id = i.task_id OFFSET 0) k ON true
             LEFT JOIN LATERAL (SELECT * FROM goals g WHERE g.team_id = i.team_id AND g.id = i.goal_id OFFSET 0) g ON true
             LEFT JOIN LATERAL (SELECT * FROM projects p WHERE p.team_id = i.team_id AND p.id = i.project_id OFFSET 0) p ON true
             LEFT JOIN LATERAL (SELECT * FROM requests r WHERE r.team_id = i.team_id AND r.id = i.request_id OFFSET 0) r ON true
             ORDER BY i.newest_at DESC, i.id DESC"
        )
    };
}

/// As `threads`, with or without a reason.
macro_rules! threads_for {
    ($reason:expr, $condition:literal) => {
        match $reason {
            None => threads!($condition),
            Some(_) => threads!(
                $condition,
                "EXISTS (SELECT FROM inbox_items x WHERE x.account_id = i.account_id AND x.thread_id = i.id AND x.reason = $3 OFFSET 0)"
            ),
        }
    };
}

/// Loads a page of a person's inbox, of teams that they can see.
pub(crate) async fn load(
    db: &Pool,
    account: Uuid,
    teams: &[Team],
    wanted: &Wanted,
) -> Result<Inbox> {
    let visible: Vec<Uuid> = teams
        .iter()
        .map(|team| team.id)
        .filter(|team| wanted.team.is_none_or(|wanted| wanted == *team))
        .collect();
    let newest = newest(db, account).await?;
    let (after_at, after_id) = wanted.after.unzip();
    let mut rows: Vec<ThreadRow> = sqlx::query_as(match wanted.view {
        View::Unread => threads_for!(
            wanted.reason,
            "i.is_unread AND i.done_at IS NULL AND i.snoozed_until IS NULL"
        ),
        View::All => threads_for!(
            wanted.reason,
            "i.done_at IS NULL AND i.snoozed_until IS NULL"
        ),
        View::Snoozed => threads_for!(
            wanted.reason,
            "i.snoozed_until IS NOT NULL AND i.done_at IS NULL"
        ),
        View::Done => threads_for!(wanted.reason, "i.done_at IS NOT NULL"),
    })
    .bind(account)
    .bind(&visible)
    .bind(wanted.reason.map(Reason::as_str))
    .bind(after_at)
    .bind(after_id)
    .bind(wanted.most + 1)
    .fetch_all(db)
    .await?;
    let has_more = rows.len() as i64 > wanted.most;
    rows.truncate(wanted.most as usize);
    with_lines(db, account, rows, has_more, newest, None).await
}

/// Threads with unread reasons among these that were not mailed yet, of one thread or of all; with those reasons only.
pub(super) async fn unmailed(
    db: &Pool,
    account: Uuid,
    teams: &[Uuid],
    thread: Option<Uuid>,
    reasons: &[&str],
) -> Result<Inbox> {
    let newest = newest(db, account).await?;
    let rows: Vec<ThreadRow> = sqlx::query_as(threads!(
        "i.is_unread AND i.done_at IS NULL AND i.snoozed_until IS NULL AND ($7::uuid IS NULL OR i.id = $7)",
        "EXISTS (SELECT FROM inbox_items x WHERE x.account_id = i.account_id AND x.thread_id = i.id
                 AND x.reason = ANY($3::text[]) AND NOT x.is_read AND x.mailed_at IS NULL OFFSET 0)"
    ))
    .bind(account)
    .bind(teams)
    .bind(reasons)
    .bind(None::<OffsetDateTime>)
    .bind(None::<Uuid>)
    .bind(PAGE)
    .bind(thread)
    .fetch_all(db)
    .await?;
    with_lines(db, account, rows, false, newest, Some(reasons)).await
}

/// The number of the newest reason in a person's inbox. It is read first: what arrives meanwhile is not marked as read or
/// as mailed.
async fn newest(db: &Pool, account: Uuid) -> Result<i64> {
    Ok(
        sqlx::query_scalar(
            "SELECT coalesce(max(number), 0) FROM inbox_items WHERE account_id = $1",
        )
        .bind(account)
        .fetch_one(db)
        .await?,
    )
}

/// Adds the reasons to threads: all, or those among these that are unread and were not mailed yet.
async fn with_lines(
    db: &Pool,
    account: Uuid,
    rows: Vec<ThreadRow>,
    has_more: bool,
    newest: i64,
    unmailed: Option<&[&str]>,
) -> Result<Inbox> {
    if rows.is_empty() {
        return Ok(Inbox::default());
    }
    let (ids, team_ids): (Vec<Uuid>, Vec<Uuid>) =
        rows.iter().map(|row| (row.id, row.team_id)).unzip();
    let items: Vec<ItemRow> = sqlx::query_as(
        "SELECT u.thread_id, i.reason, i.tasks, e.kind, e.before, e.after, a.id AS actor_id, a.handle, a.name, a.hue,
                coalesce(c.body, m.body, r.answer) AS excerpt
         FROM unnest($2::uuid[], $3::uuid[]) u (thread_id, team_id)
         CROSS JOIN LATERAL (SELECT * FROM inbox_items x WHERE x.account_id = $1 AND x.thread_id = u.thread_id
             AND ($5::text[] IS NULL OR x.reason = ANY($5) AND NOT x.is_read AND x.mailed_at IS NULL) ORDER BY x.number DESC LIMIT $4) i
         LEFT JOIN events e ON e.team_id = u.team_id AND e.seq = i.seq
         LEFT JOIN accounts a ON a.id = e.actor_id
         LEFT JOIN comments c ON c.team_id = u.team_id AND c.id = (e.after->>'comment')::uuid AND c.deleted_at IS NULL
         LEFT JOIN goal_comments m ON m.team_id = u.team_id AND m.id = (e.after->>'remark')::uuid
         LEFT JOIN requests r ON r.team_id = u.team_id AND r.id = (e.after->>'request')::uuid AND e.kind = 'request.answered'
         ORDER BY i.number DESC",
    )
    .bind(account)
    .bind(&ids)
    .bind(&team_ids)
    .bind(REASONS)
    .bind(unmailed)
    .fetch_all(db)
    .await?;
    let handles = handles_in(
        items
            .iter()
            .flat_map(|item| item.before.iter().chain(&item.after)),
    );
    let names =
        Names::of_teams(db, team_ids.into_iter().collect::<BTreeSet<_>>(), &handles).await?;
    let mut items_of: HashMap<Uuid, Vec<ItemRow>> = HashMap::new();
    for item in items {
        items_of.entry(item.thread_id).or_default().push(item);
    }
    let threads = rows
        .into_iter()
        .map(|row| {
            let items = items_of.remove(&row.id).unwrap_or_default();
            row.into_thread(items, &names)
        })
        .collect();
    Ok(Inbox {
        threads,
        has_more,
        newest,
    })
}

/// The team of a person's thread.
///
/// # Errors
/// `NotFound` if it is not theirs.
pub(crate) async fn team_of(db: &Pool, account: Uuid, thread: Uuid) -> Result<Uuid> {
    sqlx::query_scalar("SELECT team_id FROM inbox_threads WHERE account_id = $1 AND id = $2")
        .bind(account)
        .bind(thread)
        .fetch_optional(db)
        .await?
        .ok_or(Problem::NotFound)
}

/// The request that a person's thread is about, and the slug of the team that answers it.
///
/// # Errors
/// `NotFound` if it is not theirs, or about something else.
pub(crate) async fn request_of(db: &Pool, account: Uuid, thread: Uuid) -> Result<(String, Uuid)> {
    sqlx::query_as(
        "SELECT t.slug, i.request_id FROM inbox_threads i JOIN teams t ON t.id = i.team_id
         WHERE i.account_id = $1 AND i.id = $2 AND i.request_id IS NOT NULL",
    )
    .bind(account)
    .bind(thread)
    .fetch_optional(db)
    .await?
    .ok_or(Problem::NotFound)
}

/// Where a person's thread leads, if they can see its team.
pub(crate) async fn url_of(
    db: &Pool,
    account: Uuid,
    teams: &[Team],
    thread: Uuid,
) -> Result<Option<String>> {
    let visible: Vec<Uuid> = teams.iter().map(|team| team.id).collect();
    let (at, before) = (None::<OffsetDateTime>, None::<Uuid>);
    let row: Option<ThreadRow> = sqlx::query_as(threads!("$7 = i.id"))
        .bind(account)
        .bind(&visible)
        .bind(None::<&str>)
        .bind(at)
        .bind(before)
        .bind(1_i64)
        .bind(thread)
        .fetch_optional(db)
        .await?;
    let Some(row) = row else { return Ok(None) };
    let inbox = with_lines(db, account, vec![row], false, 0, None).await?;
    Ok(inbox.threads.into_iter().next().map(|thread| thread.url))
}
