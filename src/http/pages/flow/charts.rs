//! The flow page's charts.

use std::collections::BTreeMap;

use time::Date;

use crate::{
    domain::{
        column_state::ColumnState,
        error::Result,
        flow::{measures::BurnUp, report::FlowReport},
        humanize::{self, counted},
    },
    http::{chart::Chart, page::Rendered},
};

/// Ranges of more days than this are thinned out.
const MAX_DAYS: usize = 200;

/// A burn-up chart, also from the stored report of a closed sprint.
pub fn burn_up_chart(burn_up: &BurnUp) -> Result<Rendered> {
    let days = burn_up.worked.len();
    let now = burn_up.now();
    let high = burn_up.forecast.map_or(0, |forecast| forecast.high);
    let most = burn_up
        .days
        .iter()
        .map(|day| day.scope)
        .max()
        .unwrap_or(0)
        .max(burn_up.start.scope)
        .max(high);
    let started = burn_up.days.len() as f64;
    let mut description = format!("{} of {} tasks are done", now.done, now.scope);
    if let Some(forecast) = burn_up.forecast {
        description += &format!(
            ", forecast {} to {} by the end",
            forecast.low, forecast.high
        );
    }
    let all: Vec<Date> =
        crate::domain::flow::range::days_between(burn_up.starts_on, burn_up.ends_on);
    let mut chart = Chart::new(
        "burn-up",
        format!("Burn-up of {}", burn_up.name),
        "tasks",
        (0.0, days as f64),
        most as f64,
    )
    .description(description + ".")
    .ticks(ticks(&all, false));
    if let Some(forecast) = burn_up.forecast {
        let from = (started, now.done as f64);
        let end = |count: usize| [from, (days as f64, count as f64)];
        chart.area("forecast", &end(forecast.high), &end(forecast.low));
        chart.line("forecast", &end(forecast.likely));
    }
    let ideal: Vec<(f64, f64)> = std::iter::once(0.0)
        .chain(burn_up.ideal())
        .zip(0_u32..)
        .map(|(y, x)| (f64::from(x), y))
        .collect();
    chart.line("ideal", &ideal);
    let line = |of: fn(&crate::domain::flow::measures::ScopeAndDone) -> usize| -> Vec<(f64, f64)> {
        std::iter::once(&burn_up.start)
            .chain(&burn_up.days)
            .zip(0_u32..)
            .map(|(day, x)| (f64::from(x), of(day) as f64))
            .collect()
    };
    chart.line("state-todo", &line(|day| day.scope));
    chart.line("state-done", &line(|day| day.done));
    chart.dot(
        "state-done",
        (started, now.done as f64),
        4.0,
        format!("Now: {} of {} done", now.done, now.scope),
    );
    chart.draw()
}

/// A chart's legend: CSS class and name of each line or area.
pub(crate) type Legend = Vec<(&'static str, &'static str)>;

/// The legend of [`burn_up_chart`].
pub(crate) fn burn_up_legend(burn_up: &BurnUp) -> Legend {
    let mut legend = vec![
        ("state-todo", "In the sprint"),
        ("state-done", "Done"),
        ("ideal", "Ideal"),
    ];
    if burn_up.forecast.is_some() {
        legend.push(("forecast", "Forecast"));
    }
    legend
}

impl FlowReport {
    pub(crate) fn cumulative_chart(&self) -> Result<Rendered> {
        let days = self.thinned();
        let last = self.states.len().saturating_sub(1);
        let most = self
            .states
            .iter()
            .map(|(_, counts)| counts.iter().sum::<usize>())
            .max()
            .unwrap_or(0);
        let now = self.states.last().map_or([0; 5], |(_, counts)| *counts);
        let description = ColumnState::ALL
            .iter()
            .zip(now)
            .map(|(state, count)| format!("{} {count}", state.default_name()));
        let mut chart = Chart::new(
            "cumulative-flow",
            "Cumulative flow",
            "tasks",
            (0.0, last as f64),
            most as f64,
        )
        .description(format!(
            "At the end: {}.",
            description.collect::<Vec<_>>().join(", ")
        ))
        .ticks(self.day_ticks());
        let mut lower: Vec<(f64, f64)> = days.iter().map(|(x, _)| (*x, 0.0)).collect();
        // done tasks are at the bottom, unstarted ones on top
        for (index, state) in ColumnState::ALL.iter().enumerate().rev() {
            let upper: Vec<(f64, f64)> = lower
                .iter()
                .zip(&days)
                .map(|((x, y), (_, counts))| {
                    (*x, y + counts.get(index).copied().unwrap_or(0) as f64)
                })
                .collect();
            chart.area(class(*state), &upper, &lower);
            lower = upper;
        }
        chart.draw()
    }

