//! Bringing the bundled cluster to a newer major version of Postgres: a copy is made beside it by both versions, compared
//! table by table, and takes its place.

use std::{
    fs::File,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use anyhow::{bail, ensure};
use rustix::process::test_kill_process;
use sqlx::Connection;
use time::OffsetDateTime;

use crate::db::{
    backup::{
        create,
        manifest::Manifest,
        restore::{self, Restored},
        target::Target,
    },
    embedded::{
        DATABASE, Durability, Embedded,
        cluster::Cluster,
        end_orphan,
        folder::{self, Lock},
        os_user::OsUser,
        programs, swap,
    },
    pool::connect,
};

/// The directory in the data directory in which the copy is made.
const BESIDE: &str = "upgrade";

/// Time for the Postgres of a killed upgrade to end.
const ENDS_WITHIN: Duration = Duration::from_secs(10);

/// What was done.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// Nothing: it is of this version, the newest one that is installed.
    IsNewest(u32),
    Upgraded {
        from: u32,
        to: u32,
        /// Where the old cluster is now.
        kept: PathBuf,
        manifest: Manifest,
    },
}

/// Brings the cluster of a data directory to the newest version that is installed. The programs of its own version are
/// those in `old_programs`, or else those that are installed.
///
/// The old cluster is only started and renamed. Killed at any time, it leaves one of the two in its place, whole.
pub(crate) async fn upgrade(
    data_dir: &Path,
    old_programs: Option<&Path>,
    now: OffsetDateTime,
) -> anyhow::Result<Outcome> {
    let Some(from) = programs::version_of(&swap::current(data_dir)) else {
        bail!("there is no database in {}", data_dir.display());
    };
    let lock = match folder::lock(data_dir)? {
        Lock::Ours(lock) => lock,
        Lock::Theirs(holder) => bail!(
            "Fortnight{holder} runs on {}: stop it first",
            data_dir.display()
        ),
    };
    swap::finish(data_dir)?;
    let newest = programs::find(None)?;
    let beside = data_dir.join(BESIDE);
    let os_user = OsUser::for_cluster(&swap::current(data_dir))?;
    let new = Cluster::with(&beside, newest.clone(), os_user.clone());
    remove_remains(&new, &beside).await?;
    if newest.major <= from {
        return Ok(Outcome::IsNewest(from));
    }
    let old = match old_programs {
        Some(folder) => programs::find_in(folder, from)?,
        None => programs::find(Some(from))?,
    };
    let kept = data_dir.join(format!("{}-{from}", swap::FOLDER));
    ensure!(
        !kept.exists(),
        "{} is still there from an earlier upgrade: move or delete it first",
        kept.display()
    );
    os_user.check_can_enter(data_dir)?;
    let old = Cluster::with(data_dir, old, os_user);
    folder::make(&beside)?;
    let copied = copy(&old, &new, &lock, &beside, now).await;
    let replaced = copied.and_then(|manifest| {
        swap::replace(data_dir, &beside.join(swap::FOLDER), &kept)?;
        Ok(manifest)
    });
    // otherwise the next upgrade removes it
    if let Err(error) = swap::remove(&beside) {
        tracing::warn!("{error:#}");
    }
    Ok(Outcome::Upgraded {
        from,
        to: newest.major,
        kept,
        manifest: replaced?,
    })
}

/// Removes what a killed upgrade has left.
async fn remove_remains(new: &Cluster, beside: &Path) -> anyhow::Result<()> {
    if !beside.exists() {
        return Ok(());
    }
    end_orphan(new).await?;
    // it still writes until it has ended
    let since = Instant::now();
    while new
        .postmaster()
        .is_some_and(|pid| test_kill_process(pid).is_ok())
        && since.elapsed() < ENDS_WITHIN
    {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    swap::remove(beside)
}

/// Copies the database from one cluster to the other, which is created. Both are stopped at the end.
async fn copy(
    old: &Cluster,
    new: &Cluster,
    lock: &File,
    beside: &Path,
    now: OffsetDateTime,
) -> anyhow::Result<Manifest> {
    let Lock::Ours(own_lock) = folder::lock(beside)? else {
        bail!("{} is in use", beside.display());
    };
    // the lock is held until all of its handles are closed
    let old = Embedded::start_locked(old, Durability::Safe, lock.try_clone()?).await?;
    let new = match Embedded::start_locked(new, Durability::Safe, own_lock).await {
        Ok(new) => new,
        Err(error) => {
            old.stop().await;
            return Err(error);
        }
    };
    let copied = copy_database(&old, &new, beside.join("copy.backup"), now).await;
    old.stop().await;
    new.stop().await;
    copied
}

async fn copy_database(
    old: &Embedded,
    new: &Embedded,
    file: PathBuf,
    now: OffsetDateTime,
) -> anyhow::Result<Manifest> {
    let (from, to) = (old.connect_options(DATABASE), new.connect_options(DATABASE));
    let mut db = connect(&from).await?;
    let has_tables: bool = sqlx::query_scalar("SELECT to_regclass('public.workspace') IS NOT NULL")
        .fetch_one(&mut db)
        .await?;
    db.close().await?;
    ensure!(
        has_tables,
        "the database is empty: delete the directory {} in the data directory instead",
        swap::FOLDER
    );
    tracing::info!("copying the database");
    let target = Target::File(file.clone());
    let backup = create::backup(&from, &old.libpq(DATABASE), target, None, now).await?;
    let libpq = new.libpq(DATABASE);
    restore::restore(&to, &libpq, file, &backup.manifest, Restored::Copy).await?;
    Ok(backup.manifest)
}
