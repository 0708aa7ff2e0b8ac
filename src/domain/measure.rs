//! The measure of a goal, project or key result, and how its values are written.

use std::fmt;

use crate::domain::error::{Problem, Result};

/// The measure of a goal, project or key result.
#[derive(Clone, Copy, Debug, PartialEq, Eq, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "kebab-case")]
pub(crate) enum Measure {
    /// 50 of the 100 tables.
    Count,
    /// 10 % of the customers.
    Share,
    /// The framework is production ready.
    YesNo,
}

impl Measure {
    pub(crate) const ALL: [Self; 3] = [Self::Count, Self::Share, Self::YesNo];

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Count => "count",
            Self::Share => "share",
            Self::YesNo => "yes-no",
        }
    }

    /// The label in forms.
    pub(crate) fn text(self) -> &'static str {
        match self {
            Self::Count => "Number",
            Self::Share => "Percentage",
            Self::YesNo => "Yes–no",
        }
    }

    /// Checks a value entered manually: at most 100 for a percentage, at most 1 for yes–no.
    ///
    /// # Errors
    /// `Invalid` on the field `manual_value`.
    pub(crate) fn check_manual_value(self, manual_value: Option<i64>) -> Result<()> {
        let most = match self {
            Self::Count => 1_000_000_000,
            Self::Share => 100,
            Self::YesNo => 1,
        };
        match manual_value {
            Some(manual_value) if !(0..=most).contains(&manual_value) => Err(Problem::field(
                "manual_value",
                format!("Enter a whole number from 0 to {most}."),
            )),
            _ => Ok(()),
        }
    }

    /// A value entered manually: `31`, `31 %`, `done`.
    pub(crate) fn format_value(self, value: i64) -> String {
        match self {
            Self::Count => value.to_string(),
            Self::Share => format!("{value} %"),
            Self::YesNo => self.figure(value, 1),
        }
    }

    /// A value with its target: `31 / 50`, `4 / 10 %`, `not done`.
    pub(crate) fn figure(self, current: i64, target: i64) -> String {
        match self {
            Self::Count => format!("{current} / {target}"),
            Self::Share => format!("{current} / {target} %"),
            Self::YesNo => (if current >= target {
                "done"
            } else {
                "not done"
            })
            .to_owned(),
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
            .ok_or_else(|| {
                Problem::field("measure", "Choose a type: number, percentage, or yes–no.")
            })
    }
}

/// A part of a whole in percent, 0 to 100.
pub(crate) fn part(of: i64, whole: i64) -> i64 {
    if whole <= 0 {
        0
    } else {
        (of.saturating_mul(100) / whole).clamp(0, 100)
    }
}
