//! The flow page's headline numbers, and a panel per chart.

use crate::{
    domain::{
        column_state::ColumnState,
        error::Result,
        flow::{measures::OUTSIDE, report::FlowReport},
        humanize::{self, counted},
    },
    http::{
        chart,
        page::Rendered,
        pages::flow::{
            charts::{Legend, burn_up_chart, burn_up_legend, class, figure},
            tables::{NAMES, Table},
        },
    },
};

/// Further rows are only in the CSV.
const MAX_ROWS: usize = 120;

/// A panel: a chart with its numbers and notes.
pub(crate) struct Panel {
    pub(crate) name: &'static str,
    pub(crate) title: String,
    pub(crate) description: &'static str,
    pub(crate) chart: Option<Rendered>,
    pub(crate) legend: Legend,
    /// Notes below the chart.
    pub(crate) notes: Vec<String>,
    pub(crate) bars: Vec<Bar>,
    pub(crate) table: Table,
}

/// A bar with its label.
pub(crate) struct Bar {
    pub(crate) what: String,
    pub(crate) description: String,
    pub(crate) part: f64,
}

impl Panel {
    pub(crate) fn shown(&self) -> impl Iterator<Item = &Vec<String>> {
        self.table.rows.iter().take(MAX_ROWS)
    }

    pub(crate) fn hidden(&self) -> usize {
        self.table.rows.len().saturating_sub(MAX_ROWS)
    }
}

/// The range of days, and the number of sprints, weeks or months.
pub(crate) fn span(figures: &FlowReport) -> String {
    let range = &figures.range;
    let count = counted(range.periods.len(), range.unit);
    if range.is_open() {
        format!("{} – today · {count}", humanize::date(range.first))
    } else {
        format!("{} · {count}", humanize::span(range.first, range.last))
    }
}

/// The headline numbers, each with its label.
pub(crate) fn stats(figures: &FlowReport) -> Vec<(String, String)> {
    let mut stats = Vec::new();
    let days = |days: f64| {
        if days == 1.0 {
            "1 day".to_owned()
        } else {
            format!("{} days", figure(days))
        }
    };
    if let (Some(half), Some(most)) = (figures.times.percentile(50), figures.times.percentile(85)) {
        stats.push((days(half), "median cycle time".to_owned()));
        stats.push((days(most), "85th-percentile cycle time".to_owned()));
    }
    match figures.usual_throughput() {
        Some(usual) => stats.push((
            figure(usual),
            format!("median tasks done per {}", figures.range.unit),
        )),
        None => {
            let done: usize = figures.throughput.iter().map(|(_, count)| count).sum();
            stats.push((done.to_string(), "tasks done so far".to_owned()));
        }
    }
    let total = figures.blocked.total;
    let on = match &figures.blocked.most {
        Some((party, days)) if total > 0 => {
            let party = if party == OUTSIDE {
                "people outside the workspace"
            } else {
                party
            };
            match (days * 100).div_ceil(total) {
                45..=55 => format!(", half of it waiting on {party}"),
                part => format!(", {part} % of it waiting on {party}"),
            }
        }
        _ => String::new(),
    };
    stats.push((counted(total, "day"), format!("blocked in all{on}")));
    stats
}

/// Every panel, in the order of the page.
pub(crate) fn panels(figures: &FlowReport) -> Result<Vec<Panel>> {
    let mut panels = Vec::with_capacity(NAMES.len());
    for name in NAMES {
        let Some(table) = Table::of(figures, name) else {
            continue;
        };
        let mut panel = Panel {
            name,
            title: String::new(),
            description: "",
            chart: None,
            legend: Vec::new(),
            notes: Vec::new(),
            bars: Vec::new(),
            table,
        };
        match name {
            "burn-up" => burn_up(figures, &mut panel)?,
            "cumulative-flow" => {
                (panel.title, panel.description) =
                    ("Cumulative flow".to_owned(), "Tasks by state, each day");
                panel.chart = Some(figures.cumulative_chart()?);
                panel.legend = ColumnState::ALL
                    .iter()
                    .rev()
                    .map(|state| (class(*state), state.default_name()))
                    .collect();
            }
            "cycle-time" => {
                (panel.title, panel.description) = (
                    "Cycle time".to_owned(),
                    "One dot per finished task: days from start to done",
                );
                panel.chart = Some(figures.cycle_chart()?);
                panel.notes.extend(figures.times.left_out.sentence());
            }
            "ageing" => {
                (panel.title, panel.description) =
                    ("Ageing".to_owned(), "Work in progress, by age in days");
                panel.chart = Some(figures.ageing_chart()?);
                if figures.times.percentile(85).is_some() {
                    panel
                        .notes
                        .push("Shaded: older than 85 % of finished tasks.".to_owned());
                }
                panel.notes.extend(figures.ageing_left_out.sentence());
            }
            "throughput" => {
                (panel.title, panel.description) =
                    ("Throughput".to_owned(), per_unit(figures.range.unit));
                panel.chart = Some(figures.throughput_chart()?);
            }
            _ => blocked(figures, &mut panel),
        }
        panels.push(panel);
    }
    Ok(panels)
}

fn per_unit(unit: &str) -> &'static str {
    match unit {
        "week" => "Tasks done per week",
        "month" => "Tasks done per month",
        _ => "Tasks done per sprint",
    }
}

fn burn_up(figures: &FlowReport, panel: &mut Panel) -> Result<()> {
    let Some(burn_up) = &figures.burn_up else {
        return Ok(());
    };
    panel.title = format!("Burn-up of {}", burn_up.name);
    panel.description = "Tasks in the sprint, and done";
    panel.chart = Some(burn_up_chart(burn_up)?);
    panel.legend = burn_up_legend(burn_up);
    if let Some(forecast) = burn_up.forecast {
        let scope = burn_up.now().scope;
        panel.notes.push(format!(
            "Forecast: {} to {} of {scope} tasks done by the end.",
            forecast.low, forecast.high
        ));
    }
    Ok(())
}

fn blocked(figures: &FlowReport, panel: &mut Panel) {
    panel.title = "Blocked".to_owned();
    panel.description = "Days blocked, by cause";
    let most = figures.blocked.rows.first().map_or(0, |row| row.days) as f64;
    let bar = |row: &crate::domain::flow::measures::BlockedRow| Bar {
        what: row.on.what.clone(),
        description: [counted(row.days, "day"), row.on.party.clone()]
            .into_iter()
            .filter(|text| !text.is_empty())
            .collect::<Vec<_>>()
            .join(" · "),
        part: chart::part(row.days as f64, most),
    };
    panel.bars = figures.blocked.rows.iter().take(6).map(bar).collect();
    if panel.bars.is_empty() {
        panel
            .notes
            .push("Nothing was blocked in this period.".to_owned());
    }
}
