//! Burn-up of a sprint: its scope and the done part of it by day, with a forecast.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use time::{Date, OffsetDateTime};
use uuid::Uuid;

use crate::domain::{
    column_state::ColumnState,
    work_time::{Replay, Transition, percentile},
};

time::serde::format_description!(iso, Date, "[year]-[month]-[day]");

/// The data of a burn-up chart, stored as it is when the sprint is closed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BurnUp {
    pub(crate) sprint: i32,
    pub(crate) name: String,
    #[serde(with = "iso")]
    pub(crate) starts_on: Date,
    #[serde(with = "iso")]
    pub(crate) ends_on: Date,
    /// The state at the start of the sprint.
    pub(crate) start: ScopeAndDone,
    /// The state at the end of each day so far, the last one as of now.
    pub days: Vec<ScopeAndDone>,
    /// The number of elapsed working days at the end of each day of the sprint.
    pub(crate) worked: Vec<usize>,
    /// The forecast for the end of the sprint; `None` when it has ended, or while there is too
    /// little data.
    pub forecast: Option<Forecast>,
}

/// Number of tasks in a sprint, and of done ones.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScopeAndDone {
    pub scope: usize,
    pub done: usize,
}

/// The forecast number of done tasks: a 70 % interval.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Forecast {
    pub low: usize,
    pub likely: usize,
    pub high: usize,
}

/// A task was added to or removed from a sprint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScopeChange {
    pub(crate) task: Uuid,
    pub(crate) at: OffsetDateTime,
    pub(crate) joins: bool,
}

impl BurnUp {
    /// The current state.
    pub fn now(&self) -> ScopeAndDone {
        self.days.last().copied().unwrap_or(self.start)
    }

    /// The ideal line at the end of each day of the sprint: the scope, spread evenly over its
    /// working days.
    pub(crate) fn ideal(&self) -> Vec<f64> {
        let all = self.worked.last().copied().unwrap_or(0).max(1) as f64;
        self.worked
            .iter()
            .map(|gone| self.now().scope as f64 * *gone as f64 / all)
            .collect()
    }
}

/// The state of a sprint at each of these instants. All inputs are in order of time; the opening is
/// the state of tasks at the first transition, done ones included.
pub fn progress_at(
    scope_changes: &[ScopeChange],
    opening: &[(Uuid, ColumnState)],
    transitions: &[Transition],
    at: &[OffsetDateTime],
) -> Vec<ScopeAndDone> {
    let mut replay = Replay::from(opening);
    let mut members: BTreeMap<Uuid, bool> = BTreeMap::new();
    let (mut scope_changes, mut transitions) = (
        scope_changes.iter().peekable(),
        transitions.iter().peekable(),
    );
    let progress = |end: &OffsetDateTime| {
        while let Some(scope_change) = scope_changes.next_if(|scope_change| scope_change.at < *end)
        {
            members.insert(scope_change.task, scope_change.joins);
        }
        while let Some(transition) = transitions.next_if(|transition| transition.at < *end) {
            replay.apply(transition);
        }
        let states = members
            .iter()
            .filter(|(_, is_in)| **is_in)
            .filter_map(|(task, _)| replay.state(*task));
        states.fold(ScopeAndDone::default(), |standing, state| ScopeAndDone {
            scope: standing.scope + 1,
            done: standing.done + usize::from(state == ColumnState::Done),
        })
    };
    at.iter().map(progress).collect()
}

/// Forecasts the number of done tasks after the remaining working days, if the team finishes as
/// many as in a past period of equal length: the middle 70 % of all such periods, limited by the
/// scope. `None` with fewer than five periods.
pub fn forecast(
    current: ScopeAndDone,
    remaining: usize,
    finished_a_day: &[usize],
) -> Option<Forecast> {
    if remaining == 0 {
        return None;
    }
    let mut stretches: Vec<i64> = finished_a_day
        .windows(remaining)
        .map(|days| days.iter().sum::<usize>() as i64)
        .collect();
    stretches.sort_unstable();
    if stretches.len() < 5 {
        return None;
    }
    let at = |part: f64| {
        percentile(&stretches, part)
            .map(|more| (current.done + more.round() as usize).min(current.scope))
    };
    Some(Forecast {
        low: at(0.15)?,
        likely: at(0.5)?,
        high: at(0.85)?,
    })
}

