//! Sprints: consecutive periods that all teams share.

pub mod cadence;
pub mod queries;
pub mod schedule;

use serde::Serialize;
use time::{Date, Duration};
use uuid::Uuid;

use crate::domain::{humanize, teams::roster::Week};

/// The state of a sprint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, sqlx::Type)]
#[serde(rename_all = "lowercase")]
#[sqlx(type_name = "text", rename_all = "kebab-case")]
pub(crate) enum SprintState {
    Planned,
    Active,
    /// Its last day has passed, and some team has yet to close it.
    Ended,
    Closed,
}

impl SprintState {
    /// The word on screen.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Planned => "planned",
            Self::Active => "active",
            Self::Ended => "ended",
            Self::Closed => "closed",
        }
    }
}

/// A sprint; all teams share its dates.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, sqlx::FromRow, utoipa::ToSchema)]
pub struct Sprint {
    #[serde(skip)]
    pub id: Uuid,
    /// The number, counted over all sprints of the workspace.
    #[schema(example = 42)]
    pub number: i32,
    /// The name.
    #[schema(example = "Sprint 42")]
    pub(crate) name: String,
    /// The first day.
    #[serde(serialize_with = "crate::domain::dates::iso")]
    #[schema(example = "2026-11-16")]
    pub(crate) starts_on: Date,
    /// The last day.
    #[serde(serialize_with = "crate::domain::dates::iso")]
    #[schema(example = "2026-11-29")]
    pub(crate) ends_on: Date,
    /// `planned` before its first day, `active` until its last day, `ended` after that while some
    /// team has yet to close it, and then `closed`.
    #[schema(value_type = String, example = "active")]
    pub(crate) state: SprintState,
}

impl Sprint {
    pub(crate) fn is_planned(&self) -> bool {
        self.state == SprintState::Planned
    }

    pub(crate) fn is_active(&self) -> bool {
        self.state == SprintState::Active
    }

    pub(crate) fn is_ended(&self) -> bool {
        self.state == SprintState::Ended
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.state == SprintState::Closed
    }

    /// Whether a team may still be planning it: before it starts, and in its first four days.
    pub(crate) fn is_being_planned(&self, today: Date) -> bool {
        const FIRST_DAYS: i64 = 4;
        today - self.starts_on < Duration::days(FIRST_DAYS)
    }

    /// `16 – 27 Nov`: from its first to its last working day.
    pub(crate) fn span(&self) -> String {
        let days = self.working_days(&Week::beginning(self.starts_on));
        match (days.first(), days.last()) {
            (Some(first), Some(last)) => humanize::span(*first, *last),
            _ => humanize::span(self.starts_on, self.ends_on),
        }
    }

    /// The days of the sprint on which a team works.
    pub(crate) fn working_days(&self, week: &Week) -> Vec<Date> {
        week.working_days(self.starts_on, self.ends_on)
    }

    /// The number of the current working day, from 1; 0 before the sprint, the last after it. A
    /// weekend counts as the day before.
    pub(crate) fn day_number(&self, week: &Week, today: Date) -> usize {
        self.working_days(week)
            .iter()
            .filter(|day| **day <= today)
            .count()
    }

    /// The expected progress in percent: the middle of today among the team's working days.
    pub(crate) fn pace(&self, week: &Week, today: Date) -> i64 {
        let days = self.working_days(week);
        let gone = days.iter().filter(|day| **day < today).count() as i64;
        let half = i64::from(days.contains(&today));
        if today > self.ends_on {
            100
        } else {
            (2 * gone + half) * 50 / (days.len().max(1) as i64)
        }
    }

    /// Today, or the nearest day of the sprint.
    pub(crate) fn nearest(&self, today: Date) -> Date {
        today.max(self.starts_on).min(self.ends_on)
    }

    /// The sprint mark: one dot per working day, at most fifteen.
    pub(crate) fn mark(&self, today: Date) -> Vec<&'static str> {
        let week = Week::beginning(self.starts_on);
        let (day, days) = (
            self.day_number(&week, today),
            self.working_days(&week).len().min(15),
        );
        (1..=days)
            .map(|dot| match dot.cmp(&day) {
                std::cmp::Ordering::Less => "past",
                std::cmp::Ordering::Equal if today <= self.ends_on => "today",
                std::cmp::Ordering::Equal => "past",
                std::cmp::Ordering::Greater => "",
            })
            .collect()
    }

    /// The day after its last.
    pub(crate) fn next_start(&self) -> Date {
        self.ends_on.saturating_add(Duration::days(1))
    }
}

#[cfg(test)]
mod tests {
    use time::macros::date;

    use super::*;

    fn sprint(starts_on: Date, ends_on: Date) -> Sprint {
        Sprint {
            id: Uuid::nil(),
            number: 1,
            name: "Sprint 1".to_owned(),
            starts_on,
            ends_on,
            state: SprintState::Active,
        }
    }

    #[test]
    fn pace_follows_working_days() {
        let sprint = sprint(date!(2026 - 11 - 16), date!(2026 - 11 - 29));
        let week = Week::default();
        assert_eq!(sprint.pace(&week, date!(2026 - 11 - 15)), 0, "before it");
        assert_eq!(
            sprint.pace(&week, date!(2026 - 11 - 16)),
            5,
            "half of the first of ten days"
        );
        assert_eq!(
            sprint.pace(&week, date!(2026 - 11 - 21)),
            50,
            "a Saturday has five days behind it"
        );
        assert_eq!(sprint.pace(&week, date!(2026 - 11 - 24)), 65);
        assert_eq!(sprint.pace(&week, date!(2026 - 11 - 30)), 100);
        let off = Week {
            days_off: vec![date!(2026 - 11 - 18), date!(2026 - 11 - 19)],
            ..week
        };
        assert_eq!(
            sprint.pace(&off, date!(2026 - 11 - 24)),
            56,
            "four and a half of eight days"
        );
    }

    #[test]
    fn pace_over_new_year_with_a_week_from_sunday() {
        let sprint = sprint(date!(2026 - 12 - 27), date!(2027 - 01 - 09));
        let week = Week {
            working_days: vec![7, 1, 2, 3, 4],
            days_off: vec![date!(2026 - 12 - 31)],
            ..Week::default()
        };
        assert_eq!(sprint.working_days(&week).len(), 9);
        assert_eq!(
            sprint.day_number(&week, date!(2027 - 01 - 01)),
            4,
            "a free Friday counts as the day before"
        );
        assert_eq!(
            sprint.pace(&week, date!(2027 - 01 - 03)),
            50,
            "Sunday the fifth of nine"
        );
    }

    #[test]
    fn pace_without_working_days_does_not_divide_by_zero() {
        let sprint = sprint(date!(2026 - 11 - 16), date!(2026 - 11 - 17));
        let off = Week {
            days_off: vec![date!(2026 - 11 - 16), date!(2026 - 11 - 17)],
            ..Week::default()
        };
        assert_eq!(sprint.pace(&off, date!(2026 - 11 - 16)), 0);
    }
}
