//! All figures of a range, read once: the page shows them and each CSV takes its part.

use std::collections::HashMap;

use sqlx::PgConnection;
use time::{Date, OffsetDateTime};
use uuid::Uuid;

use crate::domain::flow::{
    measures::{self, Blocked, BurnUp, CycleTime, CycleTimes, Excluded, StartedTask},
    queries::{self, faces::TaskRef},
    range::Range,
};
use crate::domain::{
    boards::filters::terms::Filter, clock, column_state::ColumnState, error::Result,
    sprints::Sprint, team::Team, teams::roster::Week,
};

/// What a team's flow was over a range.
pub struct Figures {
    pub team: Team,
    pub range: Range,
    /// Each day of the range, with how many tasks were in which state as it ended.
    pub states: Vec<(Date, [usize; 5])>,
    /// Finished tasks with how long they took, the last one at the end.
    pub times: CycleTimes,
    /// Work in progress with how long it has been in hand, the oldest first.
    pub ageing: Vec<(TaskRef, CycleTime)>,
    pub ageing_left_out: Excluded,
    /// How many tasks each sprint finished.
    pub throughput: Vec<(Sprint, usize)>,
    pub blocked: Blocked,
    /// Of the last sprint of the range.
    pub burn_up: BurnUp,
    pub faces: HashMap<Uuid, TaskRef>,
}

/// A sprint's burn-up; what its team has closed stays as it was then.
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

impl Figures {
    /// Reads a team's figures over a range, of the tasks that a filter lets through now.
    pub async fn read(
        db: &mut PgConnection,
        team: &Team,
        range: Range,
        last: &Sprint,
        filter: &Filter,
        week: &Week,
        now: OffsetDateTime,
    ) -> Result<Self> {
        let zone = week.zone.as_str();
        let span = (range.since, range.until);
        let mut opening = queries::open_at(db, team.id, range.since).await?;
        let mut shifts = queries::shifts(db, team.id, span).await?;
        let mut waits = queries::waits(db, team.id, span, zone).await?;
        let in_hand = queries::in_hand(db, team, filter, now).await?;

        let mut named: Vec<Uuid> = measures::finished(&shifts)
            .into_iter()
            .map(|(task, _)| task)
            .collect();
        if !filter.is_plain() {
            named = opening
                .iter()
                .map(|(task, _)| *task)
                .chain(shifts.iter().map(|transition| transition.task))
                .collect();
            named.sort_unstable();
            named.dedup();
        }
        let mut faces =
            crate::domain::flow::queries::faces::faces(db, team, filter, now, &named).await?;
        if !filter.is_plain() {
            opening.retain(|(task, _)| faces.contains_key(task));
            shifts.retain(|transition| faces.contains_key(&transition.task));
            waits.retain(|spell| faces.contains_key(&spell.task));
        }
        let finished = measures::finished(&shifts);
        // Most of what is finished was made in the range too; only the others' beginnings are looked for before it.
        let known = measures::first_begun(&shifts);
        let both = finished
            .iter()
            .map(|(task, _)| *task)
            .chain(in_hand.iter().map(|face| face.id));
        let others: Vec<Uuid> = both.filter(|task| !known.contains_key(task)).collect();
        let mut begun = queries::begun(db, team.id, &others, zone).await?;
        begun.extend(
            known
                .iter()
                .map(|(task, at)| (*task, StartedTask::On(clock::day_in(*at, zone)))),
        );
        let begun_of = |task: &Uuid| begun.get(task).copied().unwrap_or(StartedTask::Unknown);

        let done: Vec<(Uuid, Date)> = finished
            .iter()
            .map(|(task, at)| (*task, clock::day_in(*at, zone)))
            .collect();
        let times =
            measures::cycle_times(done.iter().map(|(task, day)| (*task, begun_of(task), *day)));
        let ages = measures::cycle_times(
            in_hand
                .iter()
                .map(|face| (face.id, begun_of(&face.id), range.today)),
        );
        faces.extend(in_hand.into_iter().map(|face| (face.id, face)));
        let mut ageing: Vec<(TaskRef, CycleTime)> = ages
            .taken
            .into_iter()
            .filter_map(|taken| Some((faces.get(&taken.task)?.clone(), taken)))
            .collect();
        ageing.sort_by_key(|(face, taken)| (-taken.days, face.number));

        let done_on: Vec<Date> = done.iter().map(|(_, day)| *day).collect();
        let spans: Vec<(Date, Date)> = range
            .sprints
            .iter()
            .map(|sprint| (sprint.starts_on, sprint.ends_on))
            .collect();
        let throughput = range
            .sprints
            .iter()
            .cloned()
            .zip(measures::throughput(&done_on, &spans))
            .collect();
        let in_column: Vec<(Uuid, Date, Date)> =
            measures::spans(ColumnState::Blocked, &opening, &shifts, span)
                .into_iter()
                .map(|(task, from, to)| (task, queries::span_of_days((from, to), span, zone)))
                .map(|(task, (from, to))| (task, from, to))
                .collect();
        let counts = measures::days_by_state(&opening, &shifts, &range.ends(zone));
        Ok(Self {
            states: range.days().into_iter().zip(counts).collect(),
            times,
            ageing,
            ageing_left_out: ages.left_out,
            throughput,
            blocked: measures::blocked(&waits, &in_column),
            burn_up: burn_up_of(db, team, last, filter, week, now).await?,
            faces,
            team: team.clone(),
            range,
        })
    }

    /// Whether there is nothing to be seen yet: no task was finished, begun, blocked or set aside.
    pub fn is_empty(&self) -> bool {
        self.times.taken.is_empty()
            && self.times.left_out == Excluded::default()
            && self
                .states
                .iter()
                .all(|(_, counts)| counts.iter().all(|count| *count == 0))
            && self.burn_up.now().scope == 0
    }

    /// How many tasks are done in a usual sprint: the middle one of those that are over, or else what there is.
    pub fn usual_sprint(&self) -> Option<f64> {
        let over = self
            .throughput
            .iter()
            .filter(|(sprint, _)| sprint.ends_on < self.range.today);
        let mut counts: Vec<i64> = over.map(|(_, count)| *count as i64).collect();
        counts.sort_unstable();
        measures::percentile(&counts, 0.5)
    }

    /// A task's key.
    pub fn key(&self, face: &TaskRef) -> String {
        format!("{}-{}", self.team.key, face.number)
    }
}
