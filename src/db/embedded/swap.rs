//! Replacing the bundled cluster by one that was made beside it. It is replaced by renaming, and a program that is killed
//! in between leaves a state that the next start completes.

use std::{
    fs::{self, File},
    io::ErrorKind,
    path::{Path, PathBuf},
};

use anyhow::Context;

/// The cluster in the data directory.
pub(crate) const FOLDER: &str = "postgres";

/// A complete cluster that is about to take its place. Only [`replace`] creates it.
const NEXT: &str = "postgres.next";

/// Where the current cluster is.
pub(crate) fn current(data_dir: &Path) -> PathBuf {
    let (folder, next) = (data_dir.join(FOLDER), data_dir.join(NEXT));
    if !folder.exists() && next.exists() {
        return next;
    }
    folder
}

/// Keeps the cluster under another name, and puts a complete one into its place. Both are stopped, and the caller holds the
/// data directory's lock.
pub(crate) fn replace(data_dir: &Path, by: &Path, keep_as: &Path) -> anyhow::Result<()> {
    rename(by, &data_dir.join(NEXT))?;
    rename(&data_dir.join(FOLDER), keep_as)?;
    finish(data_dir)
}

/// Completes a replacement, or takes it back if the old cluster is still in its place: it may have changed since.
pub(crate) fn finish(data_dir: &Path) -> anyhow::Result<()> {
    let (folder, next) = (data_dir.join(FOLDER), data_dir.join(NEXT));
    if !next.exists() {
        return Ok(());
    }
    if folder.exists() {
        return remove(&next);
    }
    rename(&next, &folder)
}

/// Removes a directory, if it is there.
pub(crate) fn remove(folder: &Path) -> anyhow::Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            Err(error).with_context(|| format!("cannot remove {}", folder.display()))
        }
        _ => Ok(()),
    }
}

/// Renames a directory, and waits until the disk has it.
fn rename(from: &Path, to: &Path) -> anyhow::Result<()> {
    let synced = fs::rename(from, to).and_then(|()| {
        to.parent()
            .map_or(Ok(()), |parent| File::open(parent)?.sync_all())
    });
    synced.with_context(|| format!("cannot rename {} to {}", from.display(), to.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cluster(path: &Path, version: &str) {
        fs::create_dir_all(path).unwrap();
        fs::write(path.join("PG_VERSION"), version).unwrap();
    }

    fn version(path: &Path) -> String {
        fs::read_to_string(path.join("PG_VERSION")).unwrap_or_default()
    }

    #[test]
    fn killed_replacement_is_completed_or_taken_back() {
        let home = tempfile::tempdir().unwrap();
        let [old, new, kept] =
            ["postgres", "made", "postgres-15"].map(|name| home.path().join(name));
        cluster(&old, "15");
        cluster(&new, "17");

        // killed before the old one was moved: someone may have worked with it meanwhile
        rename(&new, &home.path().join(NEXT)).unwrap();
        assert_eq!(current(home.path()), old);
        finish(home.path()).unwrap();
        assert_eq!(version(&old), "15");
        assert!(!home.path().join(NEXT).exists());

        // killed after that
        cluster(&new, "17");
        rename(&new, &home.path().join(NEXT)).unwrap();
        rename(&old, &kept).unwrap();
        assert_eq!(version(&current(home.path())), "17");
        finish(home.path()).unwrap();
        assert_eq!((version(&old), version(&kept)), ("17".into(), "15".into()));
        finish(home.path()).unwrap();
        assert_eq!(version(&old), "17");
    }
}
