//! Statistics of measured times.

use std::time::Duration;

pub type Figures = Vec<Duration>;

/// Formats a time in milliseconds.
pub fn format_ms(time: Duration) -> String {
    format!("{:.2} ms", time.as_secs_f64() * 1000.0)
}

/// Returns a quantile, such as 0.5 for the median.
pub fn quantile(figures: &[Duration], part: f64) -> Duration {
    let mut sorted = figures.to_vec();
    sorted.sort();
    let index = (sorted.len() as f64 * part) as usize;
    sorted
        .get(index.min(sorted.len().saturating_sub(1)))
        .copied()
        .unwrap_or_default()
}
