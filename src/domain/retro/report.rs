//! The report of a team's sprint: computed while the sprint is open, frozen when it is closed.

use std::collections::{BTreeMap, HashMap};

use serde::{Deserialize, Serialize};
use sqlx::{PgConnection, types::Json};
use time::{Date, OffsetDateTime};
use uuid::Uuid;

use crate::domain::{
    clock, column_state::ColumnState, error::Result, keys::split_key,
    policy::predicates::named_beside, team::Team, teams::roster::Week,
};
use crate::domain::{goals::FrozenGoal, sprints::Sprint};

/// How many of the longest waits and cycle times are listed.
const LONGEST: usize = 5;

/// A team's numbers of a sprint. They are stored as JSON, so fields are only ever added, each with
/// a default.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Figures {
    /// By goal id.
    pub goals: BTreeMap<Uuid, FrozenGoal>,
    pub tasks: Vec<TaskFigure>,
    /// Longest first.
    pub waits: Vec<WaitFigure>,
    pub cycles: Vec<CycleFigure>,
    /// The burn-up chart's data; null for sprints closed before it was stored.
    pub burn_up: serde_json::Value,
}

/// A task of the sprint.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct TaskFigure {
    pub id: Uuid,
    pub key: String,
    pub title: String,
    pub estimate: i64,
    pub done: bool,
    /// Added to the sprint after its first day.
    pub added: bool,
    /// How often it was carried over before.
    pub carried_before: i64,
    /// `carried`, `backlog` or `dropped` for a task that was unfinished at the close; `removed` for
    /// a planned task that left the sprint before.
    pub outcome: String,
    pub reason: String,
}

/// A period in which a task was waiting.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct WaitFigure {
    pub key: String,
    pub title: String,
    pub on: String,
    /// Working days of the team, both ends included.
    pub days: i64,
    pub ended: bool,
}

/// A done task's cycle time, and where the time went.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct CycleFigure {
    pub key: String,
    pub title: String,
    /// Working days of the team, both ends included.
    pub days: i64,
    pub story: String,
}

impl Figures {
    /// Number of tasks in the sprint, and of done ones.
    pub fn burned(&self) -> (usize, usize) {
        let there = self.tasks.iter().filter(|task| task.outcome.is_empty());
        there.fold((0, 0), |(all, done), task| {
            (all + 1, done + usize::from(task.done))
        })
    }

    /// Number of tasks planned at the start, and of done ones.
    pub fn set_aside(&self) -> (usize, usize) {
        self.count(|task| !task.added)
    }

    /// Number of tasks added after the first day, and of done ones.
    pub fn added(&self) -> (usize, usize) {
        self.count(|task| task.added)
    }

    /// Number of tasks carried over, and of those carried over before.
    pub fn carried(&self) -> (usize, usize) {
        let carried = self.tasks.iter().filter(|task| task.outcome == "carried");
        (
            carried.clone().count(),
            carried.filter(|task| task.carried_before > 0).count(),
        )
    }

    /// Tasks that were unfinished at the close, with their outcome.
    pub fn left(&self) -> impl Iterator<Item = &TaskFigure> {
        self.tasks.iter().filter(|task| !task.outcome.is_empty())
    }

    /// Number of done tasks, and the sum of their estimates.
    pub fn finished(&self) -> (usize, i64) {
        let done = self.tasks.iter().filter(|task| task.done);
        (done.clone().count(), done.map(|task| task.estimate).sum())
    }

    fn count(&self, which: impl Fn(&TaskFigure) -> bool) -> (usize, usize) {
        let tasks = self.tasks.iter().filter(|task| which(task));
        (
            tasks.clone().count(),
            tasks.filter(|task| task.done).count(),
        )
    }
}

