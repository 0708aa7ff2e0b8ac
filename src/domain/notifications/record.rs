//! Writes notices into the inboxes, and takes back those that became untrue.

use std::collections::{BTreeMap, BTreeSet};

use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::domain::{
    error::Result,
    mail::outbox,
    notifications::{
        reason::Reason,
        rules::{Notice, Subject},
        withdrawals::Withdrawal,
    },
    policy::predicates::seen_by,
};

/// What a thread gets with new reasons.
struct NewThread {
    at: OffsetDateTime,
    /// Whether it ends a snooze: it concerns the person themselves.
    wakes: bool,
}

impl Subject {
    /// Task, goal, project, request and change, as the columns of the table.
    fn ids(self) -> [Option<Uuid>; 5] {
        let mut ids = [None; 5];
        match self {
            Self::Team => {}
            Self::Task(id) => ids[0] = Some(id),
            Self::Goal(id) => ids[1] = Some(id),
            Self::Project(id) => ids[2] = Some(id),
            Self::Request(id) => ids[3] = Some(id),
            Self::Change(id) => ids[4] = Some(id),
        }
        ids
    }
}

/// Writes notices about things of a team, for those who may see it, and at the time `mail_at` also mails to those who want
/// to hear of them at once. Returns whose inbox changed.
pub(super) async fn write(
    db: &mut PgConnection,
    team: Uuid,
    notices: &[Notice],
    at: impl Fn(i64) -> OffsetDateTime,
    mail_at: Option<OffsetDateTime>,
) -> Result<BTreeSet<Uuid>> {
    let accounts: BTreeSet<Uuid> = notices.iter().map(|notice| notice.account).collect();
    let accounts: Vec<Uuid> = accounts.into_iter().collect();
    let readers: Vec<Uuid> = sqlx::query_scalar(concat!(
        "SELECT a.id FROM accounts a CROSS JOIN teams t
         WHERE t.id = $1 AND a.id = ANY($2) AND a.deactivated_at IS NULL AND ",
        seen_by!("a.id")
    ))
    .bind(team)
    .bind(&accounts)
    .fetch_all(&mut *db)
    .await?;
    let readers: BTreeSet<Uuid> = readers.into_iter().collect();
    // One row per thread, in the order of the accounts, whose rows the trigger locks.
    let mut threads: BTreeMap<(Uuid, Subject), NewThread> = BTreeMap::new();
    for notice in notices
        .iter()
        .filter(|notice| readers.contains(&notice.account))
    {
        let at = at(notice.seq);
        let thread = threads
            .entry((notice.account, notice.subject))
            .or_insert(NewThread { at, wakes: false });
        thread.at = at.max(thread.at);
        thread.wakes |= notice.reason != Reason::Following;
    }
    if threads.is_empty() {
        return Ok(BTreeSet::new());
    }
    let ids: Vec<Uuid> = upsert_threads(db, team, &threads).await?;
    let thread_ids: BTreeMap<(Uuid, Subject), Uuid> = threads.keys().copied().zip(ids).collect();
    add_items(db, notices, &thread_ids, at).await?;
    if let Some(now) = mail_at {
        let items: Vec<(Uuid, Uuid, Reason)> = notices
            .iter()
            .filter_map(|notice| {
                let thread = *thread_ids.get(&(notice.account, notice.subject))?;
                Some((notice.account, thread, notice.reason))
            })
            .collect();
        outbox::add_urgent(db, &items, now).await?;
    }
    Ok(threads.into_keys().map(|(account, _)| account).collect())
}

