//! Makes a backup while the program runs.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write},
    os::{fd::AsFd, unix::fs::OpenOptionsExt},
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::Context;
use sqlx::{Connection, postgres::PgConnectOptions};
use time::OffsetDateTime;
use tokio::task::spawn_blocking;

use crate::db::{
    backup::{
        archive::Writer,
        dump::Dump,
        files::{FILES_LOCK, Files},
        manifest::Manifest,
        target::Target,
        tools::Tools,
    },
    file_store::FileStore,
    libpq::Libpq,
    pool::connect,
};

/// A backup that was made.
#[derive(Debug)]
pub(crate) struct Backup {
    pub(crate) manifest: Manifest,
    pub(crate) bytes: u64,
}

/// Makes a backup of one moment, with the attached files in the store `files`, whatever is written meanwhile. Files that
/// are missing there are listed in its manifest. If it is dropped before its end, pg_dump ends too, and no file is left.
pub(crate) async fn backup(
    options: &PgConnectOptions,
    libpq: &Libpq,
    target: Target,
    files: Option<&FileStore>,
    now: OffsetDateTime,
) -> anyhow::Result<Backup> {
    let mut db = connect(options).await?;
    if files.is_some() {
        // Before the snapshot, so that all files that it needs are still there. It lasts as long as the connection.
        sqlx::query("SELECT pg_advisory_lock_shared($1)")
            .bind(FILES_LOCK)
            .execute(&mut db)
            .await?;
    }
    let mut snapshot = db
        .begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        .await?;
    let id: String = sqlx::query_scalar("SELECT pg_export_snapshot()")
        .fetch_one(&mut *snapshot)
        .await?;
    let mut manifest = Manifest::of(&mut snapshot, now).await?;
    let tools = Tools::find(manifest.postgres)?;
    manifest.pg_dump = tools.major;
    let mut dump = libpq.command(&tools.path("pg_dump"));
    dump.args([
        "--format=custom",
        "--compress=0",
        "--no-owner",
        "--no-privileges",
    ])
    .args(["--schema=public", "--extension=pg_trgm"])
    .arg(format!("--snapshot={id}"));
    let mut found = None;
    if let Some(store) = files {
        let (listed, list) = Files::listed(&mut snapshot, store).await?;
        (found, manifest.files) = (Some(listed), Some(list));
    }
    let bytes = write(dump, &manifest, found, target).await?;
    // the snapshot lasts as long as its transaction
    snapshot.rollback().await?;
    db.close().await?;
    Ok(Backup { manifest, bytes })
}

async fn write(
    dump: Command,
    manifest: &Manifest,
    files: Option<Files>,
    target: Target,
) -> anyhow::Result<u64> {
    match target {
        Target::StandardOutput => {
            let output = io::stdout().as_fd().try_clone_to_owned()?;
            let output = File::from(output);
            Ok(write_to(output, dump, manifest, files, "the backup")
                .await?
                .1)
        }
        Target::Bucket(bucket, name) => {
            let shown = format!("{bucket}/{name}");
            let write = async |pipe| write_to(pipe, dump, manifest, files, &shown).await;
            bucket.upload(&name, write).await
        }
        Target::File(path) => {
            let shown = path.display().to_string();
            let unfinished = Unfinished::beside(&path);
            let to = unfinished.create()?;
            let (file, bytes) = write_to(to, dump, manifest, files, &shown).await?;
            spawn_blocking(move || {
                unfinished
                    .complete(&file, &path)
                    .with_context(|| format!("cannot write {shown}"))?;
                Ok(bytes)
            })
            .await?
        }
    }
}

/// Writes the file while pg_dump runs, and completes it if pg_dump succeeded. `shown` names it.
async fn write_to<W: Write + Send + 'static>(
    to: W,
    dump: Command,
    manifest: &Manifest,
    files: Option<Files>,
    shown: &str,
) -> anyhow::Result<(W, u64)> {
    let cannot_write = || format!("cannot write {shown}");
    let (dump, output) = Dump::start(dump)?;
    let manifest = manifest.clone();
    let writing = spawn_blocking(move || {
        let mut writer = Writer::new(to, &manifest)?;
        writer.add_database(output)?;
        anyhow::Ok(writer)
    });
    let (written, dumped) = tokio::join!(writing, dump.finish());
    let written = written?.with_context(cannot_write);
    // if the file cannot be written, pg_dump only says that no one reads on
    let writer = match (written, dumped) {
        (Ok(writer), Ok(())) => writer,
        (Err(error), _) | (_, Err(error)) => return Err(error),
    };
    let finishing = spawn_blocking(move || {
        let mut writer = writer;
        if let Some(files) = files {
            files.add_to(&mut writer)?;
        }
        anyhow::Ok(writer.finish()?)
    });
    finishing.await?.with_context(cannot_write)
}

fn folder_of(path: &Path) -> &Path {
    path.parent()
        .filter(|folder| !folder.as_os_str().is_empty())
        .unwrap_or(Path::new("."))
}

/// A file that is removed if it does not get its final name.
pub(crate) struct Unfinished(PathBuf);

impl Unfinished {
    /// One beside the file that it is to become.
    pub(crate) fn beside(path: &Path) -> Self {
        let mut name = path.as_os_str().to_owned();
        name.push(".part");
        Self(name.into())
    }

    /// Creates it; only this user may read it.
    pub(crate) fn create(&self) -> anyhow::Result<File> {
        OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&self.0)
            .with_context(|| format!("cannot write {}", self.0.display()))
    }

    /// Gives it its name once it is on the disk.
    pub(crate) fn complete(&self, file: &File, path: &Path) -> io::Result<()> {
        file.sync_all()?;
        fs::rename(&self.0, path)?;
        File::open(folder_of(path))?.sync_all()
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        // it is gone if it was renamed
        let _ = fs::remove_file(&self.0);
    }
}
