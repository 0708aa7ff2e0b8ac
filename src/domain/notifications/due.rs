//! Tells owners of tasks that are due tomorrow, and that are overdue.

use std::collections::BTreeSet;

use time::OffsetDateTime;
use uuid::Uuid;

use crate::{
    db::pool::Pool,
    domain::{
        clock,
        error::Result,
        notifications::{
            reason::Reason,
            record,
            rules::{Notice, Subject},
        },
    },
};

/// A task that became due, with its owners.
#[derive(sqlx::FromRow)]
struct DueTask {
    team_id: Uuid,
    task_id: Uuid,
    reason: Reason,
    owners: Vec<Uuid>,
}

/// Notifies the owners of tasks that are due by tomorrow or overdue since yesterday, by the team's day, each once. Returns
/// whose inbox changed.
pub async fn notify_due(db: &Pool, now: OffsetDateTime, by_mail: bool) -> Result<BTreeSet<Uuid>> {
    let teams: Vec<(Uuid, String)> = sqlx::query_as(
        "SELECT t.id, coalesce(t.time_zone, w.time_zone) FROM teams t CROSS JOIN workspace w ORDER BY t.id",
    )
    .fetch_all(db)
    .await?;
    let (ids, days): (Vec<Uuid>, Vec<time::Date>) = teams
        .into_iter()
        .map(|(team, zone)| (team, clock::day_in(now, &zone)))
        .unzip();
    let mut tx = db.begin().await?;
    let due: Vec<DueTask> = sqlx::query_as(
        "WITH found AS (
             SELECT k.team_id, k.id AS task_id, k.due_on, CASE WHEN k.due_on < d.day THEN 'overdue' ELSE 'due-soon' END AS reason
             FROM unnest($1::uuid[], $2::date[]) d (team_id, day) JOIN tasks k ON k.team_id = d.team_id
             JOIN columns c ON c.team_id = k.team_id AND c.id = k.column_id
             WHERE k.due_on BETWEEN d.day - 7 AND d.day + 1 AND k.archived_at IS NULL AND c.state <> 'done'),
         new AS (
             INSERT INTO due_notices (team_id, task_id, reason, due_on) SELECT team_id, task_id, reason, due_on FROM found
             ON CONFLICT DO NOTHING RETURNING *)
         SELECT n.team_id, n.task_id, n.reason,
                ARRAY(SELECT account_id FROM task_owners o WHERE o.team_id = n.team_id AND o.task_id = n.task_id) AS owners
         FROM new n ORDER BY n.team_id",
    )
    .bind(&ids)
    .bind(&days)
    .fetch_all(&mut *tx)
    .await?;
    let mut changed = BTreeSet::new();
    for tasks in due.chunk_by(|one, next| one.team_id == next.team_id) {
        let notices: Vec<Notice> = tasks
            .iter()
            .flat_map(|task| {
                task.owners.iter().map(|account| Notice {
                    account: *account,
                    subject: Subject::Task(task.task_id),
                    reason: task.reason,
                    seq: 0,
                    follow: None,
                    tasks: 1,
                })
            })
            .collect();
        let Some(team) = tasks.first().map(|task| task.team_id) else {
            continue;
        };
        changed
            .extend(record::write(&mut tx, team, &notices, |_| now, by_mail.then_some(now)).await?);
    }
    tx.commit().await?;
    Ok(changed)
}
