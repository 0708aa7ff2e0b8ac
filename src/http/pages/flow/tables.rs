//! The charts' numbers as tables: the same rows on the page and in the CSV.

use crate::{
    domain::{
        column_state::ColumnState,
        flow::{measures::BurnUp, report::FlowReport},
    },
    http::csv::csv,
};

/// The charts' names in URLs, in the order of the page.
pub(crate) const NAMES: [&str; 6] = [
    "burn-up",
    "cumulative-flow",
    "cycle-time",
    "ageing",
    "throughput",
    "blocked",
];

/// The numbers of one chart.
pub(crate) struct Table {
    pub(crate) headings: Vec<&'static str>,
    pub(crate) rows: Vec<Vec<String>>,
    /// The chart's percentile lines, under the same headings; not in the CSV, where they follow
    /// from the rows.
    pub(crate) levels: Vec<Vec<String>>,
    /// Whether the first column has task keys.
    pub(crate) of_tasks: bool,
}

impl Table {
    /// The table of a chart; `None` for an unknown name.
    pub(crate) fn of(figures: &FlowReport, name: &str) -> Option<Self> {
        let of_tasks = matches!(name, "cycle-time" | "ageing");
        let (headings, rows) = match name {
            "burn-up" => burn_up(figures.burn_up.as_ref()?),
            "cumulative-flow" => cumulative(figures),
            "cycle-time" => cycle_time(figures),
            "ageing" => ageing(figures),
            "throughput" => throughput(figures),
            "blocked" => blocked(figures),
            _ => return None,
        };
        let levels = if of_tasks {
            levels(figures)
        } else {
            Vec::new()
        };
        Some(Self {
            headings,
            rows,
            levels,
            of_tasks,
        })
    }

    /// The whole table as CSV.
    pub(crate) fn csv(&self) -> String {
        let rows = self
            .rows
            .iter()
            .map(|row| row.iter().map(String::as_str).collect());
        csv(std::iter::once(self.headings.clone()).chain(rows))
    }
}

type Rows = (Vec<&'static str>, Vec<Vec<String>>);

fn burn_up(burn_up: &BurnUp) -> Rows {
    let ideal = burn_up.ideal();
    let days = std::iter::successors(Some(burn_up.starts_on), |day| day.next_day());
    let row = |(index, (day, ideal)): (usize, (time::Date, &f64))| {
        let counts = burn_up.days.get(index);
        let forecast = burn_up.forecast.as_ref().filter(|_| day == burn_up.ends_on);
        let known =
            |number: Option<usize>| number.map_or(String::new(), |number| number.to_string());
        vec![
            day.to_string(),
            known(counts.map(|counts| counts.scope)),
            known(counts.map(|counts| counts.done)),
            crate::http::pages::flow::charts::figure(*ideal),
            known(forecast.map(|forecast| forecast.low)),
            known(forecast.map(|forecast| forecast.high)),
        ]
    };
    let rows = days.zip(&ideal).enumerate().map(row).collect();
    (
        vec![
            "Day",
            "In the sprint",
            "Done",
            "Ideal",
            "Forecast from",
            "Forecast to",
        ],
        rows,
    )
}

/// The rows of the cycle-time percentiles.
fn levels(figures: &FlowReport) -> Vec<Vec<String>> {
    let level = |part| {
        let days = crate::http::pages::flow::charts::figure(figures.times.percentile(part)?);
        Some(vec![
            format!("{part} %"),
            "percentile: this share of finished tasks took at most so many days".to_owned(),
            String::new(),
            String::new(),
            days,
        ])
    };
    [50, 85, 95].into_iter().filter_map(level).collect()
}

fn cumulative(figures: &FlowReport) -> Rows {
    let headings = std::iter::once("Day")
        .chain(ColumnState::ALL.map(ColumnState::default_name))
        .collect();
    let row = |(day, counts): &(time::Date, [usize; 5])| {
        std::iter::once(day.to_string())
            .chain(counts.iter().map(usize::to_string))
            .collect()
    };
    (headings, figures.states.iter().map(row).collect())
}

fn cycle_time(figures: &FlowReport) -> Rows {
    let rows = figures.times.finished.iter().rev().filter_map(|finished| {
        let task_ref = figures.task_refs.get(&finished.task)?;
        let (start, end) = (finished.start.to_string(), finished.end.to_string());
        Some(vec![
            figures.key(task_ref),
            task_ref.title.clone(),
            start,
            end,
            finished.days.to_string(),
        ])
    });
    (
        vec!["Task", "Title", "In progress", "Done", "Days"],
        rows.collect(),
    )
}

fn ageing(figures: &FlowReport) -> Rows {
    let rows = figures.ageing.iter().map(|(task_ref, finished)| {
        let state = task_ref.state.default_name().to_owned();
        vec![
            figures.key(task_ref),
            task_ref.title.clone(),
            state,
            finished.start.to_string(),
            finished.days.to_string(),
        ]
    });
    (
        vec!["Task", "Title", "State", "In progress", "Days"],
        rows.collect(),
    )
}

fn throughput(figures: &FlowReport) -> Rows {
    let rows = figures.throughput.iter().map(|(period, count)| {
        vec![
            period.name.clone(),
            period.starts_on.to_string(),
            period.ends_on.to_string(),
            count.to_string(),
        ]
    });
    let unit = match figures.range.unit {
        "week" => "Week",
        "month" => "Month",
        _ => "Sprint",
    };
    (vec![unit, "From", "To", "Tasks done"], rows.collect())
}

fn blocked(figures: &FlowReport) -> Rows {
    let rows = figures.blocked.rows.iter().map(|row| {
        vec![
            row.on.what.clone(),
            row.on.party.clone(),
            row.tasks.to_string(),
            row.days.to_string(),
        ]
    });
    (vec!["Cause", "Waiting on", "Tasks", "Days"], rows.collect())
}