/// Creates the threads, or makes them unread again. Returns their ids in the same order.
async fn upsert_threads(
    db: &mut PgConnection,
    team: Uuid,
    threads: &BTreeMap<(Uuid, Subject), NewThread>,
) -> Result<Vec<Uuid>> {
    let column = |index: usize| -> Vec<Option<Uuid>> {
        let ids = threads.keys().map(|(_, subject)| subject.ids()[index]);
        ids.collect()
    };
    let accounts: Vec<Uuid> = threads.keys().map(|(account, _)| *account).collect();
    let ids: Vec<Uuid> = accounts.iter().map(|_| Uuid::now_v7()).collect();
    let places = (1_i64..).zip(threads.values());
    let woken: Vec<i64> = places
        .filter_map(|(place, thread)| thread.wakes.then_some(place))
        .collect();
    Ok(sqlx::query_scalar(
        "WITH new AS (
             SELECT * FROM unnest($2::uuid[], $3::uuid[], $4::uuid[], $5::uuid[], $6::uuid[], $7::uuid[], $8::uuid[], $9::timestamptz[])
                 WITH ORDINALITY AS n (account_id, id, task_id, goal_id, project_id, request_id, change_id, at, place)),
         woken AS (SELECT n.account_id, n.id FROM new n WHERE n.place = ANY($10)),
         written AS (
             INSERT INTO inbox_threads AS i (account_id, id, team_id, task_id, goal_id, project_id, request_id, change_id, newest_at)
             SELECT account_id, id, $1, task_id, goal_id, project_id, request_id, change_id, at FROM new ORDER BY place
             ON CONFLICT ON CONSTRAINT inbox_thread_once DO UPDATE
                 SET newest_at = greatest(i.newest_at, excluded.newest_at), is_unread = true, done_at = NULL,
                     snoozed_until = CASE WHEN (excluded.account_id, excluded.id) IN (SELECT * FROM woken) THEN NULL ELSE i.snoozed_until END
             RETURNING *)
         SELECT w.id FROM new n JOIN written w ON w.account_id = n.account_id AND w.task_id IS NOT DISTINCT FROM n.task_id
             AND w.goal_id IS NOT DISTINCT FROM n.goal_id AND w.project_id IS NOT DISTINCT FROM n.project_id
             AND w.request_id IS NOT DISTINCT FROM n.request_id AND w.change_id IS NOT DISTINCT FROM n.change_id
         ORDER BY n.place",
    )
    .bind(team)
    .bind(accounts)
    .bind(ids)
    .bind(column(0))
    .bind(column(1))
    .bind(column(2))
    .bind(column(3))
    .bind(column(4))
    .bind(threads.values().map(|thread| thread.at).collect::<Vec<_>>())
    .bind(woken)
    .fetch_all(db)
    .await?)
}

/// Adds the reasons, and deletes those that were read already.
async fn add_items(
    db: &mut PgConnection,
    notices: &[Notice],
    threads: &BTreeMap<(Uuid, Subject), Uuid>,
    at: impl Fn(i64) -> OffsetDateTime,
) -> Result<()> {
    let written: Vec<(&Notice, Uuid)> = notices
        .iter()
        .filter_map(|notice| Some((notice, *threads.get(&(notice.account, notice.subject))?)))
        .collect();
    let accounts: Vec<Uuid> = written.iter().map(|(notice, _)| notice.account).collect();
    let thread_ids: Vec<Uuid> = written.iter().map(|(_, thread)| *thread).collect();
    sqlx::query(
        "DELETE FROM inbox_items i USING (SELECT DISTINCT * FROM unnest($1::uuid[], $2::uuid[]) u (account_id, thread_id)) u
         WHERE i.account_id = u.account_id AND i.thread_id = u.thread_id AND i.is_read",
    )
    .bind(&accounts)
    .bind(&thread_ids)
    .execute(&mut *db)
    .await?;
    sqlx::query(
        "INSERT INTO inbox_items (account_id, thread_id, reason, seq, at, tasks, follow_id)
         SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::bigint[], $5::timestamptz[], $6::integer[], $7::uuid[])
         ON CONFLICT DO NOTHING",
    )
    .bind(accounts)
    .bind(thread_ids)
    .bind(written.iter().map(|(notice, _)| notice.reason.as_str()).collect::<Vec<_>>())
    .bind(written.iter().map(|(notice, _)| notice.seq).collect::<Vec<_>>())
    .bind(written.iter().map(|(notice, _)| at(notice.seq)).collect::<Vec<_>>())
    .bind(written.iter().map(|(notice, _)| notice.tasks).collect::<Vec<_>>())
    .bind(written.iter().map(|(notice, _)| notice.follow).collect::<Vec<_>>())
    .execute(db)
    .await?;
    Ok(())
}

