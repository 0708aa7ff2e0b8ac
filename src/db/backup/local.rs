//! Backups from elsewhere as files on this machine: downloaded from a bucket, or uploaded by a browser.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use anyhow::Context;
use tokio::{
    fs::{File, OpenOptions},
    io::AsyncWriteExt,
};
use uuid::Uuid;

use crate::db::backup::bucket::Bucket;

/// A file on this machine. One that was downloaded for this is removed when it is dropped.
pub(crate) struct Local {
    path: PathBuf,
    is_copy: bool,
}

impl Local {
    /// The file of this name, which is downloaded if that is the URL of one in a bucket.
    pub(crate) async fn of(name: &Path) -> anyhow::Result<Self> {
        let Some((bucket, file)) = name.to_str().and_then(Bucket::of_file) else {
            return Ok(Self {
                path: name.to_owned(),
                is_copy: false,
            });
        };
        let copy = Self {
            path: env::temp_dir().join(format!("{}.backup", Uuid::new_v4())),
            is_copy: true,
        };
        bucket.download(&file, &copy.path).await?;
        Ok(copy)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Local {
    fn drop(&mut self) {
        if self.is_copy {
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// The name of the backup that was uploaded last.
const UPLOADED: &str = "uploaded.backup";

/// A file that is being uploaded. It is removed if it is dropped before it is complete.
pub(crate) struct Upload {
    file: File,
    folder: PathBuf,
    unfinished: PathBuf,
}

impl Upload {
    /// A new file in this directory, which only this user may read.
    pub(super) async fn create(folder: &Path) -> anyhow::Result<Self> {
        let unfinished = folder.join(format!("{}.part", Uuid::new_v4()));
        let file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&unfinished)
            .await
            .with_context(|| format!("cannot write {}", unfinished.display()))?;
        Ok(Self {
            file,
            folder: folder.to_owned(),
            unfinished,
        })
    }

    /// Appends a piece.
    pub(crate) async fn write(&mut self, piece: &[u8]) -> anyhow::Result<()> {
        self.file
            .write_all(piece)
            .await
            .with_context(|| format!("cannot write in {}", self.folder.display()))
    }

    /// Gives it its name, in the place of the one that was uploaded before. Returns its path.
    pub(crate) async fn complete(mut self) -> anyhow::Result<PathBuf> {
        let path = self.folder.join(UPLOADED);
        let written = async {
            self.file.flush().await?;
            self.file.sync_all().await?;
            fs::rename(&self.unfinished, &path)
        };
        written
            .await
            .with_context(|| format!("cannot write {}", path.display()))?;
        Ok(path)
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        // it is gone if it was renamed
        let _ = fs::remove_file(&self.unfinished);
    }
}
