//! Scheduled backups: when the next one is due, which old ones are deleted, and how the last one went.

use std::{
    collections::BTreeSet,
    fmt,
    str::FromStr,
    sync::{Mutex, MutexGuard, PoisonError},
};

use anyhow::bail;
use sqlx::{Connection, Executor, postgres::PgConnectOptions};
use time::{Duration, OffsetDateTime};
use tracing::{Instrument, info_span};

use crate::db::{
    backup::{
        create,
        manifest::FileList,
        place::{Place, Stored, name_at},
    },
    file_store::FileStore,
    libpq::Libpq,
    pool::connect,
};

/// After a failure, the time until the next attempt.
const AGAIN_AFTER: Duration = Duration::minutes(10);

/// The advisory lock that a program holds while it makes a backup, so that of several only one does.
pub const LOCK: i64 = 0x666f_7274_6261_636b;

/// Lets Postgres notice within a minute that the machine of the lock's holder has vanished, which closes no connection.
const NOTICE_DEATH: &str =
    "SET tcp_keepalives_idle = 20; SET tcp_keepalives_interval = 10; SET tcp_keepalives_count = 4";

/// When and where backups are made.
#[derive(Clone, Debug)]
pub struct Schedule {
    /// The attached files, which are in every backup.
    pub files: FileStore,
    pub place: Place,
    pub every: Every,
    pub keep: Keep,
    pub libpq: Libpq,
    /// The database, past any pooler.
    pub direct: PgConnectOptions,
}

/// The time between two backups.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Every(Duration);

impl FromStr for Every {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> anyhow::Result<Self> {
        let hours = match number_and_unit(text) {
            Some((hours, 'h')) => hours,
            Some((days, 'd')) => days * 24,
            Some((weeks, 'w')) => weeks * 24 * 7,
            _ => bail!("expected hours, days or weeks, such as 12h, 1d or 2w"),
        };
        Ok(Self(Duration::hours(i64::from(hours))))
    }
}

impl Every {
    /// The time between two backups.
    pub(crate) fn time(self) -> Duration {
        self.0
    }
}

impl fmt::Display for Every {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.whole_hours() {
            1 => f.write_str("every hour"),
            24 => f.write_str("every day"),
            168 => f.write_str("every week"),
            hours if hours % 24 == 0 => write!(f, "every {} days", hours / 24),
            hours => write!(f, "every {hours} hours"),
        }
    }
}

/// How many backups are kept: the newest of each of the last days, weeks and months that have one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Keep {
    days: usize,
    weeks: usize,
    months: usize,
}

impl FromStr for Keep {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> anyhow::Result<Self> {
        let mut keep = Self::default();
        for part in text.split(',') {
            match number_and_unit(part.trim()) {
                Some((days, 'd')) => keep.days = days as usize,
                Some((weeks, 'w')) => keep.weeks = weeks as usize,
                Some((months, 'm')) => keep.months = months as usize,
                _ => bail!("expected numbers of days, weeks and months, such as 7d,4w,6m"),
            }
        }
        Ok(keep)
    }
}

/// `12h` → 12 and `h`; at least 1 and at most 9,999.
fn number_and_unit(text: &str) -> Option<(u32, char)> {
    let unit = text.chars().next_back()?;
    let number = text.strip_suffix(unit)?.parse().ok()?;
    (1..10_000).contains(&number).then_some((number, unit))
}

/// A backup that failed.
#[derive(Clone, Debug)]
pub struct Failure {
    pub at: OffsetDateTime,
    pub reason: String,
}

/// The scheduled backups of this program.
#[derive(Default)]
pub struct Backups {
    schedule: Option<Schedule>,
    state: Mutex<State>,
}

/// What is known of them since the last look.
#[derive(Default)]
struct State {
    stored: Vec<Stored>,
    failure: Option<Failure>,
    /// How many attached files were missing when this program last made one, in a sentence.
    missing: Option<String>,
}

impl Backups {
    pub(crate) fn new(schedule: Option<Schedule>) -> Self {
        Self {
            schedule,
            state: Mutex::default(),
        }
    }

    /// When and where backups are made, if they are.
    pub fn schedule(&self) -> Option<&Schedule> {
        self.schedule.as_ref()
    }

    /// The backups that there were when `run_if_due` last looked, the oldest first. Pages show these: the place may be
    /// far away.
    pub fn stored(&self) -> Vec<Stored> {
        self.lock().stored.clone()
    }

    /// Why the last attempt failed, if it did.
    pub fn failure(&self) -> Option<Failure> {
        self.lock().failure.clone()
    }