/// Number of tasks finished on each of these working days; those finished on a day off count for
/// the previous working day.
pub fn per_working_day(finished: &[Date], working_days: &[Date]) -> Vec<usize> {
    let mut counts = vec![0; working_days.len()];
    for day in finished {
        let upto = working_days.partition_point(|working| working <= day);
        if let Some(count) = upto.checked_sub(1).and_then(|index| counts.get_mut(index)) {
            *count += 1;
        }
    }
    counts
}

#[cfg(test)]
mod tests {
    use time::{
        Duration,
        macros::{date, datetime},
    };

    use super::*;
    use crate::domain::work_time::Kind;

    const BEGIN: OffsetDateTime = datetime!(2026-11-16 0:00 UTC);

    fn scope_change(index: u128, hour: i64, joins: bool) -> ScopeChange {
        ScopeChange {
            task: Uuid::from_u128(index),
            at: BEGIN + Duration::hours(hour),
            joins,
        }
    }

    fn moved(index: u128, hour: i64, to: ColumnState) -> Transition {
        let at = BEGIN + Duration::hours(hour);
        Transition {
            task: Uuid::from_u128(index),
            at,
            kind: Kind::Moved,
            to: Some(to),
            archived: false,
        }
    }

    #[test]
    fn scope_follows_added_and_removed_tasks() {
        let scope_changes = [
            scope_change(1, -50, true),
            scope_change(2, -50, true),
            scope_change(3, 30, true),
            scope_change(2, 50, false),
        ];
        let opening = [
            (1, ColumnState::Todo),
            (2, ColumnState::Doing),
            (3, ColumnState::Todo),
        ]
        .map(|(index, state)| (Uuid::from_u128(index), state));
        let transitions = [
            moved(2, 10, ColumnState::Done),
            moved(1, 40, ColumnState::Done),
            moved(1, 60, ColumnState::Doing),
        ];
        let at: Vec<OffsetDateTime> = (0..4).map(|day| BEGIN + Duration::days(day)).collect();
        let counts: Vec<(usize, usize)> = progress_at(&scope_changes, &opening, &transitions, &at)
            .iter()
            .map(|day| (day.scope, day.done))
            .collect();
        assert_eq!(
            counts,
            [(2, 0), (2, 1), (3, 2), (2, 0)],
            "done work that leaves the sprint leaves both lines"
        );
    }

    #[test]
    fn forecast_is_a_range_and_needs_enough_data() {
        let of = |done, scope| ScopeAndDone { scope, done };
        assert_eq!(
            forecast(of(3, 50), 0, &[1; 30]),
            None,
            "nothing is left to foretell"
        );
        assert_eq!(
            forecast(of(3, 50), 4, &[1; 7]),
            None,
            "four stretches are too few"
        );
        assert_eq!(
            forecast(of(3, 50), 4, &[1; 8]),
            Some(Forecast {
                low: 7,
                likely: 7,
                high: 7
            })
        );
        let all = Some(Forecast {
            low: 5,
            likely: 5,
            high: 5,
        });
        assert_eq!(forecast(of(3, 5), 4, &[1; 8]), all, "no more than there is");
        let uneven = [0, 0, 2, 0, 3, 1, 0, 0, 2, 4, 0, 1];
        let range = forecast(of(10, 50), 3, &uneven).unwrap();
        assert!(
            range.low < range.likely && range.likely < range.high,
            "{range:?}"
        );
    }

    #[test]
    fn weekend_work_counts_for_friday() {
        let days = [
            date!(2026 - 11 - 19),
            date!(2026 - 11 - 20),
            date!(2026 - 11 - 23),
        ];
        let finished = [
            date!(2026 - 11 - 18),
            date!(2026 - 11 - 20),
            date!(2026 - 11 - 22),
            date!(2026 - 11 - 23),
        ];
        assert_eq!(per_working_day(&finished, &days), [0, 2, 1]);
    }

    #[test]
    fn burn_up_round_trips_through_json() {
        let standing = ScopeAndDone { scope: 24, done: 9 };
        let burn_up = BurnUp {
            sprint: 42,
            name: "Sprint 42".to_owned(),
            starts_on: date!(2026 - 11 - 16),
            ends_on: date!(2026 - 11 - 18),
            start: ScopeAndDone::default(),
            days: vec![standing, standing],
            worked: vec![1, 2, 3],
            forecast: Some(Forecast {
                low: 1,
                likely: 2,
                high: 3,
            }),
        };
        let stored = serde_json::to_value(&burn_up).unwrap();
        assert_eq!(stored["starts_on"], "2026-11-16");
        assert_eq!(serde_json::from_value::<BurnUp>(stored).unwrap(), burn_up);
        assert_eq!(burn_up.ideal(), [8.0, 16.0, 24.0]);
    }
}
