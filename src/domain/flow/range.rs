//! The range of sprints or days that reports cover.

use serde::Deserialize;
use time::{Date, Duration, OffsetDateTime};

use crate::domain::{
    clock,
    error::{Problem, Result},
    flow::date_range::{self, Period},
    sprints::Sprint,
};

/// The range in a URL: `?sprints=4`, `?from=39&to=42`, or `?from=2023-01-03&to=2023-06-30`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct RangeParams {
    pub(crate) sprints: String,
    pub(crate) from: String,
    pub(crate) to: String,
}

/// Started sprints, oldest first, and the period from the start of the first to the end of the
/// last, or to now; or a period of its own, which may have no sprints.
#[derive(Clone, Debug)]
pub(crate) struct Range {
    pub(crate) sprints: Vec<Sprint>,
    pub(crate) first: Date,
    pub(crate) last: Date,
    /// The sprints, weeks or months in which finished tasks are counted, and what they are.
    pub(crate) periods: Vec<Period>,
    pub(crate) unit: &'static str,
    pub(crate) since: OffsetDateTime,
    /// The end, excluded.
    pub(crate) until: OffsetDateTime,
    pub(crate) today: Date,
}

/// Maximum number of sprints in a range, half a year of two weeks each, because the cost of a page
/// grows with the events in its range.
pub(crate) const MAX: usize = 13;

impl Range {
    /// Parses the range of a URL. `None` before the first sprint has started.
    ///
    /// # Errors
    /// `Invalid` for an unknown or not started sprint, and for a range that ends before it starts
    /// or is too long.
    pub(crate) fn parse(
        params: &RangeParams,
        sprints: &[Sprint],
        zone: &str,
        now: OffsetDateTime,
    ) -> Result<Option<Self>> {
        let today = clock::day_in(now, zone);
        let mut started: Vec<Sprint> = sprints
            .iter()
            .filter(|sprint| sprint.starts_on <= today)
            .cloned()
            .collect();
        started.sort_by_key(|sprint| sprint.starts_on);
        if let Some((first, last)) = date_range::days((&params.from, &params.to), sprints, today)? {
            started.retain(|sprint| sprint.starts_on <= last && sprint.ends_on >= first);
            let (periods, unit) = date_range::periods(first, last);
            return Ok(Some(Self::between(
                (first, last),
                started,
                (periods, unit),
                (zone, now),
            )));
        }
        let (Some(oldest), Some(newest)) = (started.first(), started.last()) else {
            return Ok(None);
        };
        if !params.from.trim().is_empty() || !params.to.trim().is_empty() {
            let from = named("from", &params.from, oldest.number, sprints, today)?;
            let to = named("to", &params.to, newest.number, sprints, today)?;
            if from.starts_on > to.starts_on {
                let message = format!(
                    "{} comes after {}. Start with the earlier one.",
                    from.name, to.name
                );
                return Err(Problem::field("from", message));
            }
            let (first, last) = (from.starts_on, to.starts_on);
            started.retain(|sprint| (first..=last).contains(&sprint.starts_on));
            if params.from.trim().is_empty() {
                started.drain(..started.len().saturating_sub(MAX));
            }
            if started.len() > MAX {
                let message = format!(
                    "Choose at most {MAX} sprints; this range has {}.",
                    started.len()
                );
                return Err(Problem::field("from", message));
            }
        } else {
            let count = match params.sprints.as_str() {
                "" => 4,
                count => count
                    .parse()
                    .ok()
                    .filter(|count| (1..=MAX).contains(count))
                    .ok_or_else(|| {
                        Problem::field(
                            "sprints",
                            format!("Enter a number of sprints from 1 to {MAX}."),
                        )
                    })?,
            };
            started.drain(..started.len().saturating_sub(count));
        }
        Ok(Self::over(started, zone, now))
    }

    fn over(sprints: Vec<Sprint>, zone: &str, now: OffsetDateTime) -> Option<Self> {
        let (first, last) = (sprints.first()?.starts_on, sprints.last()?.ends_on);
        let periods = sprints.iter().map(Period::from).collect();
        let times = (zone, now);
        Some(Self::between(
            (first, last),
            sprints,
            (periods, "sprint"),
            times,
        ))
    }

