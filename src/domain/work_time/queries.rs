//! Reads transitions from the event log. No query reads events outside of its period, except the last
//! event before it of each task that was open then, and the first events of each task that was
//! finished.

use std::collections::HashMap;

use sqlx::{FromRow, PgConnection, Row as _, postgres::PgRow};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::domain::{
    clock,
    column_state::ColumnState,
    error::Result,
    work_time::{
        cycle_time::StartedTask,
        states::{Kind, Transition},
    },
};

/// Returns the tasks that were on the board and not done at an instant, with their state.
pub(crate) async fn open_at(
    db: &mut PgConnection,
    team: Uuid,
    at: OffsetDateTime,
) -> Result<Vec<(Uuid, ColumnState)>> {
    let rows: Vec<(Uuid, String)> = sqlx::query_as(
        // Two halves, so that what was archived before is not read.
        "SELECT k.id, split_part(last.transition, ' ', 2)
         FROM (SELECT * FROM tasks WHERE team_id = $1 AND archived_at IS NULL
               UNION ALL SELECT * FROM tasks WHERE team_id = $1 AND archived_at >= $2 AND archived_at <= 'infinity') k
         JOIN columns c ON c.team_id = k.team_id AND c.id = k.column_id
         CROSS JOIN LATERAL (
             SELECT transition FROM events WHERE team_id = k.team_id AND task_id = k.id AND at < $2 AND transition IS NOT NULL
             ORDER BY at DESC, seq DESC LIMIT 1) last
         WHERE k.created_at < $2 AND NOT (c.state = 'done' AND k.column_since < $2)
               AND last.transition NOT LIKE 'archived %' AND last.transition NOT LIKE '% done' AND last.transition NOT LIKE '% archived'",
    )
    .bind(team)
    .bind(at)
    .fetch_all(db)
    .await?;
    Ok(rows
        .into_iter()
        .filter_map(|(task, state)| Some((task, ColumnState::try_from(state).ok()?)))
        .collect())
}

impl<'r> FromRow<'r, PgRow> for Transition {
    /// Columns are read by index, not by name: a long period has tens of thousands of rows.
    fn from_row(row: &'r PgRow) -> sqlx::Result<Self> {
        let mut parts = row.try_get::<&str, _>(2)?.split(' ');
        let kind = match parts.next() {
            Some("created") => Kind::Created,
            Some("imported") => Kind::Imported,
            Some("archived") => Kind::Archived,
            Some("restored") => Kind::Restored,
            _ => Kind::Moved,
        };
        let to = parts.next().and_then(|state| {
            ColumnState::ALL
                .into_iter()
                .find(|known| known.as_str() == state)
        });
        Ok(Self {
            task: row.try_get(0)?,
            at: row.try_get(1)?,
            kind,
            to,
            archived: parts.next().is_some(),
        })
    }
}

/// Returns every change of state in a team between two instants, in order.
pub(crate) async fn transitions(
    db: &mut PgConnection,
    team: Uuid,
    (since, until): (OffsetDateTime, OffsetDateTime),
) -> Result<Vec<Transition>> {
    Ok(sqlx::query_as(
        "SELECT task_id, at, transition FROM events
         WHERE team_id = $1 AND at >= $2 AND at < $3 AND transition IS NOT NULL AND task_id IS NOT NULL ORDER BY at, seq",
    )
    .bind(team)
    .bind(since)
    .bind(until)
    .fetch_all(db)
    .await?)
}

/// Returns the first day in progress of each of these tasks. A task whose first known event is not
/// its creation was imported without its earlier history.
pub(crate) async fn started(
    db: &mut PgConnection,
    team: Uuid,
    tasks: &[Uuid],
    zone: &str,
) -> Result<HashMap<Uuid, StartedTask>> {
    let rows: Vec<(Uuid, bool, Option<OffsetDateTime>)> = sqlx::query_as(
        "SELECT k.task, coalesce(first.transition LIKE 'created %', false), started.at FROM unnest($2::uuid[]) AS k (task)
         LEFT JOIN LATERAL (
             SELECT transition FROM events WHERE team_id = $1 AND task_id = k.task AND transition IS NOT NULL
             ORDER BY at, seq LIMIT 1) first ON true
         LEFT JOIN LATERAL (
             SELECT at FROM events WHERE team_id = $1 AND task_id = k.task AND transition IN ('created doing', 'moved doing')
             ORDER BY at, seq LIMIT 1) started ON true",
    )
    .bind(team)
    .bind(tasks)
    .fetch_all(db)
    .await?;
    let started = |whole: bool, at: Option<OffsetDateTime>| match at {
        _ if !whole => StartedTask::Unknown,
        Some(at) => StartedTask::On(clock::day_in(at, zone)),
        None => StartedTask::Never,
    };
    Ok(rows
        .into_iter()
        .map(|(task, whole, at)| (task, started(whole, at)))
        .collect())
}

/// The tasks that were finished between two instants and are still done, with the last time.
pub(crate) async fn finished(
    db: &mut PgConnection,
    team: Uuid,
    (since, until): (OffsetDateTime, OffsetDateTime),
) -> Result<HashMap<Uuid, OffsetDateTime>> {
    let rows: Vec<(Uuid, OffsetDateTime)> = sqlx::query_as(
        "SELECT task_id, at FROM events WHERE team_id = $1 AND at >= $2 AND at < $3 AND task_id IS NOT NULL
         AND transition IN ('created done', 'moved done')
         AND EXISTS (SELECT FROM tasks k JOIN columns c ON c.team_id = k.team_id AND c.id = k.column_id
                     WHERE k.team_id = events.team_id AND k.id = events.task_id AND c.state = 'done') ORDER BY at, seq",
    )
    .bind(team)
    .bind(since)
    .bind(until)
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().collect())
}

/// The state of each of these tasks at an instant, done ones included.
pub(crate) async fn states_at(
    db: &mut PgConnection,
    team: Uuid,
    tasks: &[Uuid],
    at: OffsetDateTime,
) -> Result<Vec<(Uuid, ColumnState)>> {
    let rows: Vec<(Uuid, String)> = sqlx::query_as(
        "SELECT k.task, split_part(last.transition, ' ', 2) FROM unnest($2::uuid[]) AS k (task)
         CROSS JOIN LATERAL (
             SELECT transition FROM events WHERE team_id = $1 AND task_id = k.task AND at < $3 AND transition IS NOT NULL
             ORDER BY at DESC, seq DESC LIMIT 1) last WHERE last.transition NOT LIKE 'archived %'",
    )
    .bind(team)
    .bind(tasks)
    .bind(at)
    .fetch_all(db)
    .await?;
    Ok(rows
        .into_iter()
        .filter_map(|(task, state)| Some((task, ColumnState::try_from(state).ok()?)))
        .collect())
}

/// Returns every change of state of these tasks between two instants, in order.
pub(crate) async fn transitions_of(
    db: &mut PgConnection,
    team: Uuid,
    tasks: &[Uuid],
    (since, until): (OffsetDateTime, OffsetDateTime),
) -> Result<Vec<Transition>> {
    Ok(sqlx::query_as(
        "SELECT e.task_id, e.at, e.transition FROM unnest($2::uuid[]) AS k (task)
         CROSS JOIN LATERAL (
             SELECT task_id, at, seq, transition FROM events
             WHERE team_id = $1 AND task_id = k.task AND at >= $3 AND at < $4 AND transition IS NOT NULL OFFSET 0) e
         ORDER BY e.at, e.seq",
    )
    .bind(team)
    .bind(tasks)
    .bind(since)
    .bind(until)
    .fetch_all(db)
    .await?)
}
