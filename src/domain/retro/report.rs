//! The report of a team's sprint: computed while the sprint is open, frozen when it is closed.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sqlx::{PgConnection, types::Json};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::domain::{
    clock,
    error::Result,
    goals::FrozenGoal,
    keys::split_key,
    policy::predicates::named_beside,
    retro::{
        figures::{BlockerFigure, CycleFigure, TaskFigure, TaskOutcome},
        longest::{blockers, cycles},
    },
    sprints::Sprint,
    team::Team,
    teams::roster::Week,
};

/// A team's numbers of a sprint. They are stored as JSON, so fields are only ever added, each with
/// a default.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct SprintReport {
    /// By goal id.
    pub(crate) goals: BTreeMap<Uuid, FrozenGoal>,
    pub(crate) tasks: Vec<TaskFigure>,
    /// Longest first.
    pub(crate) blockers: Vec<BlockerFigure>,
    pub(crate) cycles: Vec<CycleFigure>,
    /// The burn-up chart's data; null for sprints closed before it was stored.
    pub(crate) burn_up: serde_json::Value,
}

impl SprintReport {
    /// Number of tasks in the sprint, and of done ones.
    pub(crate) fn scope_and_done(&self) -> (usize, usize) {
        let there = self.tasks.iter().filter(|task| task.outcome.is_none());
        there.fold((0, 0), |(all, done), task| {
            (all + 1, done + usize::from(task.done))
        })
    }

    /// Number of tasks planned at the start, and of done ones.
    pub(crate) fn set_aside(&self) -> (usize, usize) {
        self.count(|task| !task.added)
    }

    /// Number of tasks added after the first day, and of done ones.
    pub(crate) fn added(&self) -> (usize, usize) {
        self.count(|task| task.added)
    }

    /// Number of tasks carried over, and of those carried over before.
    pub(crate) fn carried(&self) -> (usize, usize) {
        let carried = self
            .tasks
            .iter()
            .filter(|task| task.outcome == Some(TaskOutcome::Carried));
        (
            carried.clone().count(),
            carried.filter(|task| task.carried_before > 0).count(),
        )
    }

    /// Tasks that were unfinished at the close, with their outcome.
    pub(crate) fn left(&self) -> impl Iterator<Item = &TaskFigure> {
        self.tasks.iter().filter(|task| task.outcome.is_some())
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
pub(crate) async fn frozen(
    db: &mut PgConnection,
    team: Uuid,
    sprint: Uuid,
) -> Result<Option<SprintReport>> {
    let figures: Option<Json<SprintReport>> = sqlx::query_scalar(
        "SELECT figures FROM sprint_reports WHERE team_id = $1 AND sprint_id = $2",
    )
    .bind(team)
    .bind(sprint)
    .fetch_optional(&mut *db)
    .await?;
    let Some(Json(mut figures)) = figures else {
        return Ok(None);
    };
    if !figures.blockers.is_empty() {
        hide_private(db, team, &mut figures.blockers).await?;
    }
    Ok(Some(figures))
}

async fn hide_private(
    db: &mut PgConnection,
    team: Uuid,
    blockers: &mut [BlockerFigure],
) -> Result<()> {
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
    for blocker in blockers {
        let key = split_key(&blocker.on).map(|(key, _)| key);
        if private
            .iter()
            .any(|(name, its)| *name == blocker.on || key.as_ref() == Some(its))
        {
            blocker.on = "a private team".to_owned();
        }
    }
    Ok(())
}

/// Computes the current numbers of a team's sprint, without its goals, in three queries.
pub(crate) async fn current_figures(
    db: &mut PgConnection,
    team: &Team,
    sprint: &Sprint,
    week: &Week,
    now: OffsetDateTime,
) -> Result<SprintReport> {
    let tasks = tasks(db, team, sprint, week).await?;
    around(db, team, sprint, week, tasks, now).await
}

/// Completes the numbers for these tasks of a sprint with the longest waits and cycle times.
pub(crate) async fn around(
    db: &mut PgConnection,
    team: &Team,
    sprint: &Sprint,
    week: &Week,
    tasks: Vec<TaskFigure>,
    now: OffsetDateTime,
) -> Result<SprintReport> {
    let blockers = blockers(db, team, sprint, week, now).await?;
    let done: Vec<&TaskFigure> = tasks.iter().filter(|task| task.done).collect();
    let cycles = cycles(db, team, &done, week, now).await?;
    Ok(SprintReport {
        tasks,
        blockers,
        cycles,
        ..SprintReport::default()
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
        // The sprint's events are read once, and not those of each task.
        "WITH joins AS MATERIALIZED (
             SELECT task_id, (array_agg(joins ORDER BY seq DESC) FILTER (WHERE at < $4))[1] AS was_there, bool_or(joins) AS joined
             FROM (SELECT seq, task_id, at, after->>'sprint' = $3 AS joins FROM events WHERE team_id = $1 AND after->>'sprint' = $3 AND NOT is_undone
                   UNION SELECT seq, task_id, at, after->>'sprint' = $3 FROM events WHERE team_id = $1 AND before->>'sprint' = $3 AND NOT is_undone) e
             GROUP BY task_id)
         SELECT k.id, k.number, k.title, coalesce(k.estimate, 0)::bigint AS estimate, c.state = 'done' AS done,
                k.sprint_id IS DISTINCT FROM $2 OR (k.archived_at IS NOT NULL AND c.state <> 'done') AS gone,
                EXISTS (SELECT FROM unfinished_tasks l WHERE l.team_id = k.team_id AND l.task_id = k.id AND l.to_sprint_id = $2)
                OR coalesce(j.was_there, k.created_at < $4 AND j.joined IS NOT TRUE) AS was_there,
                (SELECT count(*) FROM unfinished_tasks l WHERE l.team_id = k.team_id AND l.task_id = k.id AND l.outcome = 'carried' AND l.sprint_id <> $2) AS carried_before
         FROM (
            SELECT id FROM tasks WHERE team_id = $1 AND sprint_id = $2 AND archived_at IS NULL
            UNION SELECT id FROM tasks WHERE team_id = $1 AND sprint_id = $2 AND archived_at IS NOT NULL
            UNION SELECT task_id FROM events WHERE team_id = $1 AND before->>'sprint' = $3 AND NOT is_undone) own
         CROSS JOIN LATERAL (SELECT * FROM tasks WHERE team_id = $1 AND id = own.id OFFSET 0) k
         JOIN columns c ON c.team_id = k.team_id AND c.id = k.column_id LEFT JOIN joins j ON j.task_id = k.id
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
        outcome: row.gone.then_some(TaskOutcome::Removed),
        ..TaskFigure::default()
    };
    // A task that was added and removed again during the sprint was never planned.
    Ok(rows
        .into_iter()
        .filter(|row| row.was_there || !row.gone)
        .map(figure)
        .collect())
}

/// Returns who closed a team's sprint, and when; the name is `None` if the account was deleted.
pub(crate) async fn closed_by(
    db: &mut PgConnection,
    team: Uuid,
    sprint: Uuid,
) -> Result<(Option<String>, OffsetDateTime)> {
    Ok(sqlx::query_as(
        "SELECT a.name, c.closed_at FROM sprint_reports c LEFT JOIN accounts a ON a.id = c.closed_by
         WHERE c.team_id = $1 AND c.sprint_id = $2",
    )
    .bind(team)
    .bind(sprint)
    .fetch_one(db)
    .await?)
}