    fn between(
        (first, last): (Date, Date),
        sprints: Vec<Sprint>,
        (periods, unit): (Vec<Period>, &'static str),
        (zone, now): (&str, OffsetDateTime),
    ) -> Self {
        let end = clock::instant(last.saturating_add(Duration::days(1)), 0, zone);
        Self {
            sprints,
            first,
            last,
            periods,
            unit,
            since: clock::instant(first, 0, zone),
            // Events of this very instant are included.
            until: end.min(now + Duration::MICROSECOND),
            today: clock::day_in(now, zone),
        }
    }

    /// Every day of the range up to today.
    pub fn days(&self) -> Vec<Date> {
        days_between(self.first, self.last.min(self.today))
    }

    /// Whether the range includes now.
    pub(crate) fn is_open(&self) -> bool {
        self.last >= self.today
    }

    /// The end of each of its days; the last one may be in the future.
    pub(crate) fn ends(&self, zone: &str) -> Vec<OffsetDateTime> {
        ends(&self.days(), zone, self.until)
    }
}

/// The days between two days, both included.
pub(crate) fn days_between(from: Date, to: Date) -> Vec<Date> {
    std::iter::successors(Some(from), |day| day.next_day())
        .take_while(|day| *day <= to)
        .collect()
}

/// The ends of days in a time zone, none later than an instant.
pub(crate) fn ends(days: &[Date], zone: &str, until: OffsetDateTime) -> Vec<OffsetDateTime> {
    days.iter()
        .map(|day| clock::instant(*day, 1440, zone).min(until))
        .collect()
}

fn named<'s>(
    field: &'static str,
    text: &str,
    otherwise: i32,
    sprints: &'s [Sprint],
    today: Date,
) -> Result<&'s Sprint> {
    let text = text.trim();
    let number = if text.is_empty() {
        Ok(otherwise)
    } else {
        text.parse()
    };
    let number =
        number.map_err(|_| Problem::field(field, "Enter a sprint by its number, such as 42."))?;
    let sprint = sprints.iter().find(|sprint| sprint.number == number);
    let sprint =
        sprint.ok_or_else(|| Problem::field(field, format!("There is no sprint {number}.")))?;
    if sprint.starts_on > today {
        return Err(Problem::field(
            field,
            format!("{} has not started yet.", sprint.name),
        ));
    }
    Ok(sprint)
}

#[cfg(test)]
mod tests {
    use time::macros::{date, datetime};
    use uuid::Uuid;

    use super::*;
    use crate::domain::sprints::SprintState;
    use crate::domain::teams::roster::Week;

    fn sprint(number: i32, starts_on: Date) -> Sprint {
        Sprint {
            id: Uuid::nil(),
            number,
            name: format!("Sprint {number}"),
            starts_on,
            ends_on: starts_on + Duration::days(13),
            state: SprintState::Closed,
        }
    }

    fn params(sprints: &str, from: &str, to: &str) -> RangeParams {
        RangeParams {
            sprints: sprints.to_owned(),
            from: from.to_owned(),
            to: to.to_owned(),
        }
    }

    fn lengths(range: &Range, zone: &str) -> Vec<i64> {
        let mut start = range.since;
        range
            .ends(zone)
            .into_iter()
            .map(|end| (end - std::mem::replace(&mut start, end)).whole_hours())
            .collect()
    }

    #[test]
    fn sprint_over_a_dst_change_has_a_25_hour_day() {
        let sprints = [sprint(1, date!(2026 - 10 - 19))];
        let now = datetime!(2026-12-01 12:00 UTC);
        let range = Range::parse(&params("1", "", ""), &sprints, "Europe/Berlin", now)
            .unwrap()
            .unwrap();
        assert_eq!(range.since, datetime!(2026-10-18 22:00 UTC));
        assert_eq!(range.until, datetime!(2026-11-01 23:00 UTC));
        let hours = lengths(&range, "Europe/Berlin");
        assert_eq!(hours.len(), 14);
        assert_eq!(hours.iter().filter(|hours| **hours == 24).count(), 13);
        assert_eq!(hours[6], 25, "25 October");
        let spring = [sprint(1, date!(2026 - 3 - 23))];
        let range = Range::parse(&params("1", "", ""), &spring, "Europe/Berlin", now)
            .unwrap()
            .unwrap();
        assert_eq!(lengths(&range, "Europe/Berlin")[6], 23, "29 March");
    }