/// Takes back unread reasons that an event made untrue. Returns whose inbox changed.
pub(super) async fn withdraw(
    db: &mut PgConnection,
    team: Uuid,
    seq: i64,
    what: &Withdrawal,
) -> Result<BTreeSet<Uuid>> {
    // Of the unread reasons of earlier events in this team; the parameters are team, number, and two for the condition.
    macro_rules! delete_items {
        ($condition:literal) => {
            concat!(
                "WITH gone AS (SELECT i.number FROM inbox_items i JOIN inbox_threads t ON t.account_id = i.account_id AND t.id = i.thread_id
                               WHERE t.team_id = $1 AND NOT i.is_read AND i.seq < $2 AND ",
                $condition,
                " ORDER BY t.account_id, t.id FOR UPDATE OF t)
                 DELETE FROM inbox_items WHERE number IN (SELECT number FROM gone) RETURNING account_id, thread_id"
            )
        };
    }
    let gone: Vec<(Uuid, Uuid)> = match what {
        Withdrawal::Event(event) => {
            sqlx::query_as(delete_items!("i.seq = $3"))
                .bind(team)
                .bind(seq)
                .bind(event)
                .fetch_all(&mut *db)
                .await?
        }
        Withdrawal::Task(task, account, reasons) => {
            sqlx::query_as(delete_items!(
                "t.task_id = $3 AND ($4::uuid IS NULL OR t.account_id = $4) AND i.reason = ANY($5)"
            ))
            .bind(team)
            .bind(seq)
            .bind(task)
            .bind(account)
            .bind(reasons.iter().map(|reason| reason.as_str()).collect::<Vec<_>>())
            .fetch_all(&mut *db)
            .await?
        }
        Withdrawal::Named(task, field, id) => {
            sqlx::query_as(delete_items!(
                "($5::uuid IS NULL OR t.task_id = $5) AND EXISTS (SELECT FROM events e WHERE e.team_id = $1 AND e.seq = i.seq AND e.after->>$3 = $4)"
            ))
            .bind(team)
            .bind(seq)
            .bind(field)
            .bind(id.to_string())
            .bind(task)
            .fetch_all(&mut *db)
            .await?
        }
        Withdrawal::Blocker(id) => {
            sqlx::query_as(delete_items!(
                "i.reason = $3 AND i.seq IN (SELECT e.seq FROM events e WHERE e.team_id = $1 AND e.task_id = t.task_id AND e.after->'blockers'->>'id' = $4)"
            ))
            .bind(team)
            .bind(seq)
            .bind(Reason::BlockedOnYou.as_str())
            .bind(id.to_string())
            .fetch_all(&mut *db)
            .await?
        }
        Withdrawal::Sprint(number) => {
            sqlx::query_as(delete_items!(
                "i.reason = $3 AND EXISTS (SELECT FROM events e WHERE e.team_id = $1 AND e.seq = i.seq AND (e.after->>'sprint')::bigint = $4)"
            ))
            .bind(team)
            .bind(seq)
            .bind(Reason::SprintClosed.as_str())
            .bind(number)
            .fetch_all(&mut *db)
            .await?
        }
    };
    settle(db, &gone).await
}

/// Marks threads as read that have no unread reason left, and deletes those that have none at all. Returns their accounts.
pub(super) async fn settle(
    db: &mut PgConnection,
    threads: &[(Uuid, Uuid)],
) -> Result<BTreeSet<Uuid>> {
    let threads: BTreeSet<(Uuid, Uuid)> = threads.iter().copied().collect();
    if threads.is_empty() {
        return Ok(BTreeSet::new());
    }
    let (accounts, ids): (Vec<Uuid>, Vec<Uuid>) = threads.into_iter().unzip();
    // Waits for a delivery that is adding a reason.
    sqlx::query(
        "SELECT FROM inbox_threads WHERE (account_id, id) IN (SELECT * FROM unnest($1::uuid[], $2::uuid[]))
         ORDER BY account_id, id FOR UPDATE",
    )
    .bind(&accounts)
    .bind(&ids)
    .execute(&mut *db)
    .await?;
    sqlx::query(
        "DELETE FROM inbox_threads t USING unnest($1::uuid[], $2::uuid[]) u (account_id, id)
         WHERE t.account_id = u.account_id AND t.id = u.id
           AND NOT EXISTS (SELECT FROM inbox_items i WHERE i.account_id = t.account_id AND i.thread_id = t.id)",
    )
    .bind(&accounts)
    .bind(&ids)
    .execute(&mut *db)
    .await?;
    sqlx::query(
        "UPDATE inbox_threads t SET is_unread = EXISTS (SELECT FROM inbox_items i WHERE i.account_id = t.account_id AND i.thread_id = t.id AND NOT i.is_read),
                newest_at = (SELECT max(at) FROM inbox_items i WHERE i.account_id = t.account_id AND i.thread_id = t.id)
         FROM unnest($1::uuid[], $2::uuid[]) u (account_id, id) WHERE t.account_id = u.account_id AND t.id = u.id",
    )
    .bind(&accounts)
    .bind(&ids)
    .execute(db)
    .await?;
    Ok(accounts.into_iter().collect())
}
