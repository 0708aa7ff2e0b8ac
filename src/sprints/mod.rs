//! Sprints: the workspace's fortnights, one after the other, and each team's goals in them.

pub mod api;
pub mod cadence;
pub mod queries;

use serde::Serialize;
use time::{Date, Duration, Weekday};
use uuid::Uuid;

use crate::boards::words;

/// A sprint; all teams share its dates.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, sqlx::FromRow)]
pub struct Sprint {
    #[serde(skip)]
    pub id: Uuid,
    pub number: i32,
    pub name: String,
    #[serde(serialize_with = "crate::web::forms::iso")]
    pub starts_on: Date,
    #[serde(serialize_with = "crate::web::forms::iso")]
    pub ends_on: Date,
    /// `planned`, `active` or `closed`.
    pub state: String,
}

impl Sprint {
    /// `16 – 27 Nov`: from its first to its last working day.
    pub fn span(&self) -> String {
        let days = self.working_days();
        match (days.first(), days.last()) {
            (Some(first), Some(last)) => words::span(*first, *last),
            _ => words::span(self.starts_on, self.ends_on),
        }
    }

    /// Mondays to Fridays in it.
    pub fn working_days(&self) -> Vec<Date> {
        let mut days = Vec::new();
        let mut day = self.starts_on;
        while day <= self.ends_on {
            if !matches!(day.weekday(), Weekday::Saturday | Weekday::Sunday) {
                days.push(day);
            }
            match day.next_day() {
                Some(next) => day = next,
                None => break,
            }
        }
        days
    }

    /// Which of its working days this is, from 1; 0 before it, all of them after it. A weekend counts as the Friday.
    pub fn day_number(&self, today: Date) -> usize {
        self.working_days().iter().filter(|day| **day <= today).count()
    }

    /// Where a goal should be by now, in hundredths: the middle of today among its working days.
    pub fn pace(&self, today: Date) -> i64 {
        let (gone, all) = (self.day_number(today) as i64, self.working_days().len().max(1) as i64);
        if today > self.ends_on { 100 } else { ((2 * gone - 1).max(0) * 50 / all).min(100) }
    }

    /// A dot a working day, at most fifteen: the mark.
    pub fn mark(&self, today: Date) -> Vec<&'static str> {
        let (day, days) = (self.day_number(today), self.working_days().len().min(15));
        (1..=days)
            .map(|dot| match dot.cmp(&day) {
                std::cmp::Ordering::Less => "gone",
                std::cmp::Ordering::Equal if today <= self.ends_on => "today",
                std::cmp::Ordering::Equal => "gone",
                std::cmp::Ordering::Greater => "",
            })
            .collect()
    }

    /// The day after its last.
    pub fn next_start(&self) -> Date {
        self.ends_on.saturating_add(Duration::days(1))
    }
}
