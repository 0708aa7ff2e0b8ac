//! What administrators see of the scheduled backups.

use crate::{
    app::App,
    domain::{
        error::{Problem, Result},
        humanize,
    },
};

/// The state of the scheduled backups, in sentences.
pub(crate) struct BackupStatus {
    /// Where and how often they are made; `None` if they are not.
    pub(crate) schedule: Option<String>,
    /// When the last one was made, and its size; `None` if there is none.
    pub(crate) last: Option<String>,
    /// Why the last attempt failed.
    pub(crate) failure: Option<String>,
}

impl BackupStatus {
    /// Reads it, with times in this time zone.
    pub(crate) async fn of(app: &App, zone: &str) -> Result<Self> {
        let Some(schedule) = app.backups.schedule().cloned() else {
            return Ok(Self {
                schedule: None,
                last: None,
                failure: None,
            });
        };
        let (folder, every) = (schedule.folder.display().to_string(), schedule.every);
        // A folder that is not there yet, or cannot be read, has no backups.
        let stored = tokio::task::spawn_blocking(move || schedule.stored().unwrap_or_default())
            .await
            .map_err(|error| Problem::InternalError(error.into()))?;
        let now = app.clock.now();
        Ok(Self {
            schedule: Some(format!("Made {every} in {folder}.")),
            last: stored.last().map(|last| {
                format!(
                    "{} ({}), {}",
                    humanize::ago(now, last.at),
                    humanize::moment(last.at, zone),
                    humanize::bytes(last.bytes)
                )
            }),
            failure: app.backups.failure().map(|failure| {
                format!(
                    "The backup {} failed: {}",
                    humanize::ago(now, failure.at),
                    failure.reason
                )
            }),
        })
    }
}
