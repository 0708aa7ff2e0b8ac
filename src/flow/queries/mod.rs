//! Reading what figures are made of. Nothing here reads events of other times than it was asked for, but for the last
//! one before of each task that was open then, and the first ones of each task that was finished.

/// What `event_shift` and `event_shift_of_task` hold, word for word.
macro_rules! shifts {
    () => {
        "e.kind IN ('task.created', 'task.moved', 'task.imported', 'task.archived', 'task.restored')
         AND (e.kind <> 'task.moved' OR e.before->>'state' IS DISTINCT FROM e.after->>'state')"
    };
}

/// The columns of a `ShiftRow`.
macro_rules! shift_row {
    () => {
        "e.task_id, e.at, e.seq, array_position('{task.moved,task.created,task.imported,task.archived,task.restored}'::text[], e.kind) AS kind,
         array_position('{todo,doing,blocked,review,done}'::text[], e.after->>'state') AS state,
         coalesce(e.after->>'archived' = 'true', false) AS archived"
    };
}

mod burning_up;

pub use burning_up::burn_up;

use std::collections::HashMap;

use sqlx::{PgConnection, QueryBuilder};
use time::{Date, Duration, OffsetDateTime};
use uuid::Uuid;

use super::measures::{self, Begun, Kind, Shift, Spell, Waited};
use crate::{
    boards::{State, filters::Filter},
    clock,
    teams::Team,
    web::error::Result,
};

/// A task as a figure names it.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Face {
    pub id: Uuid,
    pub number: i64,
    pub title: String,
    #[sqlx(try_from = "String")]
    pub state: State,
}

/// The tasks that stood on the board at an instant and were not done, with their state.
pub async fn open_at(db: &mut PgConnection, team: Uuid, at: OffsetDateTime) -> Result<Vec<(Uuid, State)>> {
    let rows: Vec<(Uuid, String)> = sqlx::query_as(concat!(
        "SELECT k.id, last.state FROM tasks k JOIN columns c ON c.team_id = k.team_id AND c.id = k.column_id
         CROSS JOIN LATERAL (
             SELECT e.kind, e.after->>'state' AS state, e.after->>'archived' AS archived FROM events e
             WHERE e.team_id = k.team_id AND e.task_id = k.id AND e.at < $2 AND ",
        shifts!(),
        " ORDER BY e.at DESC, e.seq DESC LIMIT 1) last
         WHERE k.team_id = $1 AND k.created_at < $2 AND (k.archived_at IS NULL OR k.archived_at >= $2)
               AND NOT (c.state = 'done' AND k.column_since < $2)
               AND last.kind <> 'task.archived' AND last.state <> 'done' AND last.archived IS DISTINCT FROM 'true'"
    ))
    .bind(team)
    .bind(at)
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().filter_map(|(task, state)| Some((task, State::try_from(state).ok()?))).collect())
}

/// A shift as it comes from the database: kind and state as places in `KINDS` and `State::ALL`, from 1. There are tens of
/// thousands in a long range, and texts would cost more than all that is made of them.
#[derive(sqlx::FromRow)]
struct ShiftRow {
    task_id: Uuid,
    at: OffsetDateTime,
    seq: i64,
    kind: i32,
    state: Option<i32>,
    archived: bool,
}

const KINDS: [Kind; 5] = [Kind::Moved, Kind::Made, Kind::Imported, Kind::Archived, Kind::Restored];

impl From<ShiftRow> for Shift {
    fn from(row: ShiftRow) -> Self {
        let place = |nth: i32| usize::try_from(nth - 1).unwrap_or(usize::MAX);
        let kind = KINDS.get(place(row.kind)).copied().unwrap_or(Kind::Moved);
        let to = row.state.and_then(|state| State::ALL.get(place(state)).copied());
        Self { task: row.task_id, at: row.at, kind, to, archived: row.archived }
    }
}

/// In the order in which they happened: put into it here, where they fit into memory.
fn in_order(mut rows: Vec<ShiftRow>) -> Vec<Shift> {
    rows.sort_unstable_by_key(|row| (row.at, row.seq));
    rows.into_iter().map(Shift::from).collect()
}

/// Every change of state in a team from an instant to another, in order.
pub async fn shifts(
    db: &mut PgConnection,
    team: Uuid,
    (since, until): (OffsetDateTime, OffsetDateTime),
) -> Result<Vec<Shift>> {
    let rows: Vec<ShiftRow> = sqlx::query_as(concat!(
        "SELECT ",
        shift_row!(),
        " FROM events e WHERE e.team_id = $1 AND e.at >= $2 AND e.at < $3 AND e.task_id IS NOT NULL AND ",
        shifts!()
    ))
    .bind(team)
    .bind(since)
    .bind(until)
    .fetch_all(db)
    .await?;
    Ok(in_order(rows))
}

