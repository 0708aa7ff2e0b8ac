//! What administrators see of the scheduled backups.

use crate::{app::App, domain::humanize};

/// The state of the scheduled backups, in sentences.
pub(crate) struct BackupStatus {
    /// Where and how often they are made; `None` if they are not.
    pub(crate) schedule: Option<String>,
    /// When the last one was made, and its size; `None` if there is none.
    pub(crate) last: Option<String>,
    /// Why the last attempt failed.
    pub(crate) failure: Option<String>,
    /// How many attached files the last one is without.
    pub(crate) missing: Option<String>,
}

impl BackupStatus {
    /// Reads it, with times in this time zone.
    pub(crate) fn of(app: &App, zone: &str) -> Self {
        let Some(schedule) = app.backups.schedule() else {
            return Self {
                schedule: None,
                last: None,
                failure: None,
                missing: None,
            };
        };
        let (place, every) = (&schedule.place, schedule.every);
        let stored = app.backups.stored();
        let now = app.clock.now();
        Self {
            schedule: Some(format!("Made {every} in {place}.")),
            last: stored.last().map(|last| {
                format!(
                    "{} ({}), {}",
                    humanize::ago(now, last.at),
                    humanize::moment(last.at, zone),
                    humanize::bytes(last.bytes)
                )
            }),
            missing: app.backups.missing(),
            failure: app.backups.failure().map(|failure| {
                format!(
                    "The backup {} failed: {}",
                    humanize::ago(now, failure.at),
                    failure.reason
                )
            }),
        }
    }
}
