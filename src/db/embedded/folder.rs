//! The data folder, and the lock that keeps a second program off it.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::Path;

use anyhow::Context;

/// Makes the data folder if it is not there.
pub(crate) fn make(data_dir: &Path) -> anyhow::Result<()> {
    // Root gives Postgres a folder inside to another user, who must be able to pass through.
    // What else is kept here closes itself.
    let mode = if rustix::process::geteuid().is_root() {
        0o711
    } else {
        0o700
    };
    if data_dir.is_dir() {
        return Ok(());
    }
    let made = fs::DirBuilder::new()
        .recursive(true)
        .mode(mode)
        .create(data_dir)
        // whatever the umask says
        .and_then(|()| fs::set_permissions(data_dir, fs::Permissions::from_mode(mode)));
    made.with_context(|| format!("cannot make the data folder {}", data_dir.display()))
}

/// What came of locking the data folder.
pub(crate) enum Lock {
    Ours(File),
    /// With the words for who holds it, which may be none.
    Theirs(String),
}

/// Only one program may have a Postgres on a data folder.
pub(crate) fn lock(data_dir: &Path) -> anyhow::Result<Lock> {
    let path = data_dir.join("lock");
    let attempt = || -> std::io::Result<Lock> {
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)?;
        match file.try_lock() {
            Ok(()) => {
                file.set_len(0)?;
                file.rewind()?;
                write!(file, "{}", std::process::id())?;
                Ok(Lock::Ours(file))
            }
            Err(TryLockError::WouldBlock) => {
                let mut pid = String::new();
                file.read_to_string(&mut pid)?;
                Ok(Lock::Theirs(match pid.trim() {
                    "" => String::new(),
                    pid => format!(" (process {pid})"),
                }))
            }
            Err(TryLockError::Error(error)) => Err(error),
        }
    };
    attempt().with_context(|| format!("cannot lock {}", path.display()))
}
