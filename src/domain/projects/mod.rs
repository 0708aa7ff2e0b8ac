//! What outlives a sprint: projects with their milestones, and a quarter's objectives with their key results.

pub mod edit;
pub mod forecast;
pub mod milestones;
pub mod objectives;
pub mod queries;

use crate::domain::measure::Measure;

use crate::domain::error::{Problem, Result};

/// How far something is that nobody typed in: figures of what serves it, of those that are measured as it is. A count
/// adds up; of shares the highest stands, since a share is of everything; yes it is once one of its goals says so.
pub fn added_up(measure: Measure, figures: impl IntoIterator<Item = (Measure, i64)>) -> i64 {
    let alike = figures
        .into_iter()
        .filter(|(other, _)| *other == measure)
        .map(|(_, figure)| figure);
    match measure {
        Measure::Count => alike.fold(0, i64::saturating_add),
        Measure::Share | Measure::YesNo => alike.max().unwrap_or(0),
    }
}

/// Reads what is to be reached from a form's words.
///
/// # Errors
/// `Invalid` beside `target`, when it is no whole number from 1, or a share above 100.
pub fn read_target(measure: Measure, text: &str) -> Result<i64> {
    let wrong = || Problem::field("target", "A target is a whole number from 1.");
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
                "A share is a whole number from 1 to 100.",
            )),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_add_up_and_of_shares_the_highest_stands() {
        let of = |measure, figures: &[i64]| {
            added_up(measure, figures.iter().map(|figure| (measure, *figure)))
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
    fn what_is_measured_otherwise_is_not_added() {
        let figures = [
            (Measure::Count, 31),
            (Measure::Share, 10),
            (Measure::YesNo, 1),
        ];
        assert_eq!(added_up(Measure::Count, figures), 31);
        assert_eq!(added_up(Measure::Share, figures), 10);
    }
}
