//! Backups from elsewhere as files on this machine: downloaded from a bucket, or uploaded by a browser.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, anyhow};
use tokio::{
    fs::{File, OpenOptions},
    io::AsyncWriteExt,
};
use uuid::Uuid;

use crate::db::backup::bucket::Bucket;

/// A backup to restore.
pub(crate) enum Source {
    /// The path of a file on this machine, or the URL of one in a bucket.
    Named(PathBuf),
    /// A file that was uploaded for this.
    Uploaded(Local),
}

impl Source {
    /// The file on this machine.
    pub(super) async fn local(self) -> anyhow::Result<Local> {
        match self {
            Self::Named(name) => Local::of(&name).await,
            Self::Uploaded(file) => Ok(file),
        }
    }
}

/// A file on this machine. One that was downloaded or uploaded for this is removed when it is dropped.
pub(crate) struct Local {
    path: PathBuf,
    is_temporary: bool,
}

impl Local {
    /// The file at this path, or a temporary copy of the one at this URL in a bucket.
    pub(crate) async fn of(name: &Path) -> anyhow::Result<Self> {
        let Some((bucket, file)) = name.to_str().and_then(Bucket::of_file) else {
            return Ok(Self {
                path: name.to_owned(),
                is_temporary: false,
            });
        };
        let copy = Self {
            path: env::temp_dir().join(format!("{}.backup", Uuid::new_v4())),
            is_temporary: true,
        };
        bucket.download(&file, &copy.path).await?;
        Ok(copy)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// An error about the file, with “The file” in place of the path of a temporary one.
    pub(super) fn describe(&self, error: anyhow::Error) -> anyhow::Error {
        if !self.is_temporary {
            return error;
        }
        let path = self.path.display().to_string();
        anyhow!("{}", format!("{error:#}").replace(&path, "The file"))
    }
}

impl Drop for Local {
    fn drop(&mut self) {
        if self.is_temporary {
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// A file that is being uploaded.
pub(crate) struct Upload {
    file: File,
    /// Removes it, also if it is dropped before it is complete.
    stored: Local,
}

impl Upload {
    /// A new file in this directory, which only this user may read.
    pub(super) async fn create(folder: &Path) -> anyhow::Result<Self> {
        let path = folder.join(format!("{}.part", Uuid::new_v4()));
        let file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&path)
            .await
            .with_context(|| format!("cannot write in {}", folder.display()))?;
        let stored = Local {
            path,
            is_temporary: true,
        };
        Ok(Self { file, stored })
    }

    /// Appends a piece.
    pub(crate) async fn write(&mut self, piece: &[u8]) -> anyhow::Result<()> {
        self.file
            .write_all(piece)
            .await
            .context("cannot store the file")
    }

    /// The whole file.
    pub(crate) async fn complete(mut self) -> anyhow::Result<Source> {
        self.file.flush().await.context("cannot store the file")?;
        Ok(Source::Uploaded(self.stored))
    }
}
