//! Backups that the setup page of an empty workspace offers to restore.

use std::{
    fs,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use anyhow::{Context, bail};
use sqlx::postgres::PgConnectOptions;
use tokio::runtime::Handle;

use crate::db::{
    backup::{
        archive,
        files::restore_files,
        local::{Source, Upload},
        place::{Offered, Place},
        restore::{self, Restored},
    },
    file_store::FileStore,
    libpq::Libpq,
    schema::{self, STEPS},
    upgrade::{Before, upgrade},
};

/// The places in which backups are looked for, and the restore that runs.
#[derive(Clone, Default)]
pub struct OfferedBackups {
    sources: Option<Sources>,
    restoring: Arc<Mutex<Restoring>>,
}

/// Where backups may be, and the database that they are restored into.
#[derive(Clone, Debug)]
pub struct Sources {
    pub places: Vec<Place>,
    /// The directory that uploaded ones are stored in.
    pub uploads: PathBuf,
    pub libpq: Libpq,
    /// Where attached files are stored, which a backup contains.
    pub files: FileStore,
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

    /// The files with the extension `backup`, the last by name first, which for scheduled ones is the newest. A place that
    /// does not answer has none.
    pub async fn list(&self) -> Vec<Offered> {
        let mut all = Vec::new();
        for place in self.sources.iter().flat_map(|sources| &sources.places) {
            match place.files().await {
                Ok(files) => all.extend(files),
                Err(error) => tracing::warn!("cannot look for backups in {place}: {error:#}"),
            }
        }
        all.sort();
        all.dedup();
        all.reverse();
        all
    }

    /// A new file for a backup that is uploaded.
    pub(crate) async fn upload(&self) -> anyhow::Result<Upload> {
        let folder = match &self.sources {
            Some(sources) => &sources.uploads,
            None => bail!("backups cannot be uploaded here"),
        };
        fs::create_dir_all(folder)
            .with_context(|| format!("cannot create {}", folder.display()))?;
        Upload::create(folder).await
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
        source: Source,
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
            let restored = restore_checked(&options, &sources.libpq, source, &sources.files);
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
    source: Source,
    files: &FileStore,
) -> anyhow::Result<()> {
    let local = source.local().await?;
    let file = local.path().to_owned();
    let checked = tokio::task::spawn_blocking({
        let file = file.clone();
        move || archive::check(&file, schema::newest())
    });
    let manifest = checked.await?.map_err(|error| local.describe(error))?;
    let restoring = tokio::task::spawn_blocking({
        let (file, files) = (file.clone(), files.clone());
        move || restore_files(&file, &files)
    });
    restoring.await?.map_err(|error| local.describe(error))?;
    restore::restore(options, libpq, file, &manifest, Restored::Past)
        .await
        .map_err(|error| local.describe(error))?;
    upgrade(options, &STEPS, &Before::Nothing).await
}
