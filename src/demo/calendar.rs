//! Maps the working days of the demo's tables to dates relative to today.

use jiff::{Timestamp, civil, tz::TimeZone};
use time::{Date, Duration, OffsetDateTime};

use crate::{
    demo::{content::NOMINAL_TODAY, rng::Chance},
    domain::clock::{civil as civil_in, day_in},
};

/// The workspace's own time zone.
pub(crate) const ZONE: &str = "Europe/Berlin";

/// People work from nine until half past five, where they live.
const BEGIN: i64 = 9 * 60;
const END: i64 = 17 * 60 + 30;

pub(crate) struct Calendar {
    pub(crate) now: OffsetDateTime,
    /// The active sprint's Monday.
    first: Date,
    /// The active sprint's working days that have passed, today as a fraction.
    days_elapsed: f64,
}

impl Calendar {
    /// Today is always in the middle of the active sprint, from its Thursday to its second Wednesday:
    /// there is something to look back on, and a few working days are left.
    pub(crate) fn new(now: OffsetDateTime) -> Self {
        let (today, hour, minute) = civil_in(now, ZONE);
        let weekday = i64::from(today.weekday().number_days_from_monday());
        let weeks_elapsed = i64::from(weekday < 3);
        let first = today.saturating_sub(Duration::days(weekday + 7 * weeks_elapsed));
        let minutes = i64::from(hour) * 60 + i64::from(minute);
        let of_today = if weekday < 5 {
            ((minutes - BEGIN) as f64 / (END - BEGIN) as f64).clamp(0.0, 1.0)
        } else {
            0.0
        };
        Self {
            now,
            first,
            days_elapsed: (5 * weeks_elapsed + weekday.min(5)) as f64 + of_today,
        }
    }

    /// The Monday of a sprint; the active one is 0.
    pub(crate) fn monday(&self, sprint: i32) -> Date {
        self.first
            .saturating_add(Duration::weeks(2 * i64::from(sprint)))
    }

    /// A working day of a sprint.
    pub(crate) fn day(&self, sprint: i32, working_day: i64) -> Date {
        self.monday(sprint).saturating_add(Duration::days(
            working_day.div_euclid(5) * 7 + working_day.rem_euclid(5),
        ))
    }

    /// Converts a time in a sprint's table of tasks to working days since the active sprint began. Times in the active
    /// sprint are scaled so that `NOMINAL_TODAY` is today.
    pub(crate) fn clock(&self, sprint: i32, time: f64) -> f64 {
        let time = f64::from(sprint.min(0)) * 10.0 + time;
        if time > 0.0 {
            time * self.days_elapsed / NOMINAL_TODAY
        } else {
            time
        }
    }

    /// Converts `clock`, in working days since the active sprint began, to a moment in a person's working hours: after
    /// what they did `last`, and before now.
    pub(crate) fn instant(
        &self,
        clock: f64,
        zone: &TimeZone,
        last: Option<OffsetDateTime>,
        rng: &mut Chance,
    ) -> OffsetDateTime {
        let minutes = BEGIN + (clock.rem_euclid(1.0) * (END - BEGIN) as f64) as i64;
        let scheduled =
            at_minute(self.day(0, clock.floor() as i64), minutes, zone) + scatter(rng, 14);
        let earliest = last.map(|last| last + Duration::minutes(2) + scatter(rng, 25));
        let at = earliest.map_or(scheduled, |earliest| earliest.max(scheduled));
        let at = in_working_hours(at, zone, true, rng);
        if at < self.now {
            return at;
        }
        // In their time zone that is still to come: it was in the past hour, or at the end of their day before. If they
        // did the last thing later than that, it was some time since, whatever the hour.
        let at = in_working_hours(
            self.now - Duration::minutes(1) - scatter(rng, 50),
            zone,
            false,
            rng,
        );
        match last {
            Some(last) if at <= last => whole_micros(last + (self.now - last) / 3),
            _ => at,
        }
    }
}

fn scatter(rng: &mut Chance, minutes: i64) -> Duration {
    Duration::milliseconds(rng.between(0, minutes * 60_000))
}

/// `at` itself if it is in working hours; otherwise a moment early in the next working day, or without `later`, late in
/// the one before.
fn in_working_hours(
    at: OffsetDateTime,
    zone: &TimeZone,
    later: bool,
    rng: &mut Chance,
) -> OffsetDateTime {
    let there = Timestamp::from_second(at.unix_timestamp())
        .unwrap_or_default()
        .to_zoned(zone.clone());
    let name = zone.iana_name().unwrap_or(ZONE);
    let (mut day, minute) = (
        day_in(at, name),
        i64::from(there.hour()) * 60 + i64::from(there.minute()),
    );
    let weekend = |day: Date| day.weekday().number_days_from_monday() > 4;
    if !weekend(day) && (BEGIN..END).contains(&minute) {
        return at;
    }
    let next_day = if later {
        weekend(day) || minute >= END
    } else {
        weekend(day) || minute < BEGIN
    };
    if next_day {
        let step = Duration::days(if later { 1 } else { -1 });
        day += step;
        while weekend(day) {
            day += step;
        }
    }
    if later {
        at_minute(day, BEGIN, zone) + scatter(rng, 30)
    } else {
        at_minute(day, END, zone) - scatter(rng, 90)
    }
}

/// A minute of a day as people there have it on their clocks.
fn at_minute(day: Date, minute: i64, zone: &TimeZone) -> OffsetDateTime {
    let (hour, minute) = ((minute / 60).clamp(0, 23) as i8, (minute % 60) as i8);
    let there = civil::date(
        day.year() as i16,
        u8::from(day.month()) as i8,
        day.day() as i8,
    )
    .at(hour, minute, 0, 0);
    let second = there
        .to_zoned(zone.clone())
        .map_or(0, |there| there.timestamp().as_second());
    OffsetDateTime::from_unix_timestamp(second).unwrap_or(OffsetDateTime::UNIX_EPOCH)
}

/// Cuts to microseconds, the precision of Postgres.
pub(crate) fn whole_micros(at: OffsetDateTime) -> OffsetDateTime {
    at.replace_microsecond(at.microsecond()).unwrap_or(at)
}
