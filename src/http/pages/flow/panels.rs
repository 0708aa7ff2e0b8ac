//! What the page of figures shows: facts on top, and a panel a figure.

use crate::{
    domain::flow::{measures::OUTSIDE, report::Figures},
    http::pages::flow::{
        charts::{burn_up_chart, class, counted, figure},
        tables::{NAMES, Table},
    },
};
use crate::{
    domain::{column_state::ColumnState, error::Result, humanize},
    http::{chart, page::Rendered},
};

/// More rows than these are in the CSV only.
const MOST_ROWS: usize = 120;

/// A figure: its chart, its numbers, and what is to be known of it.
pub struct Panel {
    pub name: &'static str,
    pub title: String,
    pub says: &'static str,
    pub chart: Option<Rendered>,
    pub legend: Vec<(&'static str, &'static str)>,
    /// What stands under the chart.
    pub notes: Vec<String>,
    pub bars: Vec<Bar>,
    pub table: Table,
}

/// A bar with its words.
pub struct Bar {
    pub what: String,
    pub says: String,
    pub part: f64,
}

impl Panel {
    pub fn shown(&self) -> impl Iterator<Item = &Vec<String>> {
        self.table.rows.iter().take(MOST_ROWS)
    }

    pub fn hidden(&self) -> usize {
        self.table.rows.len().saturating_sub(MOST_ROWS)
    }
}

/// From when to when, in words.
pub fn span(figures: &Figures) -> String {
    let sprints = &figures.range.sprints;
    let count = counted(sprints.len(), "sprint");
    match (sprints.first(), sprints.last()) {
        (Some(first), Some(_)) if figures.range.is_open() => {
            format!("{} – today · {count}", humanize::date(first.starts_on))
        }
        (Some(first), Some(last)) => {
            format!(
                "{} · {count}",
                humanize::span(first.starts_on, last.ends_on)
            )
        }
        _ => count,
    }
}

/// A figure each with what it says, for the top of the page.
pub fn facts(figures: &Figures) -> Vec<(String, String)> {
    let mut facts = Vec::new();
    let days = |days: f64| {
        if days == 1.0 {
            "1 day".to_owned()
        } else {
            format!("{} days", figure(days))
        }
    };
    if let (Some(half), Some(most)) = (figures.times.percentile(50), figures.times.percentile(85)) {
        facts.push((
            days(half),
            "or less from start to done, half the time".to_owned(),
        ));
        facts.push((days(most), "or less, 85 % of the time".to_owned()));
    }
    match figures.usual_sprint() {
        Some(usual) => facts.push((figure(usual), "tasks done in a usual sprint".to_owned())),
        None => {
            let done: usize = figures.throughput.iter().map(|(_, count)| count).sum();
            facts.push((done.to_string(), "tasks done so far".to_owned()));
        }
    }
    let total = figures.blocked.total;
    let on = match &figures.blocked.most {
        Some((whom, days)) if total > 0 => {
            let whom = if whom == OUTSIDE {
                "others outside"
            } else {
                whom
            };
            match (days * 100).div_ceil(total) {
                45..=55 => format!(", half on {whom}"),
                part => format!(", {part} % on {whom}"),
            }
        }
        _ => String::new(),
    };
    facts.push((counted(total, "day"), format!("spent blocked{on}")));
    facts
}

/// Every figure, in the order of the page.
pub fn panels(figures: &Figures) -> Result<Vec<Panel>> {
    let mut panels = Vec::with_capacity(NAMES.len());
    for name in NAMES {
        let Some(table) = Table::of(figures, name) else {
            continue;
        };
        let mut panel = Panel {
            name,
            title: String::new(),
            says: "",
            chart: None,
            legend: Vec::new(),
            notes: Vec::new(),
            bars: Vec::new(),
            table,
        };
        match name {
            "burn-up" => burn_up(figures, &mut panel)?,
            "cumulative-flow" => {
                (panel.title, panel.says) =
                    ("Cumulative flow".to_owned(), "tasks by state, each day");
                panel.chart = Some(figures.cumulative_chart()?);
                panel.legend = ColumnState::ALL
                    .iter()
                    .rev()
                    .map(|state| (class(*state), state.default_name()))
                    .collect();
            }
            "cycle-time" => {
                (panel.title, panel.says) = (
                    "Cycle time".to_owned(),
                    "a dot a finished task, days from start to done",
                );
                panel.chart = Some(figures.cycle_chart()?);
                panel.notes.extend(figures.times.left_out.sentence());
            }
            "ageing" => {
                (panel.title, panel.says) =
                    ("Ageing".to_owned(), "work in progress now, days in hand");
                panel.chart = Some(figures.ageing_chart()?);
                if figures.times.percentile(85).is_some() {
                    panel
                        .notes
                        .push("Shaded: older than 85 % of finished tasks got.".to_owned());
                }
                panel.notes.extend(figures.ageing_left_out.sentence());
            }
            "throughput" => {
                (panel.title, panel.says) = ("Throughput".to_owned(), "tasks done a sprint");
                panel.chart = Some(figures.throughput_chart()?);
            }
            _ => blocked(figures, &mut panel),
        }
        panels.push(panel);
    }
    Ok(panels)
}

fn burn_up(figures: &Figures, panel: &mut Panel) -> Result<()> {
    let burn_up = &figures.burn_up;
    panel.title = format!("Burn-up of {}", burn_up.name);
    panel.says = "tasks in it, and done";
    panel.chart = Some(burn_up_chart(burn_up)?);
    panel.legend = vec![
        ("state-todo", "In the sprint"),
        ("state-done", "Done"),
        ("ideal", "Ideal"),
    ];
    if let Some(forecast) = burn_up.forecast {
        panel.legend.push(("forecast", "Forecast"));
        let scope = burn_up.now().scope;
        panel.notes.push(format!(
            "By the end likely {} to {} of {scope} are done.",
            forecast.low, forecast.high
        ));
    }
    Ok(())
}

fn blocked(figures: &Figures, panel: &mut Panel) {
    panel.title = "Blocked".to_owned();
    panel.says = "days, by what was waited on and whom";
    let most = figures.blocked.rows.first().map_or(0, |row| row.days) as f64;
    let bar = |row: &crate::domain::flow::measures::BlockedRow| Bar {
        what: row.on.what.clone(),
        says: [counted(row.days, "day"), row.on.whom.clone()]
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
            .push("Nothing was blocked. That is how it should be.".to_owned());
    }
}
