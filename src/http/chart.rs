//! Renders numbers as SVG charts. It knows nothing about tasks: callers pass a title and a
//! description.
//!
//! Colours are classes and geometry is attributes, since the content security policy forbids inline
//! styles. The stylesheet sets the font size, so the margins leave room for the largest one, on a
//! phone.

use askama::Template;

use crate::{domain::error::Result, http::page::Rendered};

const WIDTH: f64 = 520.0;
const HEIGHT: f64 = 240.0;
const LEFT: f64 = 42.0;
const TOP: f64 = 34.0;
const BOTTOM: f64 = HEIGHT - 27.0;
/// The width of a level's label beside the plot.
const MARGIN: f64 = 92.0;
/// The distance at which two lines of the largest font do not touch.
const LINE: f64 = 19.0;

/// A chart with two axes; the vertical one starts at zero.
#[derive(Template)]
#[template(path = "_chart.html")]
pub(crate) struct Chart {
    id: &'static str,
    title: String,
    description: String,
    /// The unit of the vertical axis.
    unit: &'static str,
    from: f64,
    to: f64,
    top: f64,
    step: f64,
    marks: Vec<Mark>,
    ticks: Vec<(f64, String)>,
    levels: Vec<(f64, String)>,
    shade: Option<f64>,
}

enum Mark {
    Area {
        class: &'static str,
        points: String,
    },
    Line {
        class: &'static str,
        points: String,
    },
    Bar {
        class: &'static str,
        x: f64,
        y: f64,
        width: f64,
        height: f64,
        title: String,
    },
    Dot {
        class: &'static str,
        x: f64,
        y: f64,
        r: f64,
        title: String,
    },
    Word {
        x: f64,
        y: f64,
        text: String,
    },
}

impl Chart {
    /// An empty chart with this horizontal range and maximum. `id` is unique on the page.
    pub(crate) fn new(
        id: &'static str,
        title: impl Into<String>,
        unit: &'static str,
        (from, to): (f64, f64),
        most: f64,
    ) -> Self {
        let step = nice_step(most);
        Self {
            id,
            title: title.into(),
            description: String::new(),
            unit,
            from,
            // an empty range still needs a width
            to: if to > from { to } else { from + 1.0 },
            top: (most / step).ceil().max(1.0) * step,
            step,
            marks: Vec::new(),
            ticks: Vec::new(),
            levels: Vec::new(),
            shade: None,
        }
    }

    /// The description for screen readers.
    pub(crate) fn description(mut self, description: impl Into<String>) -> Self {
        self.description = description.into();
        self
    }

    /// Labels below the plot; if there are too many, every second or third is left out.
    pub(crate) fn ticks(mut self, ticks: Vec<(f64, String)>) -> Self {
        let every = ticks.len().div_ceil(6).max(1);
        self.ticks = ticks.into_iter().step_by(every).collect();
        self
    }

    /// A horizontal line with its label in the margin. Added before the marks, since it narrows the
    /// plot.
    pub(crate) fn level(mut self, at: f64, text: impl Into<String>) -> Self {
        self.levels.push((at, text.into()));
        self
    }

    /// Shades everything above a value.
    pub(crate) fn shade_above(mut self, at: f64) -> Self {
        self.shade = Some(at);
        self
    }

    /// The area between two lines, each from left to right.
    pub(crate) fn area(&mut self, class: &'static str, upper: &[(f64, f64)], lower: &[(f64, f64)]) {
        let points = self.points(upper.iter().chain(lower.iter().rev()));
        self.marks.push(Mark::Area { class, points });
    }

    /// A line from left to right.
    pub(crate) fn line(&mut self, class: &'static str, points: &[(f64, f64)]) {
        let points = self.points(points.iter());
        self.marks.push(Mark::Line { class, points });
    }

    /// A dot with a tooltip.
    pub(crate) fn dot(
        &mut self,
        class: &'static str,
        (x, y): (f64, f64),
        r: f64,
        title: impl Into<String>,
    ) {
        let mark = Mark::Dot {
            class,
            x: self.x(x),
            y: self.y(y),
            r,
            title: title.into(),
        };
        self.marks.push(mark);
    }

    /// A bar from zero, as wide as this part of the horizontal axis.
    pub(crate) fn bar(
        &mut self,
        class: &'static str,
        (x, y): (f64, f64),
        width: f64,
        title: impl Into<String>,
    ) {
        let (left, right, top) = (self.x(x - width / 2.0), self.x(x + width / 2.0), self.y(y));
        let (width, height) = (short(right - left), short(BOTTOM - top));
        self.marks.push(Mark::Bar {
            class,
            x: left,
            y: top,
            width,
            height,
            title: title.into(),
        });
    }

    /// A label above a point.
    pub(crate) fn label_above(&mut self, (x, y): (f64, f64), text: impl Into<String>) {
        let mark = Mark::Word {
            x: self.x(x),
            y: short(self.y(y) - 8.0),
            text: text.into(),
        };
        self.marks.push(mark);
    }

    /// The chart as SVG markup to include in a page.
    pub(crate) fn draw(&self) -> Result<Rendered> {
        Rendered::of(self)
    }

