//! What time it is. Everything asks here, so that tests can set it.

use std::sync::{Arc, Mutex};

use jiff::{Timestamp, tz::TimeZone};
use time::{Date, Duration, OffsetDateTime};

/// A clock that follows the machine's, or stands where a test put it.
#[derive(Clone, Default)]
pub struct Clock {
    set: Option<Arc<Mutex<OffsetDateTime>>>,
}

impl Clock {
    /// A clock that stands still until it is moved.
    pub fn standing(at: OffsetDateTime) -> Self {
        Self { set: Some(Arc::new(Mutex::new(at))) }
    }

    /// The instant, in UTC, cut to microseconds: that is what Postgres keeps.
    pub fn now(&self) -> OffsetDateTime {
        let now = match &self.set {
            Some(set) => *set.lock().unwrap_or_else(|poisoned| poisoned.into_inner()),
            None => system_now(),
        };
        now.replace_microsecond(now.microsecond()).unwrap_or(now)
    }

    /// Moves a standing clock on. One that follows the machine is left alone.
    pub fn advance(&self, by: Duration) {
        if let Some(set) = &self.set {
            *set.lock().unwrap_or_else(|poisoned| poisoned.into_inner()) += by;
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "this is the one place that reads the machine's clock")]
fn system_now() -> OffsetDateTime {
    OffsetDateTime::now_utc()
}

/// The day that `at` falls on in an IANA time zone; an unknown zone counts as UTC.
pub fn day_in(at: OffsetDateTime, zone: &str) -> Date {
    civil(at, zone).0
}

/// Day, hour and minute of `at` in an IANA time zone.
pub fn civil(at: OffsetDateTime, zone: &str) -> (Date, u8, u8) {
    let zone = TimeZone::get(zone).unwrap_or(TimeZone::UTC);
    let there = Timestamp::from_second(at.unix_timestamp()).unwrap_or_default().to_zoned(zone);
    let month = time::Month::try_from(there.month() as u8).unwrap_or(time::Month::January);
    let day = Date::from_calendar_date(i32::from(there.year()), month, there.day() as u8).unwrap_or(at.date());
    (day, there.hour() as u8, there.minute() as u8)
}

/// The instant at which a day begins in an IANA time zone; where its midnight is left out, the first that there is.
pub fn start_of(day: Date, zone: &str) -> OffsetDateTime {
    let zone = TimeZone::get(zone).unwrap_or(TimeZone::UTC);
    let (year, month, of_month) = day.to_calendar_date();
    let there = i16::try_from(year)
        .ok()
        .and_then(|year| jiff::civil::Date::new(year, u8::from(month) as i8, of_month as i8).ok())
        .and_then(|day| day.to_zoned(zone).ok());
    let second =
        there.map_or_else(|| day.midnight().assume_utc().unix_timestamp(), |there| there.timestamp().as_second());
    OffsetDateTime::from_unix_timestamp(second).unwrap_or_else(|_| day.midnight().assume_utc())
}

/// Whether `zone` is a time zone that the IANA database knows.
pub fn is_zone(zone: &str) -> bool {
    TimeZone::get(zone).is_ok()
}
