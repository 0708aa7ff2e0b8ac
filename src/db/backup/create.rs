//! Makes a backup while the program runs.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use anyhow::Context;
use sqlx::{Connection, postgres::PgConnectOptions};
use time::OffsetDateTime;

use crate::db::{
    backup::{
        archive::Writer,
        manifest::Manifest,
        tools::{Running, Tools},
    },
    libpq::Libpq,
    pool::connect,
};

/// Where a backup goes.
#[derive(Clone, Debug)]
pub(crate) enum Target {
    /// A file, which is there only once it is complete.
    File(PathBuf),
    StandardOutput,
}

/// A backup that was made.
#[derive(Debug)]
pub(crate) struct Backup {
    pub(crate) manifest: Manifest,
    pub(crate) bytes: u64,
}

/// Makes a backup of one moment, whatever is written meanwhile.
pub(crate) async fn backup(
    options: &PgConnectOptions,
    libpq: &Libpq,
    target: Target,
    now: OffsetDateTime,
) -> anyhow::Result<Backup> {
    let mut db = connect(options).await?;
    let mut snapshot = db
        .begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        .await?;
    let id: String = sqlx::query_scalar("SELECT pg_export_snapshot()")
        .fetch_one(&mut *snapshot)
        .await?;
    let manifest = Manifest::of(&mut snapshot, now).await?;
    let tools = Tools::find(manifest.postgres)?;
    let mut dump = libpq.command(&tools.path("pg_dump"));
    dump.args([
        "--format=custom",
        "--compress=0",
        "--no-owner",
        "--no-privileges",
    ])
    .args(["--schema=public", "--extension=pg_trgm"])
    .arg(format!("--snapshot={id}"));
    let backup = tokio::task::spawn_blocking(move || write(dump, manifest, &target)).await?;
    // the snapshot lasts as long as its transaction
    snapshot.rollback().await?;
    db.close().await?;
    backup
}

fn write(
    dump: std::process::Command,
    manifest: Manifest,
    target: &Target,
) -> anyhow::Result<Backup> {
    let bytes = match target {
        Target::StandardOutput => write_to(io::stdout().lock(), dump, &manifest, "the backup")?.1,
        Target::File(path) => {
            let shown = path.display().to_string();
            let cannot_write = || format!("cannot write {shown}");
            let unfinished = Unfinished::beside(path);
            let file = unfinished.create()?;
            let (file, bytes) = write_to(file, dump, &manifest, &shown)?;
            file.sync_all().with_context(cannot_write)?;
            fs::rename(&unfinished.0, path).with_context(cannot_write)?;
            File::open(folder_of(path))
                .and_then(|folder| folder.sync_all())
                .with_context(cannot_write)?;
            bytes
        }
    };
    Ok(Backup { manifest, bytes })
}

fn write_to<W: Write>(
    to: W,
    dump: std::process::Command,
    manifest: &Manifest,
    shown: &str,
) -> anyhow::Result<(W, u64)> {
    let cannot_write = || format!("cannot write {shown}");
    let mut dump = Running::start(dump)?;
    let mut writer = Writer::new(to, manifest).with_context(cannot_write)?;
    if let Some(output) = dump.child.stdout.take() {
        writer.add_database(output).with_context(cannot_write)?;
    }
    dump.finish()?;
    writer.finish().with_context(cannot_write)
}

fn folder_of(path: &Path) -> &Path {
    path.parent()
        .filter(|folder| !folder.as_os_str().is_empty())
        .unwrap_or(Path::new("."))
}

/// A file that is removed if it does not get its final name.
struct Unfinished(PathBuf);

impl Unfinished {
    fn beside(path: &Path) -> Self {
        let mut name = path.as_os_str().to_owned();
        name.push(".part");
        Self(name.into())
    }

    /// Creates it; only this user may read it.
    fn create(&self) -> anyhow::Result<File> {
        OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&self.0)
            .with_context(|| format!("cannot write {}", self.0.display()))
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        // it is gone if it was renamed
        let _ = fs::remove_file(&self.0);
    }
}
