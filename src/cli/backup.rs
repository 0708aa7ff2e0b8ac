//! `fortnight backup`, `restore` and `verify`.

use std::{
    io::{IsTerminal, Write},
    path::PathBuf,
};

use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use time::OffsetDateTime;
use tokio::task::spawn_blocking;

use crate::{
    cli::{output::print_line, serve::files_dir},
    config::Config,
    db::pool::Pool,
    db::{
        self,
        backup::{
            archive,
            bucket::Bucket,
            create,
            files::restore_files,
            local::Local,
            manifest::Manifest,
            restore::{self, Restored},
            target::Target,
        },
        database::Database,
        file_store::FileStore,
        upgrade::Before,
    },
    domain::{clock::Clock, humanize},
};

#[derive(Debug, Subcommand)]
pub(super) enum BackupCommand {
    /// Write everything to one file, also while the server runs
    Backup(BackupFile),
    /// Replace everything with the contents of a backup, also while the server runs
    Restore(Restore),
    /// Check a backup: restore it into a database of its own and compare it
    Verify(File),
}

#[derive(Debug, Args)]
pub(super) struct BackupFile {
    /// The file to write, s3://bucket/file, or - for standard output
    file: PathBuf,
}

#[derive(Debug, Args)]
pub(super) struct Restore {
    /// The backup, or s3://bucket/file
    file: PathBuf,
    /// Replace a workspace that is not empty; asks for its name
    #[arg(long)]
    replace: bool,
}

#[derive(Debug, Args)]
pub(super) struct File {
    /// The backup, or s3://bucket/file
    file: PathBuf,
}

impl BackupCommand {
    pub(super) async fn run(mut self, config: &Config) -> anyhow::Result<()> {
        // Kept until the command has ended.
        let _local = match &mut self {
            Self::Backup(_) => None,
            Self::Restore(Restore { file, .. }) | Self::Verify(File { file }) => {
                let local = Local::of(file).await?;
                file.clone_from(&local.path().to_owned());
                Some(local)
            }
        };
        // Before Postgres is started for nothing.
        let checked = match &self {
            Self::Backup(_) => None,
            Self::Restore(Restore { file, .. }) | Self::Verify(File { file }) => {
                Some(archive::check(file, db::schema::newest())?)
            }
        };
        // The database is not migrated: a backup before an upgrade is of the old schema.
        let database = Database::to_work_beside(config.database()?, &config.data_dir()?).await?;
        let outcome = match (self, checked) {
            (Self::Restore(args), Some(manifest)) => {
                let files = config.attachments.store(&files_dir(config, &database)?);
                restore_from(&database, args, &manifest, files).await
            }
            (Self::Verify(args), Some(manifest)) => verify(&database, args, &manifest).await,
            (Self::Backup(args), _) => {
                let files = config.attachments.store(&files_dir(config, &database)?);
                back_up(&database, args, &files).await
            }
            (_, None) => Ok(()),
        };
        database.close().await;
        outcome
    }
}

async fn back_up(database: &Database, args: BackupFile, files: &FileStore) -> anyhow::Result<()> {
    let to_terminal = args.file.as_os_str() == "-";
    if to_terminal && std::io::stdout().is_terminal() {
        bail!("a backup can't be shown on a terminal: redirect the output, or name a file");
    }
    if workspace(&database.pool).await?.is_none() {
        bail!("there is nothing to back up: the database is empty");
    }
    let target = if to_terminal {
        Target::StandardOutput
    } else {
        match args.file.to_str().and_then(Bucket::of_file) {
            Some((bucket, name)) => Target::Bucket(bucket, name),
            None => Target::File(args.file.clone()),
        }
    };
    let now = Clock::default().now();
    let backup =
        create::backup(&database.direct, &database.libpq, target, Some(files), now).await?;
    if !to_terminal {
        print_line(&format!(
            "Backed up {} to {} ({}).",
            contents(&backup.manifest),
            args.file.display(),
            humanize::bytes(backup.bytes)
        ));
    }
    if let Some(complaint) = missing_files(&backup.manifest) {
        bail!("{complaint}. The backup contains everything else");
    }
    Ok(())
}

