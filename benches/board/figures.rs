//! Times that were measured, and what is said of them.

use std::time::Duration;

pub type Figures = Vec<Duration>;

/// A time in milliseconds.
pub fn ms(time: Duration) -> String {
    format!("{:.2} ms", time.as_secs_f64() * 1000.0)
}

/// The figure that this part of them is below.
pub fn at(figures: &[Duration], part: f64) -> Duration {
    let mut sorted = figures.to_vec();
    sorted.sort();
    let index = (sorted.len() as f64 * part) as usize;
    sorted
        .get(index.min(sorted.len().saturating_sub(1)))
        .copied()
        .unwrap_or_default()
}
