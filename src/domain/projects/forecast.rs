//! When a project could be done, from what its last sprints added: a range, since a date would be a guess.

/// How many of the last closed sprints count.
pub const LOOKS_BACK: usize = 6;

/// How many more sprints it takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Forecast {
    /// At the mean of the better half of those sprints.
    pub fewest: i64,
    /// At the mean of the worse half; nothing when that half added nothing.
    pub most: Option<i64>,
}

/// From what each of the last closed sprints added, in any order, and what is left to do. With fewer than two
/// sprints, or when none of them added anything, there is nothing to go by. Of an odd number of sprints the one in
/// the middle is in both halves.
pub fn forecast(gains: &[i64], left: i64) -> Option<Forecast> {
    if gains.len() < 2 || left <= 0 {
        return None;
    }
    let mut gains: Vec<i64> = gains.iter().map(|gain| (*gain).max(0)).collect();
    gains.sort_unstable();
    let half = gains.len().div_ceil(2);
    let worse: i64 = gains.iter().take(half).sum();
    let better: i64 = gains.iter().rev().take(half).sum();
    let sprints = |sum: i64| (sum > 0).then(|| begun(left.saturating_mul(half as i64), sum));
    Some(Forecast {
        fewest: sprints(better)?,
        most: sprints(worse),
    })
}

/// Whole sprints: a begun one counts. Both are positive.
fn begun(left: i64, gain: i64) -> i64 {
    left / gain + i64::from(left % gain > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_a_range_from_the_better_to_the_worse_half() {
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
            "half of them added nothing: no end can be told"
        );
        assert_eq!(range(&[0, 0], 5), None);
        assert_eq!(range(&[7], 5), None, "one sprint is no pace");
        assert_eq!(range(&[7, 7], 0), None, "it is done");
        assert_eq!(
            range(&[-3, 4], 4),
            Some((1, None)),
            "what was taken back adds nothing"
        );
    }
}
