//! Forecasts when a project will be done from the progress of its last sprints: a range, because a
//! single date would be a guess.

/// How many of the last closed sprints count.
pub(crate) const LOOKS_BACK: usize = 6;

/// The number of further sprints.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Forecast {
    /// At the mean of the better half of those sprints.
    pub(crate) fewest: i64,
    /// At the mean of the worse half; `None` when that half made no progress.
    pub(crate) most: Option<i64>,
}

/// Computes a forecast from the progress of each of the last closed sprints, in any order, and the
/// remaining amount. `None` with fewer than two sprints, or if none of them made progress. Of an
/// odd number of sprints the middle one is in both halves.
pub fn forecast(gains: &[i64], left: i64) -> Option<Forecast> {
    if gains.len() < 2 || left <= 0 {
        return None;
    }
    let mut gains: Vec<i64> = gains.iter().map(|gain| (*gain).max(0)).collect();
    gains.sort_unstable();
    let half = gains.len().div_ceil(2);
    let worse: i64 = gains.iter().take(half).sum();
    let better: i64 = gains.iter().rev().take(half).sum();
    let sprints =
        |sum: i64| (sum > 0).then(|| sprints_needed(left.saturating_mul(half as i64), sum));
    Some(Forecast {
        fewest: sprints(better)?,
        most: sprints(worse),
    })
}

/// The number of sprints, rounded up. Both arguments are positive.
fn sprints_needed(left: i64, gain: i64) -> i64 {
    left / gain + i64::from(left % gain > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forecast_ranges_from_better_to_worse_half() {
        let range = |gains: &[i64], left| forecast(gains, left).map(|f| (f.fewest, f.most));
        assert_eq!(range(&[10, 20, 10, 20], 60), Some((3, Some(6))));
        assert_eq!(
            range(&[5, 10, 15], 50),
            Some((4, Some(7))),
            "12.5 and 7.5 a sprint"
        );
        assert_eq!(
            range(&[0, 0, 12], 24),
            Some((4, None)),
            "half of them added nothing, so there is no forecast"
        );
        assert_eq!(range(&[0, 0], 5), None);
        assert_eq!(
            range(&[7], 5),
            None,
            "one sprint is not enough for a forecast"
        );
        assert_eq!(range(&[7, 7], 0), None, "it is done");
        assert_eq!(
            range(&[-3, 4], 4),
            Some((1, None)),
            "negative progress counts as none"
        );
    }
}
