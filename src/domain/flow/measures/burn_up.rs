//! A sprint's burn-up: how much was in it and how much of that was done, day by day, and where it may end.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use time::{Date, OffsetDateTime};
use uuid::Uuid;

use crate::domain::column_state::ColumnState;
use crate::domain::flow::measures::{
    cycle_time::percentile,
    states::{Replay, Transition},
};

time::serde::format_description!(iso, Date, "[year]-[month]-[day]");

/// A sprint's burn-up, whole: closing a sprint keeps it as it is here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BurnUp {
    pub sprint: i32,
    pub name: String,
    #[serde(with = "iso")]
    pub starts_on: Date,
    #[serde(with = "iso")]
    pub ends_on: Date,
    /// As the sprint began.
    pub begin: Standing,
    /// At the end of each day that has come, the last one as it stood when this was made.
    pub days: Vec<Standing>,
    /// How many working days of the sprint were gone at the end of each of all its days.
    pub worked: Vec<usize>,
    /// How many may be done at its end; nothing once that is known, or while too little is.
    pub forecast: Option<Forecast>,
}

/// How many tasks were in a sprint, and how many of them were done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    pub scope: usize,
    pub done: usize,
}

/// How many tasks will be done: seven times in ten between the first and the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Forecast {
    pub low: usize,
    pub likely: usize,
    pub high: usize,
}

/// A task is set aside for a sprint, or taken out of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Joining {
    pub task: Uuid,
    pub at: OffsetDateTime,
    pub joins: bool,
}

impl BurnUp {
    /// How it stands.
    pub fn now(&self) -> Standing {
        self.days.last().copied().unwrap_or(self.begin)
    }

    /// The days with how they ended.
    pub fn dated(&self) -> impl Iterator<Item = (Date, Standing)> {
        (0_i64..).zip(&self.days).map(|(nth, day)| {
            (
                self.starts_on.saturating_add(time::Duration::days(nth)),
                *day,
            )
        })
    }

    /// Where the ideal line is at the end of each day of the sprint: the scope, spread over its working days.
    pub fn ideal(&self) -> Vec<f64> {
        let all = self.worked.last().copied().unwrap_or(0).max(1) as f64;
        self.worked
            .iter()
            .map(|gone| self.now().scope as f64 * *gone as f64 / all)
            .collect()
    }
}

/// How a sprint stood at each of these instants. Everything comes in the order of time; the opening is how tasks stood
/// at the first transition, done ones with them.
pub fn standings(
    joinings: &[Joining],
    opening: &[(Uuid, ColumnState)],
    shifts: &[Transition],
    at: &[OffsetDateTime],
) -> Vec<Standing> {
    let mut replay = Replay::from(opening);
    let mut members: BTreeMap<Uuid, bool> = BTreeMap::new();
    let (mut joinings, mut shifts) = (joinings.iter().peekable(), shifts.iter().peekable());
    let stand = |end: &OffsetDateTime| {
        while let Some(joining) = joinings.next_if(|joining| joining.at < *end) {
            members.insert(joining.task, joining.joins);
        }
        while let Some(transition) = shifts.next_if(|transition| transition.at < *end) {
            replay.apply(transition);
        }
        let states = members
            .iter()
            .filter(|(_, is_in)| **is_in)
            .filter_map(|(task, _)| replay.state(*task));
        states.fold(Standing::default(), |standing, state| Standing {
            scope: standing.scope + 1,
            done: standing.done + usize::from(state == ColumnState::Done),
        })
    };
    at.iter().map(stand).collect()
}

/// How many will be done when so many working days are gone, if the team finishes as many as in any stretch of as many
/// working days before: the middle seven tenths of those stretches, and never more than there is to do. Nothing with
/// less than five of them.
pub fn forecast(stands: Standing, remaining: usize, finished_a_day: &[usize]) -> Option<Forecast> {
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
            .map(|more| (stands.done + more.round() as usize).min(stands.scope))
    };
    Some(Forecast {
        low: at(0.15)?,
        likely: at(0.5)?,
        high: at(0.85)?,
    })
}

/// How many were finished on each of these working days; what was finished on a day off counts for the one before.
pub fn a_working_day(finished: &[Date], working_days: &[Date]) -> Vec<usize> {
    let mut counts = vec![0; working_days.len()];
    for day in finished {
        let upto = working_days.partition_point(|working| working <= day);
        if let Some(count) = upto.checked_sub(1).and_then(|nth| counts.get_mut(nth)) {
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
    use crate::domain::flow::measures::states::Kind;

    const BEGIN: OffsetDateTime = datetime!(2026-11-16 0:00 UTC);

    fn joining(nth: u128, hour: i64, joins: bool) -> Joining {
        Joining {
            task: Uuid::from_u128(nth),
            at: BEGIN + Duration::hours(hour),
            joins,
        }
    }

    fn moved(nth: u128, hour: i64, to: ColumnState) -> Transition {
        let at = BEGIN + Duration::hours(hour);
        Transition {
            task: Uuid::from_u128(nth),
            at,
            kind: Kind::Moved,
            to: Some(to),
            archived: false,
        }
    }

    #[test]
    fn scope_follows_what_comes_and_goes_and_done_what_is_in_it() {
        let joinings = [
            joining(1, -50, true),
            joining(2, -50, true),
            joining(3, 30, true),
            joining(2, 50, false),
        ];
        let opening = [
            (1, ColumnState::Todo),
            (2, ColumnState::Doing),
            (3, ColumnState::Todo),
        ]
        .map(|(nth, state)| (Uuid::from_u128(nth), state));
        let shifts = [
            moved(2, 10, ColumnState::Done),
            moved(1, 40, ColumnState::Done),
            moved(1, 60, ColumnState::Doing),
        ];
        let at: Vec<OffsetDateTime> = (0..4).map(|day| BEGIN + Duration::days(day)).collect();
        let stood: Vec<(usize, usize)> = standings(&joinings, &opening, &shifts, &at)
            .iter()
            .map(|day| (day.scope, day.done))
            .collect();
        assert_eq!(
            stood,
            [(2, 0), (2, 1), (3, 2), (2, 0)],
            "done work that leaves the sprint leaves both lines"
        );
    }

    #[test]
    fn a_forecast_is_a_range_and_waits_until_it_knows_enough() {
        let of = |done, scope| Standing { scope, done };
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
    fn what_was_finished_on_a_weekend_counts_for_the_friday() {
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
        assert_eq!(a_working_day(&finished, &days), [0, 2, 1]);
    }

    #[test]
    fn it_is_kept_and_read_back_as_it_was() {
        let standing = Standing { scope: 24, done: 9 };
        let burn_up = BurnUp {
            sprint: 42,
            name: "Sprint 42".to_owned(),
            starts_on: date!(2026 - 11 - 16),
            ends_on: date!(2026 - 11 - 18),
            begin: Standing::default(),
            days: vec![standing, standing],
            worked: vec![1, 2, 3],
            forecast: Some(Forecast {
                low: 1,
                likely: 2,
                high: 3,
            }),
        };
        let kept = serde_json::to_value(&burn_up).unwrap();
        assert_eq!(kept["starts_on"], "2026-11-16");
        assert_eq!(serde_json::from_value::<BurnUp>(kept).unwrap(), burn_up);
        assert_eq!(burn_up.ideal(), [8.0, 16.0, 24.0]);
        assert_eq!(
            burn_up.dated().map(|(day, _)| day).collect::<Vec<_>>(),
            [date!(2026 - 11 - 16), date!(2026 - 11 - 17)]
        );
    }
}