/// The day on which each of these tasks was in progress for the first time. One whose first known event is not its
/// making was imported without what came before.
pub async fn begun(db: &mut PgConnection, team: Uuid, tasks: &[Uuid], zone: &str) -> Result<HashMap<Uuid, Begun>> {
    let rows: Vec<(Uuid, bool, Option<OffsetDateTime>)> = sqlx::query_as(concat!(
        "SELECT k.task, coalesce(first.kind = 'task.created', false), begun.at FROM unnest($2::uuid[]) AS k (task)
         LEFT JOIN LATERAL (
             SELECT e.kind FROM events e WHERE e.team_id = $1 AND e.task_id = k.task AND ",
        shifts!(),
        " ORDER BY e.at, e.seq LIMIT 1) first ON true
         LEFT JOIN LATERAL (
             SELECT e.at FROM events e WHERE e.team_id = $1 AND e.task_id = k.task AND ",
        shifts!(),
        " AND e.kind IN ('task.created', 'task.moved') AND e.after->>'state' = 'doing' ORDER BY e.at, e.seq LIMIT 1) begun ON true"
    ))
    .bind(team)
    .bind(tasks)
    .fetch_all(db)
    .await?;
    let begun = |whole: bool, at: Option<OffsetDateTime>| match at {
        _ if !whole => Begun::Unknown,
        Some(at) => Begun::On(clock::day_in(at, zone)),
        None => Begun::Never,
    };
    Ok(rows.into_iter().map(|(task, whole, at)| (task, begun(whole, at))).collect())
}

/// Those of these tasks that a filter lets through, as they are now.
pub async fn faces(
    db: &mut PgConnection,
    team: &Team,
    filter: &Filter,
    now: OffsetDateTime,
    tasks: &[Uuid],
) -> Result<HashMap<Uuid, Face>> {
    let mut query = QueryBuilder::new(
        "SELECT k.id, k.number, k.title, c.state FROM tasks k JOIN columns c ON c.team_id = k.team_id AND c.id = k.column_id
         WHERE k.team_id = ",
    );
    query.push_bind(team.id).push(" AND k.id = ANY(").push_bind(tasks).push(")");
    filter.push_terms(&mut query, team.id, &team.key, now);
    let faces: Vec<Face> = query.build_query_as().fetch_all(db).await?;
    Ok(faces.into_iter().map(|face| (face.id, face)).collect())
}

/// What a team has in hand now: begun, blocked or in review, by number.
pub async fn in_hand(db: &mut PgConnection, team: &Team, filter: &Filter, now: OffsetDateTime) -> Result<Vec<Face>> {
    let mut query = QueryBuilder::new(
        // Apart, so that the filter is asked only of what is in hand: in one piece, words are looked for in every task.
        "SELECT k.id, k.number, k.title, c.state FROM columns c
         CROSS JOIN LATERAL (SELECT * FROM tasks WHERE team_id = c.team_id AND column_id = c.id AND rank IS NOT NULL OFFSET 0) k
         WHERE c.state IN ('doing', 'blocked', 'review') AND c.team_id = ",
    );
    query.push_bind(team.id);
    filter.push_terms(&mut query, team.id, &team.key, now);
    query.push(" ORDER BY k.number");
    Ok(query.build_query_as().fetch_all(db).await?)
}

/// What tasks waited on between two instants, cut off at both, in days.
pub async fn waits(
    db: &mut PgConnection,
    team: Uuid,
    (since, until): (OffsetDateTime, OffsetDateTime),
    zone: &str,
) -> Result<Vec<Spell>> {
    #[derive(sqlx::FromRow)]
    struct Row {
        task_id: Uuid,
        note: String,
        since: OffsetDateTime,
        ended_at: Option<OffsetDateTime>,
        task: Option<String>,
        whom: Option<String>,
    }
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT w.task_id, w.note, w.since, w.ended_at, ot.key || '-' || o.number || ' ' || o.title AS task,
                coalesce(ot.name, t.name, a.name, CASE WHEN w.on_task_id IS NOT NULL OR w.on_team_id IS NOT NULL THEN 'a private team' END) AS whom
         FROM waits w LEFT JOIN tasks o ON o.team_id = w.on_task_team AND o.id = w.on_task_id LEFT JOIN teams ot ON ot.id = o.team_id AND (NOT ot.private OR ot.id = w.team_id)
         LEFT JOIN teams t ON t.id = w.on_team_id AND (NOT t.private OR t.id = w.team_id) LEFT JOIN accounts a ON a.id = w.on_account_id
         WHERE w.team_id = $1 AND tstzrange(w.since, w.ended_at, '[]') && tstzrange($2, $3) ORDER BY w.since, w.id",
    )
    .bind(team)
    .bind(since)
    .bind(until)
    .fetch_all(db)
    .await?;
    let spell = |row: Row| {
        let (from, to) = span_of_days((row.since, row.ended_at.unwrap_or(until)), (since, until), zone);
        let whom = row.whom.unwrap_or_else(|| measures::OUTSIDE.to_owned());
        let note = Some(row.note).filter(|note| !note.is_empty());
        Spell {
            task: row.task_id,
            from,
            to,
            on: Waited { what: row.task.or(note).unwrap_or_else(|| whom.clone()), whom },
        }
    };
    Ok(rows.into_iter().map(spell).collect())
}

/// The days that a span touches, of those in a range.
pub fn span_of_days(
    (from, to): (OffsetDateTime, OffsetDateTime),
    (since, until): (OffsetDateTime, OffsetDateTime),
    zone: &str,
) -> (Date, Date) {
    let last = to.min(until - Duration::MICROSECOND);
    (clock::day_in(from.max(since), zone), clock::day_in(last, zone))
}
