//! Makes a backup while the program runs.

use std::{
    fmt,
    fs::{self, File, OpenOptions},
    io::{self, Write},
    os::{fd::AsFd, unix::fs::OpenOptionsExt},
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::Context;
use sqlx::{Connection, PgConnection, postgres::PgConnectOptions};
use time::OffsetDateTime;
use tokio::task::spawn_blocking;

use crate::db::{
    backup::{
        archive::{Writer, path_of},
        bucket::Bucket,
        dump::Dump,
        manifest::{FileList, Manifest, MissingFile},
        tools::Tools,
    },
    libpq::Libpq,
    pool::connect,
};

/// The advisory lock that is held, shared, while attached files are backed up: no file is deleted meanwhile.
pub(crate) const FILES_LOCK: i64 = 0x666f_7274_6669_6c65;

/// Where a backup goes.
#[derive(Clone, Debug)]
pub(crate) enum Target {
    /// A file, which is there only once it is complete.
    File(PathBuf),
    /// A file of this name in a bucket.
    Bucket(Bucket, String),
    StandardOutput,
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => path.display().fmt(f),
            Self::Bucket(bucket, name) => write!(f, "{bucket}/{name}"),
            Self::StandardOutput => f.write_str("the standard output"),
        }
    }
}

/// A backup that was made.
#[derive(Debug)]
pub(crate) struct Backup {
    pub(crate) manifest: Manifest,
    pub(crate) bytes: u64,
}

/// Makes a backup of one moment, with the attached files in the folder `files`, whatever is written meanwhile. Files that
/// are missing there are listed in its manifest. If it is dropped before its end, pg_dump ends too, and no file is left.
pub(crate) async fn backup(
    options: &PgConnectOptions,
    libpq: &Libpq,
    target: Target,
    files: Option<&Path>,
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
    let mut hashes = Files::default();
    if let Some(folder) = files {
        let (listed, list) = Files::listed(&mut snapshot, folder).await?;
        (hashes, manifest.files) = (listed, Some(list));
    }
    let bytes = write(dump, &manifest, hashes, target).await?;
    // the snapshot lasts as long as its transaction
    snapshot.rollback().await?;
    db.close().await?;
    Ok(Backup { manifest, bytes })
}

/// The attached files to back up.
#[derive(Default)]
struct Files {
    folder: PathBuf,
    hashes: Vec<String>,
}

/// A file as the database knows it.
#[derive(sqlx::FromRow)]
struct KnownFile {
    hash: String,
    bytes: i64,
    /// The name and task of an attachment that needs it.
    name: Option<String>,
}

impl Files {
    /// The files that this transaction sees and that are in the folder, with what the manifest says of them. A file that
    /// no attachment needs may be on its way into the folder, or out of it, and is not missing.
    async fn listed(db: &mut PgConnection, folder: &Path) -> anyhow::Result<(Self, FileList)> {
        // a backup before an upgrade can be of a schema without them
        let is_there: bool =
            sqlx::query_scalar("SELECT to_regclass('public.stored_files') IS NOT NULL")
                .fetch_one(&mut *db)
                .await?;
        let known: Vec<KnownFile> = if is_there {
            sqlx::query_as(KNOWN_FILES).fetch_all(db).await?
        } else {
            Vec::new()
        };
        let folder = folder.to_owned();
        let looking = spawn_blocking(move || {
            let (mut hashes, mut list) = (Vec::new(), FileList::default());
            for file in known {
                let bytes = file.bytes.unsigned_abs();
                let found = match fs::metadata(path_of(&folder, &file.hash)) {
                    Ok(metadata) => metadata.len() == bytes,
                    Err(error) if error.kind() == io::ErrorKind::NotFound => false,
                    Err(error) => return Err(error),
                };
                match (found, file.name) {
                    (true, _) => {
                        list.count += 1;
                        list.bytes += bytes;
                        hashes.push(file.hash);
                    }
                    (false, Some(name)) => list.missing.push(MissingFile {
                        hash: file.hash,
                        name,
                    }),
                    (false, None) => {}
                }
            }
            Ok((Self { folder, hashes }, list))
        });
        looking.await?.context("cannot look for the attached files")
    }
}

/// Query: every file in the store, with one of the attachments or people that need it. Of a schema that knows no pictures of
/// people too.
const KNOWN_FILES: &str = "
    SELECT s.hash, s.bytes, coalesce(
        (SELECT a.name || ' (' || t.key || '-' || k.number || ')' FROM public.attachments a
         JOIN public.tasks k ON k.team_id = a.team_id AND k.id = a.task_id JOIN public.teams t ON t.id = a.team_id
         WHERE a.hash = s.hash AND a.deleted_at IS NULL ORDER BY a.id LIMIT 1),
        (SELECT 'the small version of ' || a.name || ' (' || t.key || '-' || k.number || ')' FROM public.attachments a
         JOIN public.tasks k ON k.team_id = a.team_id AND k.id = a.task_id JOIN public.teams t ON t.id = a.team_id
         WHERE a.thumbnail = s.hash AND a.deleted_at IS NULL ORDER BY a.id LIMIT 1),
        (SELECT 'the picture of ' || p.name FROM public.accounts p WHERE to_jsonb(p)->>'avatar' = s.hash ORDER BY p.id LIMIT 1)) AS name
    FROM public.stored_files s ORDER BY s.hash";

async fn write(
    dump: Command,
    manifest: &Manifest,
    files: Files,
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
                complete(&file, &unfinished, &path)
                    .with_context(|| format!("cannot write {shown}"))?;
                Ok(bytes)
            })
            .await?
        }
    }
}

/// Gives a file its name once it is on the disk.
fn complete(file: &File, unfinished: &Unfinished, path: &Path) -> io::Result<()> {
    file.sync_all()?;
    fs::rename(&unfinished.0, path)?;
    File::open(folder_of(path))?.sync_all()
}

/// Writes the file while pg_dump runs, and completes it if pg_dump succeeded. `shown` names it.
async fn write_to<W: Write + Send + 'static>(
    to: W,
    dump: Command,
    manifest: &Manifest,
    files: Files,
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
        for hash in &files.hashes {
            writer.add_file(&files.folder, hash)?;
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