    /// How many attached files were missing when this program last made a backup, in a sentence, if any were.
    pub fn missing(&self) -> Option<String> {
        self.lock().missing.clone()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes a backup if one is due, and deletes those that are no longer kept. Returns whether it made one.
    ///
    /// # Errors
    /// Whatever prevents it; `failure` then returns it too.
    pub async fn run_if_due(&self, now: OffsetDateTime) -> anyhow::Result<bool> {
        let Some(schedule) = &self.schedule else {
            return Ok(false);
        };
        if self
            .failure()
            .is_some_and(|failure| now < failure.at + AGAIN_AFTER)
        {
            return Ok(false);
        }
        let outcome = schedule.run_if_due(now).await;
        let mut state = self.lock();
        state.failure = outcome.as_ref().err().map(|error| Failure {
            at: now,
            reason: format!("{error:#}"),
        });
        let (made, stored) = outcome?;
        state.stored = stored;
        let Some(files) = &made else {
            return Ok(false);
        };
        state.missing = files.shortfall();
        Ok(true)
    }
}

/// The files of a backup that was made, and all backups.
type Outcome = (Option<FileList>, Vec<Stored>);

impl Schedule {
    /// Returns the files of the one that it made, if it did, and all that there are then.
    async fn run_if_due(&self, now: OffsetDateTime) -> anyhow::Result<Outcome> {
        self.place.prepare()?;
        let stored = self.place.stored().await?;
        if !self.is_due(&stored, now) {
            return Ok((None, stored));
        }
        // A connection of its own holds the lock, until it is closed or its program has died.
        let mut connection = connect(&self.direct).await?;
        connection.execute(NOTICE_DEATH).await?;
        let is_ours: bool = sqlx::query_scalar("SELECT pg_try_advisory_lock($1)")
            .bind(LOCK)
            .fetch_one(&mut connection)
            .await?;
        if !is_ours {
            return Ok((None, stored));
        }
        let outcome = self.run(now).await;
        // If this fails, the lock is gone too.
        let _ = connection.close().await;
        outcome
    }

    /// Whether the newest one is old enough. A file from the future, written by a wrong clock, does not postpone the next
    /// one for ever.
    fn is_due(&self, stored: &[Stored], now: OffsetDateTime) -> bool {
        let newest = stored.last();
        newest.is_none_or(|newest| newest.at > now || now >= newest.at + self.every.0)
    }

    async fn run(&self, now: OffsetDateTime) -> anyhow::Result<Outcome> {
        // Another program may have made it before this one got the lock.
        let stored = self.place.stored().await?;
        if !self.is_due(&stored, now) {
            return Ok((None, stored));
        }
        // The advisory lock ensures that no other program is writing one now.
        self.place.remove_unfinished()?;
        let target = self.place.target(&name_at(now)?);
        let span = info_span!("job", otel.name = "backup", otel.kind = "internal");
        let backup = create::backup(&self.direct, &self.libpq, target, Some(&self.files), now);
        let backup = backup.instrument(span).await?;
        let mut stored = self.place.stored().await?;
        let all = stored.clone();
        for old in all.iter().filter(|old| !self.keep.keeps(old, &all)) {
            self.place.delete(&old.name).await?;
        }
        stored.retain(|one| self.keep.keeps(one, &all));
        Ok((Some(backup.manifest.files.unwrap_or_default()), stored))
    }
}

impl Keep {
    /// Whether a backup is kept, of all these, the oldest first. The newest always is.
    fn keeps(&self, one: &Stored, all: &[Stored]) -> bool {
        let is_last_of = |count: usize, period: &dyn Fn(&Stored) -> (i32, u16)| {
            let own = period(one);
            let newer = all.iter().filter(|other| other.at > one.at).map(period);
            let newer: BTreeSet<_> = newer.collect();
            !newer.contains(&own) && newer.len() < count
        };
        all.last() == Some(one)
            || is_last_of(self.days, &|stored| (stored.at.year(), stored.at.ordinal()))
            || is_last_of(self.weeks, &|stored| {
                let (year, week, _) = stored.at.to_iso_week_date();
                (year, u16::from(week))
            })
            || is_last_of(self.months, &|stored| {
                (stored.at.year(), u16::from(u8::from(stored.at.month())))
            })
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn newest_of_each_day_week_and_month_is_kept() {
        let keep: Keep = "7d,4w,6m".parse().unwrap();
        let now = datetime!(2026-11-29 20:30 UTC);
        // every six hours of a year
        let mut stored: Vec<Stored> = (0..4 * 365)
            .map(|back| Stored {
                at: now - Duration::hours(6 * back),
                bytes: 0,
                name: String::new(),
            })
            .collect();
        stored.sort();
        let kept: Vec<String> = stored
            .iter()
            .filter(|one| keep.keeps(one, &stored))
            .map(|one| format!("{} {}h", one.at.date(), one.at.hour()))
            .collect();
        assert_eq!(
            kept,
            [
                "2026-06-30 20h",
                "2026-07-31 20h",
                "2026-08-31 20h",
                "2026-09-30 20h",
                "2026-10-31 20h",
                "2026-11-08 20h",
                "2026-11-15 20h",
                "2026-11-22 20h",
                "2026-11-23 20h",
                "2026-11-24 20h",
                "2026-11-25 20h",
                "2026-11-26 20h",
                "2026-11-27 20h",
                "2026-11-28 20h",
                "2026-11-29 20h",
            ]
        );
    }

    #[test]
    fn times_and_numbers_are_checked() {
        let every = |text: &str| text.parse::<Every>().map(|every| every.to_string());
        assert_eq!(every("1d").unwrap(), "every day");
        assert_eq!(every("12h").unwrap(), "every 12 hours");
        assert_eq!(every("2w").unwrap(), "every 14 days");
        for wrong in ["", "d", "0d", "1m", "1 d", "-1d", "99999h", "1ä"] {
            assert!(every(wrong).is_err(), "{wrong}");
        }
        for wrong in ["", "7", "7d;4w", "7x"] {
            assert!(wrong.parse::<Keep>().is_err(), "{wrong}");
        }
        let weeks: Keep = "3w".parse().unwrap();
        assert_eq!((weeks.days, weeks.weeks, weeks.months), (0, 3, 0));
    }
}
