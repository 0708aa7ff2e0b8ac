//! Backups that the setup page of an empty workspace offers to restore.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use anyhow::Context;
use sqlx::postgres::PgConnectOptions;
use tokio::runtime::Handle;

use crate::db::{
    backup::{
        archive,
        restore::{self, Restored},
    },
    libpq::Libpq,
    schema::{self, STEPS},
    upgrade::{Before, upgrade},
};

/// The folders in which backups are looked for, and the restore that runs.
#[derive(Clone, Default)]
pub struct OfferedBackups {
    sources: Option<Sources>,
    restoring: Arc<Mutex<Restoring>>,
}

/// Where backups may be, and the database that they are restored into.
#[derive(Clone, Debug)]
pub struct Sources {
    pub folders: Vec<PathBuf>,
    pub libpq: Libpq,
}

/// A file that may be a backup.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Offered {
    /// What the form sends. Only files of the list can be chosen.
    pub path: String,
    pub bytes: u64,
}

/// How the restore goes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Restoring {
    #[default]
    Never,
    /// One is running. Its page is shown to people with this setup link.
    Now {
        link: String,
    },
    /// It was refused or failed, and nothing was changed.
    Failed(String),
    Done,
}

impl OfferedBackups {
    pub(crate) fn new(sources: Option<Sources>) -> Self {
        Self {
            sources,
            restoring: Arc::default(),
        }
    }

    /// The files with the extension `backup`, the last by name first, which for scheduled ones is the newest.
    pub fn list(&self) -> Vec<Offered> {
        let folders = self.sources.iter().flat_map(|sources| &sources.folders);
        let mut all: Vec<Offered> = folders.flat_map(|folder| files_in(folder)).collect();
        all.sort();
        all.dedup();
        all.reverse();
        all
    }

    pub fn state(&self) -> Restoring {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, Restoring> {
        self.restoring
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Restores a listed backup, unless one is being restored. It goes on if the caller does not wait for its end.
    ///
    /// # Errors
    /// If the file is damaged, foreign or of a newer version, or cannot be restored.
    pub(crate) async fn restore(
        &self,
        options: &PgConnectOptions,
        path: PathBuf,
        link: String,
    ) -> anyhow::Result<()> {
        let Some(sources) = self.sources.clone() else {
            return Ok(());
        };
        {
            let mut state = self.lock();
            if matches!(*state, Restoring::Now { .. }) {
                return Ok(());
            }
            *state = Restoring::Now { link };
        }
        let (this, options) = (self.clone(), options.clone());
        let runtime = Handle::current();
        // sqlx's migrations are not `Send`
        let work = tokio::task::spawn_blocking(move || {
            let restored = restore_checked(&options, &sources.libpq, path);
            let outcome = runtime.block_on(restored);
            *this.lock() = match &outcome {
                Ok(()) => Restoring::Done,
                Err(error) => Restoring::Failed(format!("{error:#}")),
            };
            outcome
        });
        work.await.context("the restore ended early")?
    }
}

async fn restore_checked(
    options: &PgConnectOptions,
    libpq: &Libpq,
    path: PathBuf,
) -> anyhow::Result<()> {
    let file = path.clone();
    let manifest =
        tokio::task::spawn_blocking(move || archive::check(&file, schema::newest())).await??;
    restore::restore(options, libpq, path, &manifest, Restored::Past).await?;
    upgrade(options, &STEPS, &Before::Nothing).await
}

/// A folder that is not there has none.
fn files_in(folder: &Path) -> Vec<Offered> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .filter(|entry| entry.path().extension().is_some_and(|end| end == "backup"))
        .filter_map(|entry| {
            Some(Offered {
                path: entry.path().to_str()?.to_owned(),
                bytes: entry.metadata().ok().filter(|file| file.is_file())?.len(),
            })
        })
        .collect()
}
