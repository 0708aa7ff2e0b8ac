//! Ranges of reports between two dates, which may lie before the first sprint: imported work does.

use time::{Date, Duration};

use crate::domain::{
    dates::parse_date,
    error::{Problem, Result},
    humanize,
    sprints::Sprint,
};

/// The most days between two dates, because the cost of a page grows with the events in its range.
const MOST_DAYS: i64 = 731;
/// Longer ranges count what was done by month instead of by week.
const MOST_WEEKS: i64 = 13;

/// A part of a range for which finished tasks are counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Period {
    pub(crate) name: String,
    /// The name among few others, and among many.
    pub(crate) label: String,
    pub(crate) short: String,
    pub(crate) starts_on: Date,
    pub(crate) ends_on: Date,
}

impl From<&Sprint> for Period {
    fn from(sprint: &Sprint) -> Self {
        Self {
            name: sprint.name.clone(),
            label: format!("Sprint {}", sprint.number),
            short: sprint.number.to_string(),
            starts_on: sprint.starts_on,
            ends_on: sprint.ends_on,
        }
    }
}

/// The first and the last day of a range, if one of its ends is a date; the other may be a sprint,
/// or be left out.
///
/// # Errors
/// `Invalid` for an end that is neither, and for a range that ends before it starts, has not
/// started, or is too long.
pub(crate) fn days(
    (from, to): (&str, &str),
    sprints: &[Sprint],
    today: Date,
) -> Result<Option<(Date, Date)>> {
    let (from, to) = (from.trim(), to.trim());
    if parse_date(from).is_none() && parse_date(to).is_none() {
        return Ok(None);
    }
    let day = |field: &'static str, text: &str, of: fn(&Sprint) -> Date| {
        let sprint = || {
            let number: i32 = text.parse().ok()?;
            sprints.iter().find(|sprint| sprint.number == number)
        };
        parse_date(text)
            .or_else(|| sprint().map(of))
            .ok_or_else(|| {
                Problem::field(
                    field,
                    "Enter a day such as 2026-11-24, or a sprint by its number.",
                )
            })
    };
    let last = match to {
        "" => today,
        to => day("to", to, |sprint| sprint.ends_on)?.min(today),
    };
    let first = match from {
        "" => last.saturating_sub(Duration::days(MOST_DAYS - 1)),
        from => day("from", from, |sprint| sprint.starts_on)?,
    };
    if first > today {
        return Err(Problem::field("from", format!("{first} is in the future.")));
    }
    if first > last {
        let message = format!("{first} comes after {last}. Start with the earlier one.");
        return Err(Problem::field("from", message));
    }
    let count = (last - first).whole_days() + 1;
    if count > MOST_DAYS {
        let message = format!("Choose at most two years; this range has {count} days.");
        return Err(Problem::field("from", message));
    }
    Ok(Some((first, last)))
}

/// The weeks or months of a range of days, and what they are called.
pub(crate) fn periods(first: Date, last: Date) -> (Vec<Period>, &'static str) {
    let is_long = (last - first).whole_days() >= 7 * MOST_WEEKS;
    let next = |day: Date| -> Option<Date> {
        if is_long {
            let month = day.replace_day(1).ok()?;
            month.saturating_add(Duration::days(31)).replace_day(1).ok()
        } else {
            day.checked_add(Duration::days(7))
        }
    };
    let starts =
        std::iter::successors(Some(first), |day| next(*day)).take_while(|day| *day <= last);
    let period = |starts_on: Date| {
        let ends_on = next(starts_on).and_then(Date::previous_day);
        let ends_on = ends_on.map_or(last, |day| day.min(last));
        let (name, label, short) = if is_long {
            let month = starts_on.month().to_string();
            let short = month.get(..3).unwrap_or(&month).to_owned();
            let label = format!("{short} {}", starts_on.year());
            (label.clone(), label, short)
        } else {
            let day = humanize::date(starts_on);
            (format!("Week of {day}"), day.clone(), day)
        };
        Period {
            name,
            label,
            short,
            starts_on,
            ends_on,
        }
    };
    let unit = if is_long { "month" } else { "week" };
    (starts.map(period).collect(), unit)
}

#[cfg(test)]
mod tests {
    use time::macros::date;

    use super::*;

    fn of(from: &str, to: &str) -> Result<Option<(Date, Date)>> {
        days((from, to), &[], date!(2026 - 11 - 24))
    }

    #[test]
    fn range_is_between_two_days() {
        let (first, last) = (date!(2023 - 01 - 03), date!(2023 - 06 - 30));
        assert_eq!(of("2023-01-03", "2023-06-30").unwrap(), Some((first, last)));
        assert_eq!(of("39", "42").unwrap(), None);
        assert_eq!(of("", "").unwrap(), None);
        let today = date!(2026 - 11 - 24);
        assert_eq!(of("2026-01-01", "").unwrap().unwrap().1, today);
        assert_eq!(of("2026-01-01", "2027-01-01").unwrap().unwrap().1, today);
        assert_eq!(
            of("", "2023-06-30").unwrap().unwrap().0,
            date!(2021 - 06 - 30)
        );
        let message = |from, to| format!("{}", of(from, to).unwrap_err());
        assert!(message("2023-06-30", "2023-01-03").contains("comes after 2023-01-03"));
        assert!(message("2027-01-01", "").contains("2027-01-01 is in the future"));
        assert!(message("2020-01-01", "2023-06-30").contains("at most two years"));
        assert!(message("2023-06-30", "x").contains("Enter a day such as"));
        assert!(message("7", "2023-06-30").contains("or a sprint by its number"));
    }

    #[test]
    fn short_ranges_count_by_week_and_long_ones_by_month() {
        let (weeks, unit) = periods(date!(2023 - 01 - 03), date!(2023 - 01 - 20));
        assert_eq!((weeks.len(), unit), (3, "week"));
        assert_eq!(weeks[2].ends_on, date!(2023 - 01 - 20));
        let (months, unit) = periods(date!(2023 - 01 - 31), date!(2023 - 06 - 02));
        assert_eq!((months.len(), unit), (6, "month"));
        assert_eq!(months[1].starts_on, date!(2023 - 02 - 01));
        assert_eq!(
            (months[1].ends_on, months[1].label.as_str()),
            (date!(2023 - 02 - 28), "Feb 2023")
        );
    }
}