    pub(crate) fn cycle_chart(&self) -> Result<Rendered> {
        let first = self
            .range
            .days()
            .first()
            .map_or(0, |day| day.to_julian_day());
        let last = self.states.len().saturating_sub(1);
        let most = self.times.sorted.last().copied().unwrap_or(0);
        let count = self.times.finished.len();
        let chart = Chart::new(
            "cycle-time",
            "Cycle time",
            "days",
            (-0.5, last as f64 + 0.5),
            most as f64,
        )
        .description(format!(
            "{count} finished tasks, longest {most} days. {}",
            self.levels_in_words()
        ))
        .ticks(self.day_ticks());
        let mut chart = self.with_levels(chart);
        // tasks with the same day and duration are one dot
        let mut dots: BTreeMap<(i32, i64), Vec<String>> = BTreeMap::new();
        for finished in &self.times.finished {
            let key = self
                .task_refs
                .get(&finished.task)
                .map_or(String::new(), |task_ref| self.key(task_ref));
            dots.entry((finished.end.to_julian_day(), finished.days))
                .or_default()
                .push(key);
        }
        for ((day, days), keys) in dots {
            let when = Date::from_julian_day(day).map_or(String::new(), humanize::date);
            let title = format!(
                "{}: {}, done on {when}",
                keys.join(", "),
                counted(days as usize, "day")
            );
            let r = 3.2 + 0.8 * (keys.len().min(6) - 1) as f64;
            chart.dot(
                "state-done",
                (f64::from(day - first), days as f64),
                r,
                title,
            );
        }
        chart.draw()
    }

    pub(crate) fn ageing_chart(&self) -> Result<Rendered> {
        const IN_PROGRESS: [ColumnState; 3] = [
            ColumnState::Doing,
            ColumnState::Blocked,
            ColumnState::Review,
        ];
        let oldest = self.ageing.first().map_or(0, |(_, finished)| finished.days);
        let limit = self.times.percentile(85);
        let most = (oldest as f64).max(limit.unwrap_or(0.0) * 1.3);
        let places = IN_PROGRESS
            .iter()
            .zip(0_u32..)
            .map(|(state, index)| (f64::from(index) + 0.5, state.default_name().to_owned()));
        let beyond = self
            .ageing
            .iter()
            .filter(|(_, finished)| limit.is_some_and(|limit| finished.days as f64 > limit))
            .count();
        let mut chart = Chart::new(
            "ageing",
            "Work in progress by age",
            "days",
            (0.0, 3.0),
            most,
        )
        .description(format!(
            "{} in progress, the oldest for {}; {beyond} longer than the 85th percentile.",
            counted(self.ageing.len(), "task"),
            counted(oldest as usize, "day")
        ))
        .ticks(places.collect());
        chart = self.with_levels(chart);
        if let Some(limit) = limit {
            chart = chart.shade_above(limit);
        }
        for (state, index) in IN_PROGRESS.into_iter().zip(0_u32..) {
            let column_tasks: Vec<_> = self
                .ageing
                .iter()
                .filter(|(task_ref, _)| task_ref.state == state)
                .collect();
            let room = column_tasks.len().min(12) as f64;
            for ((task_ref, finished), place) in column_tasks.iter().zip(0_u32..) {
                let x = f64::from(index) + (f64::from(place % 12) + 1.0) / (room + 1.0);
                let at = (x, finished.days as f64);
                let title = format!(
                    "{} {}: {}",
                    self.key(task_ref),
                    task_ref.title,
                    counted(finished.days as usize, "day")
                );
                chart.dot(class(state), at, 4.5, title);
                // more names than these would overlap
                if column_tasks.len() <= 4 {
                    chart.label_above(at, task_ref.number.to_string());
                }
            }
        }
        chart.draw()
    }