/// Returns the numbers that a team froze when it closed a sprint, if it did. Names of teams that
/// have become private since are left out.
pub async fn frozen(db: &mut PgConnection, team: Uuid, sprint: Uuid) -> Result<Option<Figures>> {
    let figures: Option<Json<Figures>> = sqlx::query_scalar(
        "SELECT figures FROM sprint_reports WHERE team_id = $1 AND sprint_id = $2",
    )
    .bind(team)
    .bind(sprint)
    .fetch_optional(&mut *db)
    .await?;
    let Some(Json(mut figures)) = figures else {
        return Ok(None);
    };
    if !figures.waits.is_empty() {
        hide_private(db, team, &mut figures.waits).await?;
    }
    Ok(Some(figures))
}

async fn hide_private(db: &mut PgConnection, team: Uuid, waits: &mut [WaitFigure]) -> Result<()> {
    let private: Vec<(String, String)> = sqlx::query_as(concat!(
        "SELECT t.name, t.key FROM teams t WHERE NOT ",
        named_beside!("t", "$1"),
        "
         UNION SELECT t.name, f.key FROM former_keys f JOIN teams t ON t.id = f.team_id WHERE NOT ",
        named_beside!("t", "$1")
    ))
    .bind(team)
    .fetch_all(db)
    .await?;
    for wait in waits {
        let key = split_key(&wait.on).map(|(key, _)| key);
        if private
            .iter()
            .any(|(name, its)| *name == wait.on || key.as_ref() == Some(its))
        {
            wait.on = "a private team".to_owned();
        }
    }
    Ok(())
}

/// Computes the current numbers of a team's sprint, without its goals, in three queries.
pub async fn current_figures(
    db: &mut PgConnection,
    team: &Team,
    sprint: &Sprint,
    week: &Week,
    now: OffsetDateTime,
) -> Result<Figures> {
    let tasks = tasks(db, team, sprint, week).await?;
    around(db, team, sprint, week, tasks, now).await
}

/// Completes the numbers for these tasks of a sprint with the longest waits and cycle times.
pub async fn around(
    db: &mut PgConnection,
    team: &Team,
    sprint: &Sprint,
    week: &Week,
    tasks: Vec<TaskFigure>,
    now: OffsetDateTime,
) -> Result<Figures> {
    let waits = waits(db, team, sprint, week, now).await?;
    let done: Vec<&TaskFigure> = tasks.iter().filter(|task| task.done).collect();
    let cycles = cycles(db, team, &done, week, now).await?;
    Ok(Figures {
        tasks,
        waits,
        cycles,
        ..Figures::default()
    })
}

async fn tasks(
    db: &mut PgConnection,
    team: &Team,
    sprint: &Sprint,
    week: &Week,
) -> Result<Vec<TaskFigure>> {
    #[derive(sqlx::FromRow)]
    struct Row {
        id: Uuid,
        number: i64,
        title: String,
        estimate: i64,
        done: bool,
        /// In the sprint at the end of its first day, or carried over into it, however late the
        /// previous sprint was closed.
        was_there: bool,
        carried_before: i64,
        /// No longer in the sprint.
        gone: bool,
    }
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT k.id, k.number, k.title, coalesce(k.estimate, 0)::bigint AS estimate, c.state = 'done' AS done,
                k.sprint_id IS DISTINCT FROM $2 OR (k.archived_at IS NOT NULL AND c.state <> 'done') AS gone,
                EXISTS (SELECT FROM unfinished_tasks l WHERE l.team_id = k.team_id AND l.task_id = k.id AND l.to_sprint_id = $2)
                OR coalesce((SELECT e.after->>'sprint' = $3 FROM events e WHERE e.team_id = k.team_id AND e.task_id = k.id
                                AND (e.after->>'sprint' = $3 OR e.before->>'sprint' = $3) AND e.at < $4 ORDER BY e.seq DESC LIMIT 1),
                            k.created_at < $4 AND NOT EXISTS (SELECT FROM events e WHERE e.team_id = k.team_id AND e.task_id = k.id AND e.after->>'sprint' = $3)) AS was_there,
                (SELECT count(*) FROM unfinished_tasks l WHERE l.team_id = k.team_id AND l.task_id = k.id AND l.outcome = 'carried' AND l.sprint_id <> $2) AS carried_before
         FROM tasks k JOIN columns c ON c.team_id = k.team_id AND c.id = k.column_id
         WHERE k.team_id = $1 AND k.id IN (
            SELECT id FROM tasks WHERE team_id = $1 AND sprint_id = $2 AND archived_at IS NULL
            UNION SELECT id FROM tasks WHERE team_id = $1 AND sprint_id = $2 AND archived_at IS NOT NULL
            UNION SELECT task_id FROM events WHERE team_id = $1 AND before->>'sprint' = $3)
         ORDER BY k.number",
    )
    .bind(team.id)
    .bind(sprint.id)
    .bind(sprint.id.to_string())
    .bind(clock::instant(sprint.starts_on.saturating_add(time::Duration::DAY), 0, &week.zone))
    .fetch_all(db)
    .await?;
    let figure = |row: Row| TaskFigure {
        id: row.id,
        key: format!("{}-{}", team.key, row.number),
        title: row.title,
        estimate: row.estimate,
        done: row.done && !row.gone,
        added: !row.was_there,
        carried_before: row.carried_before,
        outcome: if row.gone {
            "removed".to_owned()
        } else {
            String::new()
        },
        ..TaskFigure::default()
    };
    // A task that was added and removed again during the sprint was never planned.
    Ok(rows
        .into_iter()
        .filter(|row| row.was_there || !row.gone)
        .map(figure)
        .collect())
}

