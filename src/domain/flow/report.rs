//! All flow reports of a range, read once: the page shows them, and each CSV exports one.

use std::collections::HashMap;

use sqlx::PgConnection;
use time::{Date, OffsetDateTime};
use uuid::Uuid;

use crate::domain::{
    boards::filters::terms::Filter,
    clock,
    column_state::ColumnState,
    error::Result,
    flow::{
        date_range::Period,
        measures::{self, Blocked, BurnUp},
        queries::{self, task_refs::TaskRef},
        range::Range,
    },
    sprints::Sprint,
    team::Team,
    teams::roster::Week,
    work_time::{self, CycleTime, CycleTimes, Excluded, StartedTask},
};

/// A team's flow over a range.
pub(crate) struct FlowReport {
    pub(crate) team: Team,
    pub(crate) range: Range,
    /// Each day of the range, with the number of tasks in each state at its end.
    pub(crate) states: Vec<(Date, [usize; 5])>,
    /// Finished tasks with their cycle times, in the order they were finished.
    pub(crate) times: CycleTimes,
    /// Work in progress with its age, oldest first.
    pub(crate) ageing: Vec<(TaskRef, CycleTime)>,
    pub(crate) ageing_left_out: Excluded,
    /// Number of finished tasks per sprint, week or month.
    pub(crate) throughput: Vec<(Period, usize)>,
    pub(crate) blocked: Blocked,
    /// The burn-up of the last sprint of the range, if it has any.
    pub(crate) burn_up: Option<BurnUp>,
    pub(crate) task_refs: HashMap<Uuid, TaskRef>,
}

/// A sprint's burn-up; a closed sprint keeps the stored one.
async fn burn_up_of(
    db: &mut PgConnection,
    team: &Team,
    sprint: &Sprint,
    filter: &Filter,
    week: &Week,
    now: OffsetDateTime,
) -> Result<BurnUp> {
    if filter.is_plain()
        && let Some(figures) = crate::domain::retro::report::frozen(db, team.id, sprint.id).await?
        && let Ok(frozen) = serde_json::from_value(figures.burn_up)
    {
        return Ok(frozen);
    }
    queries::burn_up(db, team, sprint, filter, week, now).await
}

impl FlowReport {
    /// Loads a team's reports over a range, for the tasks that match a filter now.
    pub(crate) async fn read(
        db: &mut PgConnection,
        team: &Team,
        range: Range,
        filter: &Filter,
        week: &Week,
        now: OffsetDateTime,
    ) -> Result<Self> {
        let zone = week.zone.as_str();
        let span = (range.since, range.until);
        let mut opening = work_time::queries::open_at(db, team.id, range.since).await?;
        let mut transitions = work_time::queries::transitions(db, team.id, span).await?;
        let mut blockers = queries::blockers(db, team.id, span, zone).await?;
        let work_in_progress = queries::work_in_progress(db, team, filter, now).await?;

        let mut named: Vec<Uuid> = work_time::finished(&transitions)
            .into_iter()
            .map(|(task, _)| task)
            .collect();
        if !filter.is_plain() {
            named = opening
                .iter()
                .map(|(task, _)| *task)
                .chain(transitions.iter().map(|transition| transition.task))
                .collect();
            named.sort_unstable();
            named.dedup();
        }
        let mut task_refs =
            crate::domain::flow::queries::task_refs::task_refs(db, team, filter, now, &named)
                .await?;
        if !filter.is_plain() {
            opening.retain(|(task, _)| task_refs.contains_key(task));
            transitions.retain(|transition| task_refs.contains_key(&transition.task));
            blockers.retain(|spell| task_refs.contains_key(&spell.task));
        }
        let finished = work_time::finished(&transitions);
        // Most finished tasks were created within the range; only for the others is the start
        // looked up before it.
        let known = work_time::first_started(&transitions);
        let both = finished
            .iter()
            .map(|(task, _)| *task)
            .chain(work_in_progress.iter().map(|task_ref| task_ref.id));
        let others: Vec<Uuid> = both.filter(|task| !known.contains_key(task)).collect();
        let mut started = work_time::queries::started(db, team.id, &others, zone).await?;
        started.extend(
            known
                .iter()
                .map(|(task, at)| (*task, StartedTask::On(clock::day_in(*at, zone)))),
        );
        let start_of = |task: &Uuid| started.get(task).copied().unwrap_or(StartedTask::Unknown);

        let done: Vec<(Uuid, Date)> = finished
            .iter()
            .map(|(task, at)| (*task, clock::day_in(*at, zone)))
            .collect();
        let times =
            work_time::cycle_times(done.iter().map(|(task, day)| (*task, start_of(task), *day)));
        let ages = work_time::cycle_times(
            work_in_progress
                .iter()
                .map(|task_ref| (task_ref.id, start_of(&task_ref.id), range.today)),
        );
        task_refs.extend(
            work_in_progress
                .into_iter()
                .map(|task_ref| (task_ref.id, task_ref)),
        );
        let mut ageing: Vec<(TaskRef, CycleTime)> = ages
            .finished
            .into_iter()
            .filter_map(|finished| Some((task_refs.get(&finished.task)?.clone(), finished)))
            .collect();
        ageing.sort_by_key(|(task_ref, finished)| (-finished.days, task_ref.number));

        let done_on: Vec<Date> = done.iter().map(|(_, day)| *day).collect();
        let spans: Vec<(Date, Date)> = range
            .periods
            .iter()
            .map(|period| (period.starts_on, period.ends_on))
            .collect();
        let throughput = range
            .periods
            .iter()
            .cloned()
            .zip(work_time::throughput(&done_on, &spans))
            .collect();
        let in_column: Vec<(Uuid, Date, Date)> =
            work_time::spans(ColumnState::Blocked, &opening, &transitions, span)
                .into_iter()
                .map(|(task, from, to)| (task, queries::span_of_days((from, to), span, zone)))
                .map(|(task, (from, to))| (task, from, to))
                .collect();
        let burn_up = match range.sprints.last() {
            Some(last) => Some(burn_up_of(db, team, last, filter, week, now).await?),
            None => None,
        };
        let counts = work_time::days_by_state(&opening, &transitions, &range.ends(zone));
        Ok(Self {
            states: range.days().into_iter().zip(counts).collect(),
            times,
            ageing,
            ageing_left_out: ages.left_out,
            throughput,
            blocked: measures::blocked(&blockers, &in_column),
            burn_up,
            task_refs,
            team: team.clone(),
            range,
        })
    }

    /// Whether there is no data: no task was finished, started, blocked or planned.
    pub(crate) fn is_empty(&self) -> bool {
        self.times.finished.is_empty()
            && self.times.left_out == Excluded::default()
            && self
                .states
                .iter()
                .all(|(_, counts)| counts.iter().all(|count| *count == 0))
            && (self.burn_up.as_ref()).is_none_or(|burn_up| burn_up.now().scope == 0)
    }

    /// The median of tasks done per ended sprint, week or month; `None` if none has ended.
    pub(crate) fn usual_throughput(&self) -> Option<f64> {
        let over = self
            .throughput
            .iter()
            .filter(|(period, _)| period.ends_on < self.range.today);
        let mut counts: Vec<i64> = over.map(|(_, count)| *count as i64).collect();
        counts.sort_unstable();
        work_time::percentile(&counts, 0.5)
    }

    /// A task's key.
    pub(crate) fn key(&self, task_ref: &TaskRef) -> String {
        format!("{}-{}", self.team.key, task_ref.number)
    }
}
