//! The data directory, and the lock that only one server can hold.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::{Read, Seek, Write},
    os::unix::fs::{DirBuilderExt, PermissionsExt},
    path::Path,
};

use anyhow::Context;

/// Creates the data directory if it does not exist.
pub(crate) fn make(data_dir: &Path) -> anyhow::Result<()> {
    // Postgres's directory inside belongs to another user, who must be able to pass through. Other
    // files here have their own permissions.
    let mode = if rustix::process::geteuid().is_root() {
        0o711
    } else {
        0o700
    };
    if data_dir.is_dir() {
        return Ok(());
    }
    let created = fs::DirBuilder::new()
        .recursive(true)
        .mode(mode)
        .create(data_dir)
        // regardless of the umask
        .and_then(|()| fs::set_permissions(data_dir, fs::Permissions::from_mode(mode)));
    created.with_context(|| format!("cannot create the data directory {}", data_dir.display()))
}

/// The result of locking the data directory.
pub(crate) enum Lock {
    Ours(File),
    /// With a description of the process that holds it, which may be empty.
    Theirs(String),
}

/// Locks the data directory: only one process can run Postgres on it.
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
