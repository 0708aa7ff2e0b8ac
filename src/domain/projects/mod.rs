//! Work that spans sprints: projects with their milestones, and quarterly objectives with their key
//! results.

pub mod edit;
pub mod forecast;
pub mod milestones;
pub mod objectives;
pub mod queries;

use crate::domain::{
    error::{Problem, Result},
    measure::Measure,
};

/// Progress without a manual value: combines the goals that contribute, of those with the same
/// measure. Numbers are added; of percentages the highest counts, because each is a percentage of
/// the whole; yes–no is yes if any goal is.
pub(crate) fn combined_progress(
    measure: Measure,
    figures: impl IntoIterator<Item = (Measure, i64)>,
) -> i64 {
    let alike = figures
        .into_iter()
        .filter(|(other, _)| *other == measure)
        .map(|(_, figure)| figure);
    match measure {
        Measure::Count => alike.fold(0, i64::saturating_add),
        Measure::Share | Measure::YesNo => alike.max().unwrap_or(0),
    }
}

/// Parses a target from a form.
///
/// # Errors
/// `Invalid` on `target` unless it is a whole number of 1 or more, and at most 100 for percentages.
pub(crate) fn read_target(measure: Measure, text: &str) -> Result<i64> {
    let wrong = || Problem::field("target", "Enter a target: a whole number of 1 or more.");
    match measure {
        Measure::YesNo => Ok(1),
        Measure::Count => text
            .trim()
            .parse()
            .ok()
            .filter(|target| *target > 0)
            .ok_or_else(wrong),
        Measure::Share => match text.trim().parse().map_err(|_| wrong())? {
            share @ 1..=100 => Ok(share),
            _ => Err(Problem::field(
                "target",
                "Enter a percentage: a whole number from 1 to 100.",
            )),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_add_up_and_the_highest_percentage_counts() {
        let of = |measure, figures: &[i64]| {
            combined_progress(measure, figures.iter().map(|figure| (measure, *figure)))
        };
        assert_eq!(of(Measure::Count, &[31, 12]), 43);
        assert_eq!(of(Measure::Share, &[4, 10, 7]), 10);
        assert_eq!(of(Measure::YesNo, &[0, 1]), 1);
        assert_eq!(of(Measure::Count, &[]), 0);
        assert_eq!(
            of(Measure::Count, &[i64::MAX, 1]),
            i64::MAX,
            "it stops at the end of numbers"
        );
    }

    #[test]
    fn other_measures_are_not_combined() {
        let figures = [
            (Measure::Count, 31),
            (Measure::Share, 10),
            (Measure::YesNo, 1),
        ];
        assert_eq!(combined_progress(Measure::Count, figures), 31);
        assert_eq!(combined_progress(Measure::Share, figures), 10);
    }
}
