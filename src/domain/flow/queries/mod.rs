//! Reads the data of flow reports. No query reads events outside of its period, except the last
//! event before it of each task that was open then, and the first events of each task that was
//! finished.

pub mod burn_up;
pub mod task_refs;

pub use crate::domain::flow::queries::burn_up::burn_up;

use std::collections::HashMap;

use sqlx::{FromRow, PgConnection, QueryBuilder, Row as _, postgres::PgRow};
use time::{Date, Duration, OffsetDateTime};
use uuid::Uuid;

use crate::domain::{
    boards::filters::{sql::Moment, terms::Filter},
    clock,
    column_state::ColumnState,
    error::Result,
    flow::{
        measures::{self, BlockedPeriod, Kind, StartedTask, Transition, Waited},
        queries::task_refs::TaskRef,
    },
    policy::predicates::named_beside,
    team::Team,
};

/// Returns the tasks that were on the board and not done at an instant, with their state.
pub(crate) async fn open_at(
    db: &mut PgConnection,
    team: Uuid,
    at: OffsetDateTime,
) -> Result<Vec<(Uuid, ColumnState)>> {
    let rows: Vec<(Uuid, String)> = sqlx::query_as(
        "SELECT k.id, split_part(last.transition, ' ', 2) FROM tasks k
         JOIN columns c ON c.team_id = k.team_id AND c.id = k.column_id
         CROSS JOIN LATERAL (
             SELECT transition FROM events WHERE team_id = k.team_id AND task_id = k.id AND at < $2 AND transition IS NOT NULL
             ORDER BY at DESC, seq DESC LIMIT 1) last
         WHERE k.team_id = $1 AND k.created_at < $2 AND (k.archived_at IS NULL OR k.archived_at >= $2)
               AND NOT (c.state = 'done' AND k.column_since < $2)
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

/// Returns a team's work in progress: started, blocked or in review, by number.
pub(crate) async fn work_in_progress(
    db: &mut PgConnection,
    team: &Team,
    filter: &Filter,
    now: OffsetDateTime,
) -> Result<Vec<TaskRef>> {
    let mut query = QueryBuilder::new(
        // A separate condition, so that the filter is applied only to work in progress; as one
        // query, text would be searched in every task.
        "SELECT k.id, k.number, k.title, c.state FROM columns c
         CROSS JOIN LATERAL (SELECT * FROM tasks WHERE team_id = c.team_id AND column_id = c.id AND rank IS NOT NULL OFFSET 0) k
         WHERE c.state IN ('doing', 'blocked', 'review') AND c.team_id = ",
    );
    query.push_bind(team.id);
    filter.push_terms(
        &mut query,
        team,
        Moment::of(&mut *db, team, filter, now).await?,
    );
    query.push(" ORDER BY k.number");
    Ok(query.build_query_as().fetch_all(db).await?)
}

/// Returns what tasks were waiting on between two instants, cut at both, in days.
pub(crate) async fn blockers(
    db: &mut PgConnection,
    team: Uuid,
    (since, until): (OffsetDateTime, OffsetDateTime),
    zone: &str,
) -> Result<Vec<BlockedPeriod>> {
    #[derive(sqlx::FromRow)]
    struct Row {
        task_id: Uuid,
        note: String,
        since: OffsetDateTime,
        ended_at: Option<OffsetDateTime>,
        task: Option<String>,
        party: Option<String>,
    }
    let rows: Vec<Row> = sqlx::query_as(concat!(
        "SELECT w.task_id, w.note, w.since, w.ended_at, ot.key || '-' || o.number || ' ' || o.title AS task,
                coalesce(ot.name, t.name, a.name, CASE WHEN w.on_task_id IS NOT NULL OR w.on_team_id IS NOT NULL THEN 'a private team' END) AS party
         FROM blockers w LEFT JOIN tasks o ON o.team_id = w.on_task_team AND o.id = w.on_task_id LEFT JOIN teams ot ON ot.id = o.team_id AND ",
        named_beside!("ot", "w.team_id"),
        "
         LEFT JOIN teams t ON t.id = w.on_team_id AND ",
        named_beside!("t", "w.team_id"),
        " LEFT JOIN accounts a ON a.id = w.on_account_id
         WHERE w.team_id = $1 AND tstzrange(w.since, w.ended_at, '[]') && tstzrange($2, $3) ORDER BY w.since, w.id"
    ))
    .bind(team)
    .bind(since)
    .bind(until)
    .fetch_all(db)
    .await?;
    let spell = |row: Row| {
        let (from, to) = span_of_days(
            (row.since, row.ended_at.unwrap_or(until)),
            (since, until),
            zone,
        );
        let party = row.party.unwrap_or_else(|| measures::OUTSIDE.to_owned());
        let note = Some(row.note).filter(|note| !note.is_empty());
        BlockedPeriod {
            task: row.task_id,
            from,
            to,
            on: Waited {
                what: row.task.or(note).unwrap_or_else(|| party.clone()),
                party,
            },
        }
    };
    Ok(rows.into_iter().map(spell).collect())
}

/// The days of a range that a period touches.
pub(crate) fn span_of_days(
    (from, to): (OffsetDateTime, OffsetDateTime),
    (since, until): (OffsetDateTime, OffsetDateTime),
    zone: &str,
) -> (Date, Date) {
    let last = to.min(until - Duration::MICROSECOND);
    (
        clock::day_in(from.max(since), zone),
        clock::day_in(last, zone),
    )
}