    #[test]
    fn sprint_over_new_year_has_all_its_days() {
        let sprints = [sprint(1, date!(2026 - 12 - 21))];
        let now = datetime!(2027-02-01 12:00 UTC);
        let range = Range::parse(&params("1", "", ""), &sprints, "UTC", now)
            .unwrap()
            .unwrap();
        let days = range.days();
        assert_eq!(
            (days.len(), days[11], days[13]),
            (14, date!(2027 - 01 - 01), date!(2027 - 01 - 03))
        );
        assert_eq!(crate::domain::work_time::days(days[0], days[13]), Some(14));
    }

    #[test]
    fn days_start_in_the_teams_time_zone() {
        let sprints = [sprint(1, date!(2026 - 11 - 16))];
        // Still Sunday in Pago Pago, already Monday in Kiritimati.
        let now = datetime!(2026-11-15 10:30 UTC);
        assert!(
            Range::parse(&params("", "", ""), &sprints, "Pacific/Pago_Pago", now)
                .unwrap()
                .is_none()
        );
        let range = Range::parse(&params("", "", ""), &sprints, "Pacific/Kiritimati", now)
            .unwrap()
            .unwrap();
        assert_eq!(range.since, datetime!(2026-11-15 10:00 UTC), "UTC+14");
        assert_eq!(range.days(), [date!(2026 - 11 - 16)]);
        let later = datetime!(2026-12-24 0:00 UTC);
        let range = Range::parse(&params("", "", ""), &sprints, "Pacific/Pago_Pago", later)
            .unwrap()
            .unwrap();
        assert_eq!(range.since, datetime!(2026-11-16 11:00 UTC), "UTC-11");
        assert_eq!(range.until, datetime!(2026-11-30 11:00 UTC));
    }

    #[test]
    fn week_may_start_on_sunday() {
        let sprints = [sprint(1, date!(2026 - 11 - 15))];
        let now = datetime!(2026-12-24 0:00 UTC);
        let range = Range::parse(&params("", "", ""), &sprints, "America/New_York", now)
            .unwrap()
            .unwrap();
        assert_eq!(range.days().len(), 14);
        assert_eq!(range.sprints[0].working_days(&Week::default()).len(), 10);
        assert_eq!(
            range.sprints[0].working_days(&Week::default())[0],
            date!(2026 - 11 - 16)
        );
    }

    #[test]
    fn range_is_a_count_or_two_sprints() {
        let monday = date!(2026 - 09 - 07);
        let sprints: Vec<Sprint> = (0..7)
            .map(|index| sprint(37 + index, monday + Duration::weeks(2 * i64::from(index))))
            .collect();
        let now = datetime!(2026-11-24 10:00 UTC);
        let numbers = |params: RangeParams| -> Result<Vec<i32>> {
            let range = Range::parse(&params, &sprints, "UTC", now)?;
            Ok(range
                .unwrap()
                .sprints
                .iter()
                .map(|sprint| sprint.number)
                .collect())
        };
        assert_eq!(numbers(params("", "", "")).unwrap(), [39, 40, 41, 42]);
        assert_eq!(numbers(params("1", "", "")).unwrap(), [42]);
        assert_eq!(
            numbers(params("13", "", "")).unwrap(),
            [37, 38, 39, 40, 41, 42]
        );
        assert_eq!(numbers(params("1", "38", "39")).unwrap(), [38, 39]);
        assert_eq!(numbers(params("", "41", "")).unwrap(), [41, 42]);
        let long: Vec<Sprint> = (0..20)
            .map(|index| {
                sprint(
                    1 + index,
                    date!(2026 - 01 - 05) + Duration::weeks(2 * i64::from(index)),
                )
            })
            .collect();
        let over = |from: &str, to: &str| Range::parse(&params("", from, to), &long, "UTC", now);
        assert_eq!(over("3", "15").unwrap().unwrap().sprints.len(), 13);
        assert!(
            format!("{}", over("3", "16").unwrap_err())
                .contains("Choose at most 13 sprints; this range has 14.")
        );
        assert_eq!(
            over("", "20").unwrap().unwrap().sprints[0].number,
            8,
            "as many as there may be"
        );
        let message = |params| format!("{}", numbers(params).unwrap_err());
        assert!(message(params("", "42", "41")).contains("Sprint 42 comes after Sprint 41"));
        assert!(message(params("", "", "43")).contains("Sprint 43 has not started yet."));
        assert!(message(params("", "7", "")).contains("There is no sprint 7."));
        assert!(message(params("", "x", "")).contains("by its number"));
        assert!(message(params("0", "", "")).contains("number of sprints"));
        assert!(message(params("14", "", "")).contains("from 1 to 13"));
    }
}