    pub(crate) fn throughput_chart(&self) -> Result<Rendered> {
        let all = self.throughput.len();
        let most = self
            .throughput
            .iter()
            .map(|(_, count)| *count)
            .max()
            .unwrap_or(0);
        let place = |index: u32| f64::from(index) + 0.5;
        let ticks = self
            .throughput
            .iter()
            .zip(0..)
            .map(|((period, _), index)| {
                let is_few = all <= 4;
                let name = if is_few { &period.label } else { &period.short };
                (place(index), name.clone())
            })
            .collect();
        let description = self
            .throughput
            .iter()
            .map(|(period, count)| format!("{}: {count}", period.name));
        let mut chart = Chart::new(
            "throughput",
            "Throughput",
            "tasks",
            (0.0, all as f64),
            most as f64,
        )
        .description(description.collect::<Vec<_>>().join(", ") + ".")
        .ticks(ticks);
        for ((period, count), index) in self.throughput.iter().zip(0..) {
            let at = (place(index), *count as f64);
            chart.bar(
                "state-done",
                at,
                0.56,
                format!("{}: {} done", period.name, counted(*count, "task")),
            );
            if all <= 12 {
                chart.label_above(at, count.to_string());
            }
        }
        chart.draw()
    }

    fn with_levels(&self, mut chart: Chart) -> Chart {
        for part in [50, 85, 95] {
            if let Some(days) = self.times.percentile(part) {
                chart = chart.level(days, format!("{part} %: {}", figure(days)));
            }
        }
        chart
    }

    fn levels_in_words(&self) -> String {
        let at = |part| {
            self.times
                .percentile(part)
                .map(|days| format!("{part} % took {} days or less.", figure(days)))
        };
        [50, 85, 95]
            .into_iter()
            .filter_map(at)
            .collect::<Vec<_>>()
            .join(" ")
    }

    fn thinned(&self) -> Vec<(f64, [usize; 5])> {
        let every = self.states.len().div_ceil(MAX_DAYS).max(1);
        let thin = self.states.iter().enumerate().rev().step_by(every);
        let mut days: Vec<(f64, [usize; 5])> =
            thin.map(|(x, (_, counts))| (x as f64, *counts)).collect();
        days.reverse();
        days
    }

    fn day_ticks(&self) -> Vec<(f64, String)> {
        ticks(&self.range.days(), self.range.is_open())
    }
}

/// The CSS class of a state's colour.
pub(crate) fn class(state: ColumnState) -> &'static str {
    match state {
        ColumnState::Todo => "state-todo",
        ColumnState::Doing => "state-doing",
        ColumnState::Blocked => "state-blocked",
        ColumnState::Review => "state-review",
        ColumnState::Done => "state-done",
    }
}

/// The labelled days of a chart: the first, then every few whole weeks, and today.
fn ticks(days: &[Date], today: bool) -> Vec<(f64, String)> {
    let every = if days.len() <= 7 {
        2
    } else {
        days.len().div_ceil(28) * 7
    };
    let last = days.len().saturating_sub(1);
    // Leaves room for the label of today.
    let upto = if today { last - last / 5 } else { last };
    let mut ticks: Vec<(f64, String)> = days
        .iter()
        .zip(0_u32..)
        .step_by(every)
        .filter(|(_, x)| *x == 0 || (*x as usize) < upto)
        .map(|(day, x)| (f64::from(x), humanize::date(*day)))
        .collect();
    if today && last > 0 {
        ticks.push((last as f64, "today".to_owned()));
    }
    ticks
}

/// `4`, or `4.5`.
pub(crate) fn figure(number: f64) -> String {
    let tenths = (number * 10.0).round() / 10.0;
    tenths.to_string()
}