async fn restore_from(
    database: &Database,
    args: Restore,
    manifest: &Manifest,
    files: FileStore,
) -> anyhow::Result<()> {
    if let Some(there) = workspace(&database.pool)
        .await?
        .filter(|there| there.people > 0)
    {
        if !args.replace {
            bail!(
                "the workspace “{}” is not empty ({}, {}): to replace it with this backup, add --replace",
                there.name,
                humanize::people(there.people),
                humanize::counted(there.tasks, "task")
            );
        }
        confirm(&there.name)?;
    }
    let (options, libpq) = (&database.direct, &database.libpq);
    let file = args.file.clone();
    let restoring = spawn_blocking(move || restore_files(&file, &files));
    restoring
        .await?
        .context("nothing was restored or changed")?;
    restore::restore(options, libpq, args.file, manifest, Restored::Past)
        .await
        .context("nothing was restored or changed")?;
    db::migrate(&database.direct, &Before::Nothing).await?;
    print_line(&format!(
        "Restored {}, as of {}. Everyone has to sign in again.",
        contents(manifest),
        day_and_time(manifest.created_at)
    ));
    if let Some(complaint) = missing_files(manifest) {
        print_line(&format!("{complaint}, since the backup was made."));
    }
    Ok(())
}

async fn verify(database: &Database, args: File, manifest: &Manifest) -> anyhow::Result<()> {
    let shown = args.file.display().to_string();
    let (file, listed) = (args.file.clone(), manifest.clone());
    let checking = spawn_blocking(move || archive::check_files(&file, &listed));
    checking
        .await?
        .with_context(|| format!("{shown} is not good"))?;
    restore::verify(&database.direct, &database.libpq, args.file, manifest).await?;
    if let Some(complaint) = missing_files(manifest) {
        bail!("{shown} is good except for its files: {complaint}, since it was made");
    }
    let files = manifest.files.as_ref().map_or_else(String::new, |files| {
        let count = humanize::counted(files.count, "attached file");
        format!(" and {count} ({})", humanize::bytes(files.bytes))
    });
    print_line(&format!(
        "{shown} is good: {}{files}, as of {}, made by Fortnight {}.",
        contents(manifest),
        day_and_time(manifest.created_at),
        manifest.fortnight
    ));
    Ok(())
}

/// Names the attached files that were missing when a backup was made.
fn missing_files(manifest: &Manifest) -> Option<String> {
    manifest.files.as_ref()?.complaint()
}

/// Asks for the name of the workspace that is about to be replaced.
fn confirm(name: &str) -> anyhow::Result<()> {
    let mut output = std::io::stderr();
    write!(
        output,
        "This replaces everything in the workspace “{name}”. Type its name to go on: "
    )?;
    output.flush()?;
    let mut typed = String::new();
    std::io::stdin()
        .read_line(&mut typed)
        .context("cannot read the name")?;
    if typed.trim() != name {
        bail!("that is not the workspace's name: nothing was changed");
    }
    Ok(())
}

/// A workspace in the database.
#[derive(sqlx::FromRow)]
struct Workspace {
    name: String,
    people: i64,
    tasks: i64,
}

/// The workspace; `None` in a database without tables.
async fn workspace(pool: &Pool) -> anyhow::Result<Option<Workspace>> {
    let is_there: bool = sqlx::query_scalar("SELECT to_regclass('public.workspace') IS NOT NULL")
        .fetch_one(pool)
        .await?;
    if !is_there {
        return Ok(None);
    }
    Ok(sqlx::query_as(
        "SELECT name, (SELECT count(*) FROM accounts) AS people, (SELECT count(*) FROM tasks) AS tasks FROM workspace",
    )
    .fetch_optional(pool)
    .await?)
}

/// `“Platform” with 8 people and 63 tasks`
pub(super) fn contents(manifest: &Manifest) -> String {
    format!(
        "“{}” with {} and {}",
        manifest.workspace,
        humanize::people(manifest.rows("accounts")),
        humanize::counted(manifest.rows("tasks"), "task")
    )
}

fn day_and_time(at: OffsetDateTime) -> String {
    let (day, hour, minute) = (humanize::day(at.date()), at.hour(), at.minute());
    format!("{day} {}, {hour:02}:{minute:02} UTC", at.year())
}
