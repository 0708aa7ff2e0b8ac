//! What outlives a sprint: projects with their milestones, and a quarter's objectives with their key results.

pub mod edit;
pub mod forecast;
pub mod milestones;
pub mod objectives;
pub mod queries;

use std::fmt;

use crate::domain::error::{Problem, Result};

/// What a goal, a project or a key result measures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Measure {
    /// 50 of the 100 tables.
    Count,
    /// 10 % of the customers.
    Share,
    /// The framework is production ready.
    YesNo,
}

impl Measure {
    pub const ALL: [Self; 3] = [Self::Count, Self::Share, Self::YesNo];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Count => "count",
            Self::Share => "share",
            Self::YesNo => "yes-no",
        }
    }

    /// As a form names it.
    pub fn words(self) -> &'static str {
        match self {
            Self::Count => "a count",
            Self::Share => "a share in %",
            Self::YesNo => "yes or no",
        }
    }

    /// Checks a figure that is typed in: a share has no more than all of it, and yes is one.
    ///
    /// # Errors
    /// `Invalid` on the field `typed`.
    pub fn check_typed(self, typed: Option<i64>) -> Result<()> {
        let most = match self {
            Self::Count => 1_000_000_000,
            Self::Share => 100,
            Self::YesNo => 1,
        };
        match typed {
            Some(typed) if !(0..=most).contains(&typed) => Err(Problem::field(
                "typed",
                format!("This is a whole number from 0 to {most}."),
            )),
            _ => Ok(()),
        }
    }

    /// A figure that was typed in: `31`, `31 %`, `yes`.
    pub fn typed(self, value: i64) -> String {
        match self {
            Self::Count => value.to_string(),
            Self::Share => format!("{value} %"),
            Self::YesNo => self.figure(value, 1),
        }
    }

    /// A figure beside its target: `31 / 50`, `4 / 10 %`, `not yet`.
    pub fn figure(self, current: i64, target: i64) -> String {
        match self {
            Self::Count => format!("{current} / {target}"),
            Self::Share => format!("{current} / {target} %"),
            Self::YesNo => (if current >= target { "yes" } else { "not yet" }).to_owned(),
        }
    }
}

impl fmt::Display for Measure {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str(self.as_str())
    }
}

impl TryFrom<String> for Measure {
    type Error = Problem;

    fn try_from(text: String) -> Result<Self> {
        Self::ALL
            .into_iter()
            .find(|measure| measure.as_str() == text)
            .ok_or_else(|| Problem::field("measure", "A goal is a count, a share, or yes or no."))
    }
}

/// A part of a whole in hundredths, 0 to 100.
pub fn part(of: i64, whole: i64) -> i64 {
    if whole <= 0 {
        0
    } else {
        (of.saturating_mul(100) / whole).clamp(0, 100)
    }
}

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