/// The longest periods in which the team's tasks were waiting during the sprint, not cut at its
/// ends.
async fn waits(
    db: &mut PgConnection,
    team: &Team,
    sprint: &Sprint,
    week: &Week,
    now: OffsetDateTime,
) -> Result<Vec<WaitFigure>> {
    #[derive(sqlx::FromRow)]
    struct Row {
        number: i64,
        title: String,
        on: String,
        since: OffsetDateTime,
        ended_at: Option<OffsetDateTime>,
    }
    let from = clock::instant(sprint.starts_on, 0, &week.zone);
    let to = clock::instant(sprint.next_start(), 0, &week.zone).min(now);
    let rows: Vec<Row> = sqlx::query_as(concat!(
        "SELECT k.number, k.title, w.since, w.ended_at,
                coalesce(ot.key || '-' || o.number, t.name, a.name, CASE WHEN w.on_task_id IS NOT NULL OR w.on_team_id IS NOT NULL THEN 'a private team' END, w.note) AS on
         FROM blockers w JOIN tasks k ON k.team_id = w.team_id AND k.id = w.task_id
         LEFT JOIN tasks o ON o.team_id = w.on_task_team AND o.id = w.on_task_id LEFT JOIN teams ot ON ot.id = o.team_id AND ",
        named_beside!("ot", "w.team_id"),
        "
         LEFT JOIN teams t ON t.id = w.on_team_id AND ",
        named_beside!("t", "w.team_id"),
        " LEFT JOIN accounts a ON a.id = w.on_account_id
         WHERE w.team_id = $1 AND w.since < $3 AND (w.ended_at IS NULL OR w.ended_at >= $2)
         ORDER BY coalesce(w.ended_at, $3) - w.since DESC, w.id LIMIT $4"
    ))
    .bind(team.id)
    .bind(from)
    .bind(to)
    .bind(LONGEST as i64)
    .fetch_all(db)
    .await?;
    let figure = |row: Row| WaitFigure {
        key: format!("{}-{}", team.key, row.number),
        title: row.title,
        on: row.on,
        days: days_between(row.since, row.ended_at.unwrap_or(to).min(to), week),
        ended: row.ended_at.is_some_and(|ended| ended <= to),
    };
    Ok(rows.into_iter().map(figure).collect())
}

