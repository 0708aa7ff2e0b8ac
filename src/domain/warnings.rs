//! What an operator should know of, with what to do about it.

use std::{io, path::Path};

use time::{Duration, OffsetDateTime};

use crate::{
    db::{
        backup::{place::Place, schedule::Backups},
        status::DatabaseStatus,
    },
    domain::humanize,
};

/// Postgres 15 is the oldest version that the tests run with.
pub(crate) const OLDEST_POSTGRES: u32 = 15;

/// Autovacuum freezes rows from 200,000,000 on; at 2,000,000,000 Postgres refuses to write.
const FROZEN_AGE: i64 = 1_000_000_000;

/// A difference between two clocks from which on times in the product look wrong.
const CLOCK_DIFFERENCE: Duration = Duration::seconds(5);

/// Disk space below which a warning is given, in bytes.
const FREE_DISK: u64 = 1_000_000_000;

/// What is wrong, and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    pub what: String,
    pub remedy: &'static str,
}

fn warning(what: impl Into<String>, remedy: &'static str) -> Warning {
    Warning {
        what: what.into(),
        remedy,
    }
}

/// What is wrong with the database. `now` is the time on this machine.
pub(crate) fn of_database(status: &DatabaseStatus, now: OffsetDateTime) -> Vec<Warning> {
    let mut found = Vec::new();
    let major = status
        .version
        .split('.')
        .next()
        .and_then(|major| major.parse().ok());
    if major.is_some_and(|major: u32| major < OLDEST_POSTGRES) {
        found.push(warning(
            format!("Postgres {} is too old.", status.version),
            "Upgrade it to version 15 or newer.",
        ));
    }
    if !status.is_writable {
        found.push(warning(
            "The database is read-only.",
            "Point --database-url at the primary, or promote this standby.",
        ));
    }
    if status.frozen_age > FROZEN_AGE {
        found.push(warning(
            format!(
                "The oldest rows are {} million transactions old. Postgres stops at 2,000 million.",
                status.frozen_age / 1_000_000
            ),
            "Run vacuumdb --freeze on the database, and find out what holds autovacuum back: often a transaction that \
             was left open, or a replication slot without a reader.",
        ));
    }
    if status.connections * 10 >= status.max_connections * 9 {
        found.push(warning(
            format!(
                "{} of the database's {} connections are in use.",
                status.connections, status.max_connections
            ),
            "Raise max_connections, or put PgBouncer in between.",
        ));
    }
    let difference = (now - status.now).abs();
    if difference > CLOCK_DIFFERENCE {
        found.push(warning(
            format!(
                "The clocks of this machine and of the database differ by {}.",
                humanize::counted(difference.whole_seconds(), "second")
            ),
            "Turn on time synchronization (NTP) on both.",
        ));
    }
    found
}

/// What is wrong with the scheduled backups. `stored` are those in their folder, the oldest first.
pub(crate) fn of_backups(backups: &Backups, now: OffsetDateTime) -> Vec<Warning> {
    let Some(schedule) = backups.schedule() else {
        return vec![warning(
            "No backups are scheduled.",
            "Start Fortnight with --backup-to DIRECTORY, on another disk than the database, or --backup-to s3://BUCKET/PREFIX.",
        )];
    };
    if let Some(failure) = backups.failure() {
        return vec![warning(
            format!(
                "The backup {} failed: {}.",
                humanize::ago(now, failure.at),
                failure.reason
            ),
            match schedule.place {
                Place::Folder(_) => {
                    "It is tried again every ten minutes. Make sure that the directory can be written to and has space left."
                }
                Place::Bucket(_) => {
                    "It is tried again every ten minutes. fortnight doctor says whether the bucket can be read."
                }
            },
        )];
    }
    if let Some(missing) = backups.missing() {
        return vec![warning(
            format!("The last backup is incomplete. {missing}."),
            "Run fortnight verify on it to see which. Copy them back into the directory of attachments from an earlier backup, or \
             delete these attachments.",
        )];
    }
    match backups.stored().last() {
        Some(newest) if now > newest.at + schedule.every.time() * 2 => vec![warning(
            format!(
                "The newest backup was made {}.",
                humanize::ago(now, newest.at)
            ),
            "Look for the reason in the log.",
        )],
        _ => Vec::new(),
    }
}

/// What is wrong with the disk of a folder. `what` it holds is named in the warning.
pub(crate) fn of_disk(folder: &Path, what: &str) -> Option<Warning> {
    let free = free_bytes(folder).ok()?;
    (free < FREE_DISK).then(|| {
        warning(
            format!("The disk of the {what} has {} left.", humanize::bytes(free)),
            "Free some space: when the disk is full, nothing more can be saved.",
        )
    })
}

/// The free space of the disk on which a folder is.
pub(crate) fn free_bytes(folder: &Path) -> io::Result<u64> {
    let disk = rustix::fs::statvfs(folder)?;
    Ok(disk.f_bavail * disk.f_frsize)
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    const NOW: OffsetDateTime = datetime!(2026-11-29 20:00 UTC);

    fn healthy() -> DatabaseStatus {
        DatabaseStatus {
            version: "15.8".to_owned(),
            schema: 1,
            is_writable: true,
            bytes: 10_000_000,
            frozen_age: 200_000_000,
            connections: 20,
            max_connections: 100,
            now: NOW,
        }
    }

    fn words(status: &DatabaseStatus) -> String {
        let found = of_database(status, NOW);
        assert!(found.len() <= 1, "{found:?}");
        found.first().map_or(String::new(), |one| one.what.clone())
    }

    #[test]
    fn healthy_database_has_no_warnings() {
        assert_eq!(words(&healthy()), "");
    }

    #[test]
    fn each_fault_of_the_database_is_named() {
        type Fault = fn(&mut DatabaseStatus);
        let faults: [(&str, Fault); 5] = [
            ("Postgres 14.2 is too old.", |status| {
                status.version = "14.2".to_owned()
            }),
            ("The database is read-only.", |status| {
                status.is_writable = false
            }),
            ("The oldest rows are 1900 million", |status| {
                status.frozen_age = 1_900_000_000
            }),
            ("90 of the database's 100 connections", |status| {
                status.connections = 90
            }),
            ("differ by 7 seconds", |status| {
                status.now = NOW - Duration::seconds(7)
            }),
        ];
        for (expected, break_it) in faults {
            let mut status = healthy();
            break_it(&mut status);
            let words = words(&status);
            assert!(words.contains(expected), "{words:?} without {expected:?}");
        }
    }

    #[test]
    fn without_a_schedule_backups_are_missed() {
        let found = of_backups(&Backups::default(), NOW);
        assert_eq!(found.len(), 1);
        assert!(found[0].remedy.contains("--backup-to"));
    }
}
