//! The folder or zip archive that an export is written to.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, BufWriter, ErrorKind, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, ensure};
use zip::{ZipWriter, write::SimpleFileOptions};

use crate::db::backup::create::Unfinished;

/// What the files are written to, one after the other. Only this user may read it.
pub(super) enum Output {
    Folder {
        unfinished: UnfinishedFolder,
        path: PathBuf,
        /// The file that is being written.
        file: Option<BufWriter<File>>,
    },
    Zip {
        zip: Box<ZipWriter<File>>,
        unfinished: Unfinished,
        path: PathBuf,
    },
}

impl Output {
    /// A zip archive if the path ends in `.zip`, and a folder otherwise, which is created or empty.
    pub(super) fn create(path: &Path) -> Result<Self> {
        if path.extension().is_some_and(|end| end == "zip") {
            let unfinished = Unfinished::beside(path);
            let zip = Box::new(ZipWriter::new(unfinished.create()?));
            let path = path.to_owned();
            return Ok(Self::Zip {
                zip,
                unfinished,
                path,
            });
        }
        let cannot = || format!("cannot write to {}", path.display());
        let is_free = match fs::read_dir(path) {
            Ok(mut entries) => entries.next().is_none(),
            Err(error) => error.kind() == ErrorKind::NotFound,
        };
        ensure!(
            is_free,
            "{} is not empty: name a new folder, or a file that ends in .zip",
            path.display()
        );
        let unfinished = UnfinishedFolder::beside(path)?;
        for inside in ["tables", "files"] {
            private_folder()
                .create(unfinished.0.join(inside))
                .with_context(cannot)?;
        }
        let path = path.to_owned();
        Ok(Self::Folder {
            unfinished,
            path,
            file: None,
        })
    }

    /// Begins a file. What is written from now on is in it.
    pub(super) fn start(&mut self, name: &str) -> Result<()> {
        match self {
            Self::Folder {
                unfinished, file, ..
            } => {
                end(file)?;
                let path = unfinished.0.join(name);
                let created = OpenOptions::new()
                    .write(true)
                    .create_new(true)
                    .mode(0o600)
                    .open(&path);
                *file =
                    Some(BufWriter::new(created.with_context(|| {
                        format!("cannot write {}", path.display())
                    })?));
            }
            Self::Zip { zip, .. } => {
                // files of more than 4 GB need another header, which has to be known before
                let options = SimpleFileOptions::default().large_file(true);
                zip.start_file(name, options)?;
            }
        }
        Ok(())
    }

    /// Completes it.
    pub(super) fn finish(self) -> Result<()> {
        match self {
            Self::Folder {
                unfinished,
                path,
                mut file,
            } => {
                end(&mut file)?;
                // an empty folder of that name is replaced
                fs::rename(&unfinished.0, &path)
                    .with_context(|| format!("cannot write to {}", path.display()))
            }
            Self::Zip {
                zip,
                unfinished,
                path,
            } => Ok(unfinished.complete(&zip.finish()?, &path)?),
        }
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Folder { file, .. } => match file {
                Some(file) => file.write(bytes),
                None => Err(io::ErrorKind::NotFound.into()),
            },
            Self::Zip { zip, .. } => zip.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Folder { file, .. } => file.as_mut().map_or(Ok(()), Write::flush),
            Self::Zip { zip, .. } => zip.flush(),
        }
    }
}

/// Brings a file to the disk.
fn end(file: &mut Option<BufWriter<File>>) -> io::Result<()> {
    match file.take() {
        Some(mut file) => {
            file.flush()?;
            file.get_ref().sync_all()
        }
        None => Ok(()),
    }
}

/// Builds a folder that only this user may read.
fn private_folder() -> DirBuilder {
    let mut builder = DirBuilder::new();
    builder.mode(0o700);
    builder
}

/// A folder that is removed if it does not get its final name.
pub(super) struct UnfinishedFolder(PathBuf);

impl UnfinishedFolder {
    /// Creates one beside the folder that it is to become.
    fn beside(path: &Path) -> Result<Self> {
        // `folder/` is `folder`
        let mut name = path.components().as_path().as_os_str().to_owned();
        name.push(".part");
        let folder = PathBuf::from(name);
        private_folder().create(&folder).with_context(|| {
            let is_left = folder.exists();
            let folder = folder.display();
            match is_left {
                true => {
                    format!("{folder} is left of an export that was interrupted: delete it first")
                }
                false => format!("cannot create {folder}"),
            }
        })?;
        Ok(Self(folder))
    }
}

impl Drop for UnfinishedFolder {
    fn drop(&mut self) {
        // it is gone if it was renamed
        let _ = fs::remove_dir_all(&self.0);
    }
}
