//! Writes that are based on a version of a task, and are refused if anything has changed since: those of agents, which
//! have no page that shows them what others did meanwhile.

use serde_json::{Value, json};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{
    db::pool::Pool,
    domain::{
        error::{Conflict, Problem, Result},
        events::{Change, EventKind},
        humanize,
        tasks::{
            agents::author_name,
            event_names::{Names, handles_in},
        },
        team::Team,
    },
};

/// The most changes that are told.
const TOLD: i64 = 5;

fn changed_since(version: i64) -> Problem {
    Problem::Conflict(Box::new(Conflict {
        detail: "The task was changed in the meantime. Nothing was saved.".to_owned(),
        current: json!({ "version": version }),
        sent: Value::Null,
    }))
}

/// Refuses a version that is not the task's newest, before anything is locked.
pub(crate) async fn require_newest(
    change: &mut Change,
    team: &Team,
    task: Uuid,
    seen: i64,
) -> Result<()> {
    let version: i64 =
        sqlx::query_scalar("SELECT version FROM tasks WHERE team_id = $1 AND id = $2")
            .bind(team.id)
            .bind(task)
            .fetch_one(change.db())
            .await?;
    if version == seen {
        return Ok(());
    }
    Err(changed_since(version))
}

/// Refuses if another change was committed after this version. It is asked after the write, which has locked the task:
/// locking it first would break the order of locks.
pub(crate) async fn require_unchanged(
    change: &mut Change,
    team: &Team,
    task: Uuid,
    seen: i64,
) -> Result<()> {
    let newest: Option<i64> = sqlx::query_scalar(
        "SELECT max(version) FROM events WHERE team_id = $1 AND task_id = $2 AND version > $3",
    )
    .bind(team.id)
    .bind(task)
    .bind(seen)
    .fetch_one(change.db())
    .await?;
    match newest {
        None => Ok(()),
        Some(version) => Err(changed_since(version)),
    }
}

/// Says what was changed after a version, as `Jonas Gruber moved it to In review (2 min ago)`, newest first. Empty if
/// there is no such version.
pub(crate) async fn changes_since(
    db: &Pool,
    team: &Team,
    task: Uuid,
    seen: i64,
    now: OffsetDateTime,
) -> Result<String> {
    #[derive(sqlx::FromRow)]
    struct Row {
        kind: EventKind,
        before: Value,
        after: Value,
        at: OffsetDateTime,
        name: Option<String>,
    }
    let rows: Vec<Row> = sqlx::query_as(concat!(
        "SELECT e.kind, e.before, e.after, e.at, ",
        author_name!(),
        " AS name FROM events e LEFT JOIN accounts a ON a.id = e.actor_id
         WHERE e.team_id = $1 AND e.task_id = $2 AND e.version > $3 ORDER BY e.seq DESC LIMIT $4"
    ))
    .bind(team.id)
    .bind(task)
    .bind(seen)
    .bind(TOLD)
    .fetch_all(db)
    .await?;
    let handles = handles_in(rows.iter().flat_map(|row| [&row.before, &row.after]));
    let names = Names::load(db, team.id, &handles).await?;
    let told = rows.iter().map(|row| {
        let what = match row.kind {
            EventKind::CommentAdded => Some("commented".to_owned()),
            kind => names.sentence(kind, &row.before, &row.after),
        };
        format!(
            "{} {} ({})",
            row.name
                .as_deref()
                .or(row.after["by"].as_str())
                .unwrap_or("The server"),
            what.as_deref().unwrap_or("changed it"),
            humanize::ago(now, row.at)
        )
    });
    Ok(told.collect::<Vec<_>>().join("; "))
}