    fn points<'p>(&self, points: impl Iterator<Item = &'p (f64, f64)>) -> String {
        points
            .map(|(x, y)| format!("{},{}", self.x(*x), self.y(*y)))
            .collect::<Vec<_>>()
            .join(" ")
    }

    fn x(&self, x: f64) -> f64 {
        short(LEFT + (x - self.from) / (self.to - self.from) * (self.right() - LEFT))
    }

    fn y(&self, y: f64) -> f64 {
        short(BOTTOM - y / self.top * (BOTTOM - TOP))
    }

    fn right(&self) -> f64 {
        WIDTH - if self.levels.is_empty() { 10.0 } else { MARGIN }
    }

    fn plot_width(&self) -> f64 {
        self.right() - LEFT
    }

    fn wash_box(&self) -> Option<(f64, f64)> {
        let bottom = self.y(self.shade.filter(|from| *from < self.top)?);
        Some((TOP, short(bottom - TOP)))
    }

    /// The grid lines and their numbers.
    fn rows(&self) -> Vec<(f64, String)> {
        let count = (self.top / self.step).round() as u32;
        (0..=count)
            .map(|index| f64::from(index) * self.step)
            .map(|at| (self.y(at), at.to_string()))
            .collect()
    }

    /// The labels below: the first starts at the plot's edge and the last ends there, so that none
    /// is cut off.
    fn columns(&self) -> Vec<(f64, &'static str, &str)> {
        let anchor = |x: f64| match x {
            x if x < LEFT + 24.0 => "start",
            x if x > self.right() - 24.0 => "end",
            _ => "middle",
        };
        self.ticks
            .iter()
            .map(|(at, label)| (self.x(*at), anchor(self.x(*at)), label.as_str()))
            .collect()
    }

    /// The levels with their labels, which move apart where lines are close.
    fn level_rows(&self) -> Vec<(f64, f64, &str)> {
        let mut levels: Vec<(f64, f64, &str)> = self
            .levels
            .iter()
            .map(|(at, text)| (self.y(*at), self.y(*at) + 4.0, text.as_str()))
            .collect();
        levels.sort_by(|a, b| b.0.total_cmp(&a.0));
        let mut below = f64::INFINITY;
        for (_, label, _) in &mut levels {
            *label = short(label.min(below - LINE));
            below = *label;
        }
        levels
    }
}

/// A percentage, for a bar in HTML.
pub(crate) fn part(of: f64, whole: f64) -> f64 {
    if whole > 0.0 {
        short((of / whole * 100.0).clamp(0.0, 100.0))
    } else {
        0.0
    }
}

/// A step of 1, 2 or 5 times a power of ten that makes at most five rows.
fn nice_step(most: f64) -> f64 {
    let mut step = 1.0;
    for times in [2.0, 2.5, 2.0].into_iter().cycle().take(60) {
        if most / step <= 5.0 {
            break;
        }
        step *= times;
    }
    step
}

/// Rounds to a tenth of a unit, which is finer than any screen.
fn short(number: f64) -> f64 {
    (number * 10.0).round() / 10.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn render_chart(chart: &Chart) -> String {
        chart.draw().unwrap().to_string()
    }

    #[test]
    fn rows_are_round_numbers_and_few() {
        for (most, step) in [
            (0.0, 1.0),
            (1.0, 1.0),
            (5.0, 1.0),
            (6.0, 2.0),
            (24.0, 5.0),
            (48.0, 10.0),
            (4_712.0, 1_000.0),
        ] {
            assert_eq!(nice_step(most), step, "{most}");
        }
        let chart = Chart::new("c", "Title", "tasks", (0.0, 10.0), 48.0);
        let rows: Vec<String> = chart.rows().into_iter().map(|(_, label)| label).collect();
        assert_eq!(rows, ["0", "10", "20", "30", "40", "50"]);
    }

    #[test]
    fn texts_are_escaped_and_named_for_those_who_listen() {
        let mut chart =
            Chart::new("c", "A & B", "days", (0.0, 10.0), 4.0).description("<b>four</b>");
        chart.dot("state-done", (5.0, 4.0), 3.0, "\"quoted\"");
        let svg = render_chart(&chart);
        assert!(svg.contains(r#"role="img" aria-labelledby="c-title c-description""#));
        assert!(
            svg.contains("A &#38; B") && !svg.contains("<b>") && svg.contains("&#34;quoted&#34;"),
            "{svg}"
        );
        assert!(!svg.contains("style="));
    }

    #[test]
    fn words_of_close_levels_do_not_touch() {
        let chart = Chart::new("c", "", "days", (0.0, 1.0), 100.0)
            .level(4.0, "50 %")
            .level(5.0, "85 %")
            .level(5.5, "95 %");
        let rows = chart.level_rows();
        assert_eq!(
            rows.iter().map(|row| row.2).collect::<Vec<_>>(),
            ["50 %", "85 %", "95 %"]
        );
        assert!(
            rows.windows(2)
                .all(|pair| pair[0].1 - pair[1].1 >= LINE - 0.1),
            "{rows:?}"
        );
        assert!(rows.iter().all(|row| row.1 > 0.0 && row.1 < HEIGHT));
    }

    #[test]
    fn a_chart_of_nothing_is_still_a_chart() {
        let svg = render_chart(&Chart::new("c", "Nothing", "tasks", (3.0, 3.0), 0.0));
        assert!(svg.contains("<svg") && !svg.contains("NaN") && !svg.contains("inf"));
    }

    #[test]
    fn an_area_goes_there_above_and_back_below() {
        let mut chart = Chart::new("c", "", "tasks", (0.0, 1.0), 10.0);
        chart.area(
            "state-done",
            &[(0.0, 10.0), (1.0, 10.0)],
            &[(0.0, 0.0), (1.0, 0.0)],
        );
        assert!(
            render_chart(&chart).contains(r#"points="42,34 510,34 510,213 42,213""#),
            "{}",
            render_chart(&chart)
        );
        assert_eq!(part(1.0, 3.0), 33.3);
        assert_eq!(part(1.0, 0.0), 0.0);
    }
}