async fn cycles(
    db: &mut PgConnection,
    team: &Team,
    done: &[&TaskFigure],
    week: &Week,
    now: OffsetDateTime,
) -> Result<Vec<CycleFigure>> {
    let ids: Vec<Uuid> = done.iter().map(|task| task.id).collect();
    let moves: Vec<(Uuid, String, OffsetDateTime)> = sqlx::query_as(
        "SELECT task_id, after->>'state', at FROM events
         WHERE team_id = $1 AND task_id = ANY($2) AND kind IN ('task.created', 'task.moved') AND after->>'state' IS NOT NULL
         ORDER BY task_id, seq",
    )
    .bind(team.id)
    .bind(&ids)
    .fetch_all(db)
    .await?;
    let mut of_task: HashMap<Uuid, Vec<(ColumnState, OffsetDateTime)>> = HashMap::new();
    for (task, state, at) in moves {
        if let Ok(state) = ColumnState::try_from(state) {
            of_task.entry(task).or_default().push((state, at));
        }
    }
    let mut cycles: Vec<CycleFigure> = done
        .iter()
        .filter_map(|task| {
            let moves = of_task.get(&task.id)?;
            let (days, story) = cycle(moves, week, now)?;
            Some(CycleFigure {
                key: task.key.clone(),
                title: task.title.clone(),
                days,
                story,
            })
        })
        .collect();
    cycles.sort_by_key(|cycle| -cycle.days);
    cycles.truncate(LONGEST);
    Ok(cycles)
}

/// Working days from a task's first start to its last finish, and a phrase for where they went.
/// `None` if it never started or is not done.
fn cycle(
    moves: &[(ColumnState, OffsetDateTime)],
    week: &Week,
    now: OffsetDateTime,
) -> Option<(i64, String)> {
    let start = moves
        .iter()
        .position(|(state, _)| *state == ColumnState::Doing)?;
    let end = moves
        .iter()
        .rposition(|(state, _)| *state == ColumnState::Done)?;
    let (_, from) = moves.get(start)?;
    let (_, to) = moves.get(end).filter(|_| end > start)?;
    let mut spent = [0; 5];
    for (index, (state, since)) in moves.iter().enumerate().take(end).skip(start) {
        let until = moves.get(index + 1).map_or(now, |(_, at)| *at);
        if let Some(hours) = spent.get_mut(*state as usize) {
            *hours += (until - *since).whole_hours();
        }
    }
    let parts = ColumnState::ALL.into_iter().filter_map(|state| {
        let hours = *spent.get(state as usize)?;
        let name = state.default_name().to_lowercase();
        (hours >= 12).then(|| format!("{} d {name}", (hours + 12) / 24))
    });
    Some((
        days_between(*from, *to, week),
        parts.collect::<Vec<_>>().join(", "),
    ))
}

/// End − start + 1 in working days of the team.
fn days_between(from: OffsetDateTime, to: OffsetDateTime, week: &Week) -> i64 {
    let day = |at: OffsetDateTime| -> Date { clock::day_in(at, &week.zone) };
    (day(to) - day(from)).whole_days() + 1
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn cycle_time_runs_from_first_start_to_last_finish() {
        let week = Week::default();
        let now = datetime!(2026-11-24 10:00 UTC);
        let moves = [
            (ColumnState::Todo, datetime!(2026-11-10 10:00 UTC)),
            (ColumnState::Doing, datetime!(2026-11-12 10:00 UTC)),
            (ColumnState::Blocked, datetime!(2026-11-13 10:00 UTC)),
            (ColumnState::Review, datetime!(2026-11-17 12:00 UTC)),
            (ColumnState::Done, datetime!(2026-11-18 12:00 UTC)),
        ];
        let parts = cycle(&moves, &week, now);
        assert_eq!(
            parts,
            Some((7, "1 d in progress, 4 d blocked, 1 d in review".to_owned()))
        );
        assert_eq!(cycle(&moves[..4], &week, now), None, "it is not done");
        assert_eq!(
            cycle(&[(ColumnState::Done, now)], &week, now),
            None,
            "it was never started"
        );
        let same_day = [
            (ColumnState::Doing, datetime!(2026-11-24 08:00 UTC)),
            (ColumnState::Done, now),
        ];
        assert_eq!(cycle(&same_day, &week, now), Some((1, String::new())));
    }
}
