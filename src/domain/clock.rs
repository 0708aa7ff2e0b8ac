//! The current time. Everything asks this clock, so that tests can set it.

use std::sync::{Arc, Mutex};

use jiff::{Timestamp, tz::TimeZone};
use time::{Date, Duration, OffsetDateTime};

/// A clock that follows the system clock, or stands still in tests.
#[derive(Clone, Default)]
pub struct Clock {
    set: Option<Arc<Mutex<OffsetDateTime>>>,
}

impl Clock {
    /// A clock that stands still until it is advanced.
    pub fn standing(at: OffsetDateTime) -> Self {
        Self {
            set: Some(Arc::new(Mutex::new(at))),
        }
    }

    /// The current time in UTC, truncated to microseconds, which is the precision of Postgres.
    pub fn now(&self) -> OffsetDateTime {
        let now = match &self.set {
            Some(set) => *set.lock().unwrap_or_else(|poisoned| poisoned.into_inner()),
            None => system_now(),
        };
        now.replace_microsecond(now.microsecond()).unwrap_or(now)
    }

    /// Advances a standing clock; does nothing to one that follows the system.
    pub fn advance(&self, by: Duration) {
        if let Some(set) = &self.set {
            *set.lock().unwrap_or_else(|poisoned| poisoned.into_inner()) += by;
        }
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "this is the one place that reads the machine's clock"
)]
fn system_now() -> OffsetDateTime {
    OffsetDateTime::now_utc()
}

/// The day that `at` falls on in an IANA time zone; an unknown zone counts as UTC.
pub fn day_in(at: OffsetDateTime, zone: &str) -> Date {
    civil(at, zone).0
}

/// Day, hour and minute of `at` in an IANA time zone.
pub(crate) fn civil(at: OffsetDateTime, zone: &str) -> (Date, u8, u8) {
    let zone = TimeZone::get(zone).unwrap_or(TimeZone::UTC);
    let there = Timestamp::from_second(at.unix_timestamp())
        .unwrap_or_default()
        .to_zoned(zone);
    let month = time::Month::try_from(there.month() as u8).unwrap_or(time::Month::January);
    let day = Date::from_calendar_date(i32::from(there.year()), month, there.day() as u8)
        .unwrap_or(at.date());
    (day, there.hour() as u8, there.minute() as u8)
}

/// The instant at which a minute of a day starts in an IANA time zone; if clocks skip it, the next
/// one.
pub(crate) fn instant(day: Date, minute: i16, zone: &str) -> OffsetDateTime {
    let zone = TimeZone::get(zone).unwrap_or(TimeZone::UTC);
    let midnight = jiff::civil::Date::new(
        day.year() as i16,
        u8::from(day.month()) as i8,
        day.day() as i8,
    );
    // 24:00 is the start of the next day.
    let wall = midnight.and_then(|midnight| {
        let days = i32::from(minute.div_euclid(1440));
        let minute = minute.rem_euclid(1440);
        let day = midnight.checked_add(jiff::Span::new().days(days))?;
        Ok(day.at((minute / 60) as i8, (minute % 60) as i8, 0, 0))
    });
    let second = wall
        .and_then(|wall| wall.to_zoned(zone))
        .map_or(0, |there| there.timestamp().as_second());
    OffsetDateTime::from_unix_timestamp(second).unwrap_or(OffsetDateTime::UNIX_EPOCH)
}

/// Whether `zone` is in the IANA time zone database.
pub(crate) fn is_zone(zone: &str) -> bool {
    TimeZone::get(zone).is_ok()
}
