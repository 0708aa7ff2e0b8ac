//! Cycle time: how long tasks took from first in progress to done.

use time::Date;
use uuid::Uuid;

/// Days from start to end, both included: a task started and done on the same day took one. `None`
/// if it ends before it starts.
pub fn days(start: Date, end: Date) -> Option<i64> {
    let days = (end - start).whole_days() + 1;
    (days > 0).then_some(days)
}

/// The percentile `part` (0 to 1) of sorted values, linearly interpolated between neighbours, with
/// the minimum at 0 and the maximum at 1.
pub fn percentile(sorted: &[i64], part: f64) -> Option<f64> {
    let last = sorted.len().checked_sub(1)?;
    let at = part.clamp(0.0, 1.0) * last as f64;
    let (low, high) = (
        sorted.get(at.floor() as usize)?,
        sorted.get(at.ceil() as usize)?,
    );
    Some(*low as f64 + (high - low) as f64 * at.fract())
}

/// When a task was started, as far as known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StartedTask {
    /// The first day it was in progress.
    On(Date),
    /// It was never in progress.
    Never,
    /// It was imported without its earlier history.
    Unknown,
}

/// A task with its cycle time in days.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CycleTime {
    pub(crate) task: Uuid,
    pub(crate) start: Date,
    pub(crate) end: Date,
    pub(crate) days: i64,
}

/// How many tasks were left out of a report, and why.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Excluded {
    pub(crate) no_start: usize,
    pub(crate) unknown: usize,
    pub(crate) backwards: usize,
}

impl Excluded {
    /// A sentence for the report; `None` if no task was left out.
    pub(crate) fn sentence(&self) -> Option<String> {
        let parts = [
            (self.no_start, "never in progress"),
            (self.unknown, "imported with an incomplete history"),
            (self.backwards, "finished before it started"),
        ];
        let parts: Vec<String> = parts
            .iter()
            .filter(|(count, _)| *count > 0)
            .map(|(count, reason)| format!("{count} {reason}"))
            .collect();
        (!parts.is_empty()).then(|| format!("Not counted: {}.", parts.join(", ")))
    }
}

/// Cycle times in the given order, their sorted days, and what was left out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CycleTimes {
    pub(crate) finished: Vec<CycleTime>,
    pub(crate) sorted: Vec<i64>,
    pub(crate) left_out: Excluded,
}

impl CycleTimes {
    /// The cycle time in days at a percentile.
    pub fn percentile(&self, hundredths: u8) -> Option<f64> {
        percentile(&self.sorted, f64::from(hundredths) / 100.0)
    }
}

/// Computes cycle times from each task's start and the day it was done (or, for work in progress,
/// today).
pub fn cycle_times(items: impl IntoIterator<Item = (Uuid, StartedTask, Date)>) -> CycleTimes {
    let mut times = CycleTimes::default();
    for (task, started, end) in items {
        let start = match started {
            StartedTask::On(start) => start,
            StartedTask::Never => {
                times.left_out.no_start += 1;
                continue;
            }
            StartedTask::Unknown => {
                times.left_out.unknown += 1;
                continue;
            }
        };
        match days(start, end) {
            Some(days) => times.finished.push(CycleTime {
                task,
                start,
                end,
                days,
            }),
            None => times.left_out.backwards += 1,
        }
    }
    times.sorted = times
        .finished
        .iter()
        .map(|finished| finished.days)
        .collect();
    times.sorted.sort_unstable();
    times
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use time::macros::{date, format_description};

    use super::*;

    const ITEMS: &str = include_str!("../../../tests/data/flow-work-items.csv");

    /// `5/31/2023 8:04:10 AM`
    fn american(text: &str) -> Option<Date> {
        let day = format_description!(
            "[month padding:none]/[day padding:none]/[year] [hour repr:12 padding:none]:[minute]:[second] [period]"
        );
        time::PrimitiveDateTime::parse(text, day)
            .ok()
            .map(|at| at.date())
    }

    #[test]
    fn percentiles_match_published_data() {
        let rows: Vec<Vec<&str>> = ITEMS
            .trim_start_matches('\u{feff}')
            .lines()
            .skip(1)
            .map(|line| line.trim().split(';').collect())
            .collect();
        assert_eq!(rows.len(), 266);
        let finished: Vec<(Date, Date)> = rows
            .iter()
            .filter_map(|row| Some((american(row[1])?, american(row[0])?)))
            .collect();
        assert_eq!(rows.len() - finished.len(), 5, "still open");
        let times = cycle_times(
            finished
                .into_iter()
                .map(|(start, end)| (Uuid::nil(), StartedTask::On(start), end)),
        );
        assert_eq!(times.left_out, Excluded::default());
        let at = |hundredths| times.percentile(hundredths).unwrap();
        assert_eq!([at(50), at(70), at(85), at(95)], [5.0, 7.0, 9.0, 13.0]);
    }

    #[test]
    fn same_day_is_one_day_and_backwards_tasks_are_excluded() {
        let (monday, friday) = (date!(2026 - 11 - 16), date!(2026 - 11 - 20));
        assert_eq!(days(monday, monday), Some(1));
        assert_eq!(days(monday, friday), Some(5));
        assert_eq!(days(friday, monday), None);
        let all = [
            (StartedTask::On(monday), friday),
            (StartedTask::On(friday), monday),
            (StartedTask::Never, friday),
            (StartedTask::Unknown, friday),
        ];
        let times = cycle_times(all.map(|(started, end)| (Uuid::nil(), started, end)));
        assert_eq!(times.sorted, [5]);
        assert_eq!(
            times.left_out,
            Excluded {
                no_start: 1,
                unknown: 1,
                backwards: 1
            }
        );
        assert!(
            times
                .left_out
                .sentence()
                .unwrap()
                .starts_with("Not counted: 1 never in progress, 1 imported")
        );
        assert_eq!(Excluded::default().sentence(), None);
    }

    #[test]
    fn percentiles_are_interpolated() {
        assert_eq!(percentile(&[], 0.5), None);
        assert_eq!(percentile(&[3], 0.95), Some(3.0));
        assert_eq!(percentile(&[1, 2, 3, 4], 0.5), Some(2.5));
        assert_eq!(percentile(&[1, 2, 3, 4, 5], 0.85), Some(4.4));
        assert_eq!(percentile(&[1, 2], 1.0), Some(2.0));
    }

    proptest! {
        #[test]
        fn percentiles_are_bounded_and_monotonic(
            mut all in prop::collection::vec(1_i64..400, 1..50), first in 0.0..1.0_f64, second in 0.0..1.0_f64
        ) {
            all.sort_unstable();
            let (low, high) = (percentile(&all, first.min(second)).unwrap(), percentile(&all, first.max(second)).unwrap());
            prop_assert!(low <= high + 1e-9);
            prop_assert!(low >= all[0] as f64 && high <= all[all.len() - 1] as f64 + 1e-9);
        }
    }
}
