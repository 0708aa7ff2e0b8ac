//! The progress chart of a goal with manually entered values, beside the ideal line.

use time::OffsetDateTime;

use crate::{
    domain::{
        clock,
        error::Result,
        goals::Goal,
        humanize,
        sprints::Sprint,
        teams::roster::{Week, days},
    },
    http::{chart::Chart, page::Rendered},
};

/// Renders a goal's values over the days of its sprint, the oldest first; values from before the
/// sprint are at its start. The ideal line rises equally on each working day.
pub(crate) fn pace_chart(
    goal: &Goal,
    sprint: &Sprint,
    week: &Week,
    entered: &[(OffsetDateTime, i64)],
) -> Result<Rendered> {
    let all: Vec<time::Date> = days(sprint.starts_on, sprint.ends_on).collect();
    let begin = clock::instant(sprint.starts_on, 0, &week.zone);
    let worked = sprint.working_days(week).len().max(1) as f64;
    let most = entered
        .iter()
        .map(|(_, value)| *value)
        .max()
        .unwrap_or(0)
        .max(goal.target);
    let figure = |value: i64| goal.measure.figure(value, goal.target);
    let last = entered.last().map_or(0, |(_, value)| *value);
    let unit = if goal.unit.is_empty() {
        "so far"
    } else {
        "count"
    };
    let ticks = (0_u32..)
        .zip(&all)
        .step_by(7)
        .map(|(index, day)| (f64::from(index), humanize::date(*day)))
        .collect();
    let mut chart = Chart::new(
        "pace",
        "Progress by day",
        unit,
        (0.0, all.len() as f64),
        most as f64,
    )
    .description(format!(
        "{} values were entered, the last one is {}.",
        entered.len(),
        figure(last)
    ))
    .ticks(ticks);
    let ideal: Vec<(f64, f64)> = std::iter::once((0.0, 0.0))
        .chain((1_u32..).zip(&all).map(|(index, day)| {
            (
                f64::from(index),
                goal.target as f64 * sprint.day_number(week, *day) as f64 / worked,
            )
        }))
        .collect();
    chart.line("ideal", &ideal);
    let place = |at: OffsetDateTime| {
        ((at - begin).as_seconds_f64() / 86_400.0).clamp(0.0, all.len() as f64)
    };
    let points: Vec<(f64, f64)> = entered
        .iter()
        .map(|(at, value)| (place(*at), *value as f64))
        .collect();
    chart.line("state-done", &points);
    for (point, (at, value)) in points.iter().zip(entered) {
        let day = humanize::day(clock::day_in(*at, &week.zone));
        chart.dot(
            "state-done",
            *point,
            4.0,
            format!("{day}: {}", figure(*value)),
        );
    }
    chart.draw()
}
