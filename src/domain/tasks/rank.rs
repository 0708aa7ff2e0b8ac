//! Sort keys for the order in a column: a rank is a fraction written in base 62, compared byte by
//! byte.
//!
//! "V" is about one half. There is always a rank between two others; it only gets longer. No rank
//! ends in "0", because nothing would fit between it and its own prefix.

const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// When a rank is longer than this many bytes, the column's ranks are rebalanced.
pub(crate) const LONGEST: usize = 50;

/// Digits of a rank at an open end of a column: room for millions of steps.
const STEP_DIGITS: u32 = 4;

/// Returns a rank between two others (`None` is the start or end of the column). `before` must be
/// less than `after`; if it is not, the result is after `before`.
pub(crate) fn between(before: Option<&str>, after: Option<&str>) -> String {
    let after = after.filter(|after| before.is_none_or(|before| before < *after));
    match (before, after) {
        (Some(last), None) => step(last, 1),
        (None, Some(first)) => step(first, -1),
        _ => None,
    }
    .unwrap_or_else(|| halfway(before.unwrap_or("").as_bytes(), after.map(str::as_bytes)))
}

/// The next rank at an open end. Adding at an end is the most frequent case, and halving would add
/// a digit every few cards.
fn step(outermost: &str, by: i64) -> Option<String> {
    let digits = outermost
        .bytes()
        .chain(std::iter::repeat(b'0'))
        .take(STEP_DIGITS as usize);
    let value = digits.fold(0, |value, byte| value * 62 + digit(byte) as i64);
    let mut next = value + by;
    if next % 62 == 0 {
        next += by;
    }
    let next = usize::try_from(next)
        .ok()
        .filter(|next| (1..62usize.pow(STEP_DIGITS)).contains(next))?;
    Some(written(next, STEP_DIGITS as usize))
}

fn halfway(low: &[u8], high: Option<&[u8]>) -> String {
    let mut rank = Vec::with_capacity(low.len() + 1);
    let mut under_high = high.is_some();
    for place in 0.. {
        let from = low.get(place).map_or(0, |byte| digit(*byte));
        let to = if under_high {
            high.and_then(|high| high.get(place))
                .map_or(0, |byte| digit(*byte))
        } else {
            62
        };
        if to > from + 1 {
            rank.push(DIGITS[from + (to - from) / 2]);
            break;
        }
        rank.push(DIGITS[from]);
        if to == from + 1 {
            under_high = false;
        }
    }
    String::from_utf8(rank).unwrap_or_default()
}

/// Returns `count` ranks of equal length in order, evenly spaced.
pub(crate) fn spread(count: usize) -> Vec<String> {
    let mut width = 2;
    while 62usize.pow(width) < (count + 1) * 62 {
        width += 1;
    }
    let gap = 62usize.pow(width) / (count + 1);
    (1..=count)
        .map(|n| written(n * gap, width as usize))
        .collect()
}

/// Returns `count` ranks in order after a column's last one, for many tasks added at once. They are
/// close together, which leaves room after them.
pub(crate) fn spread_after(last: Option<&str>, count: usize) -> Vec<String> {
    let Some(last) = last else {
        return spread(count);
    };
    let digits = last
        .bytes()
        .chain(std::iter::repeat(b'0'))
        .take(STEP_DIGITS as usize);
    let value = digits.fold(0, |value, byte| value * 62 + digit(byte));
    let gap = ((62usize.pow(STEP_DIGITS) - 1 - value) / (count + 1)).min(62);
    // With smaller gaps, avoiding a trailing zero could produce the next rank.
    if gap >= 3 {
        return (1..=count)
            .map(|n| written(value + n * gap, STEP_DIGITS as usize))
            .collect();
    }
    spread(count)
        .into_iter()
        .map(|rank| format!("{last}{rank}"))
        .collect()
}

fn written(mut value: usize, width: usize) -> String {
    let mut digits = vec![b'0'; width];
    for place in (0..width).rev() {
        digits[place] = DIGITS[value % 62];
        value /= 62;
    }
    // A trailing zero would leave no room before it.
    if digits[width - 1] == b'0' {
        digits[width - 1] = b'1';
    }
    String::from_utf8(digits).unwrap_or_default()
}

fn digit(byte: u8) -> usize {
    DIGITS.iter().position(|known| *known == byte).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_column_that_only_grows_keeps_short_ranks() {
        let mut last: Option<String> = None;
        for _ in 0..1000 {
            let next = between(last.as_deref(), None);
            assert!(
                last.as_deref().is_none_or(|last| last < next.as_str()),
                "{last:?} {next}"
            );
            last = Some(next);
        }
        assert!(last.expect("a thousand ranks").len() <= 4);
    }

    #[test]
    fn rebalanced_ranks_are_in_order_with_room() {
        for count in [0, 1, 2, 61, 62, 63, 1000, 5000] {
            let ranks = spread(count);
            assert_eq!(ranks.len(), count);
            for pair in ranks.windows(2) {
                assert!(pair[0] < pair[1]);
                assert!(between(Some(&pair[0]), Some(&pair[1])).len() <= 5);
            }
        }
    }

    proptest! {
        #[test]
        fn appended_ranks_are_in_order(last in prop::option::of("[0-9A-Za-z]{0,49}[1-9A-Za-z]"), count in 1usize..3000) {
            let ranks = spread_after(last.as_deref(), count);
            prop_assert_eq!(ranks.len(), count);
            prop_assert!(last.is_none_or(|last| last < ranks[0]));
            prop_assert!(ranks.windows(2).all(|pair| pair[0] < pair[1]));
            prop_assert!(ranks.iter().all(|rank| rank.len() <= 64 && !rank.ends_with('0')));
        }

        #[test]
        fn rank_between_two_is_as_short_as_possible(
            first in prop::option::of("[0-9A-Za-z]{0,63}[1-9A-Za-z]"), second in prop::option::of("[0-9A-Za-z]{0,63}[1-9A-Za-z]")
        ) {
            prop_assume!(first.is_none() || first != second);
            let (above, below) = match (first, second) {
                (Some(first), Some(second)) => (Some(first.clone().min(second.clone())), Some(first.max(second))),
                pair => pair,
            };
            let rank = between(above.as_deref(), below.as_deref());
            prop_assert!(!rank.is_empty() && !rank.ends_with('0') && rank.bytes().all(|byte| byte.is_ascii_alphanumeric()));
            prop_assert!(above.as_ref().is_none_or(|above| *above < rank) && below.as_ref().is_none_or(|below| rank < *below));
            let longest = above.map_or(0, |above| above.len()).max(below.map_or(0, |below| below.len()));
            prop_assert!(rank.len() <= longest.max(STEP_DIGITS as usize - 1) + 1);
        }

        #[test]
        fn there_is_always_a_rank_between_neighbours(drops in prop::collection::vec(0usize..=1000, 1..300)) {
            let mut column: Vec<String> = Vec::new();
            for drop in drops {
                let at = drop % (column.len() + 1);
                let rank = between(at.checked_sub(1).map(|above| column[above].as_str()), column.get(at).map(String::as_str));
                prop_assert!(!rank.ends_with('0'));
                if at > 0 { prop_assert!(column[at - 1] < rank); }
                if at < column.len() { prop_assert!(rank < column[at]); }
                column.insert(at, rank);
            }
        }
    }
}
