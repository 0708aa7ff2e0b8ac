//! Where scheduled backups are kept: in a directory, or in a bucket of an S3-compatible store.

use std::{
    convert::Infallible,
    fmt, fs, io,
    path::{Path, PathBuf},
    str::FromStr,
};

use anyhow::Context;
use time::{
    OffsetDateTime, PrimitiveDateTime, format_description::StaticFormatDescription,
    macros::format_description,
};
use tokio::task::spawn_blocking;

use crate::db::backup::{bucket::Bucket, target::Target};

/// The names of scheduled backups: `fortnight-20261129T203000Z.backup`.
const NAME: StaticFormatDescription =
    format_description!("fortnight-[year][month][day]T[hour][minute][second]Z.backup");

/// Where scheduled backups are kept.
#[derive(Clone, Debug)]
pub enum Place {
    Folder(PathBuf),
    Bucket(Bucket),
}

/// A backup that is kept.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Stored {
    pub at: OffsetDateTime,
    pub bytes: u64,
    pub(super) name: String,
}

/// A file that may be a backup.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Offered {
    /// Its path, or its URL in a bucket.
    pub path: String,
    pub bytes: u64,
}

impl Stored {
    /// A file with this name, if that is the name of a scheduled backup.
    pub(super) fn named(name: &str, bytes: u64) -> Option<Self> {
        Some(Self {
            at: time_of(name)?,
            bytes,
            name: name.to_owned(),
        })
    }
}

impl FromStr for Place {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(match Bucket::of_url(text) {
            Some(bucket) => Self::Bucket(bucket),
            None => Self::Folder(text.into()),
        })
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Folder(folder) => folder.display().fmt(f),
            Self::Bucket(bucket) => bucket.fmt(f),
        }
    }
}

impl Place {
    /// The directory, if it is one.
    pub fn folder(&self) -> Option<&Path> {
        match self {
            Self::Folder(folder) => Some(folder),
            Self::Bucket(_) => None,
        }
    }

    /// Creates the directory, if it is one.
    pub(crate) fn prepare(&self) -> anyhow::Result<()> {
        self.folder().map_or(Ok(()), |folder| {
            fs::create_dir_all(folder)
                .with_context(|| format!("cannot create {}", folder.display()))
        })
    }

    /// A file of this name.
    pub(crate) fn target(&self, name: &str) -> Target {
        match self {
            Self::Folder(folder) => Target::File(folder.join(name)),
            Self::Bucket(bucket) => Target::Bucket(bucket.clone(), name.to_owned()),
        }
    }

    /// The scheduled backups, the oldest first.
    ///
    /// # Errors
    /// If the directory is not there or cannot be read, or the store does not answer.
    pub async fn stored(&self) -> anyhow::Result<Vec<Stored>> {
        let files = match self {
            Self::Folder(folder) => {
                let folder = folder.clone();
                spawn_blocking(move || files_in(&folder)).await??
            }
            Self::Bucket(bucket) => bucket.list().await?,
        };
        let files = files.iter();
        let mut stored: Vec<Stored> = files
            .filter_map(|(name, bytes)| Stored::named(name, *bytes))
            .collect();
        stored.sort();
        Ok(stored)
    }

    /// All files with the extension `backup`. A directory that is not there has none.
    pub(super) async fn files(&self) -> anyhow::Result<Vec<Offered>> {
        let files = match self {
            Self::Folder(folder) => {
                let folder = folder.clone();
                spawn_blocking(move || files_in(&folder).unwrap_or_default()).await?
            }
            Self::Bucket(bucket) => bucket.list().await?,
        };
        let backups = files
            .into_iter()
            .filter(|(name, _)| name.ends_with(".backup"));
        Ok(backups
            .map(|(name, bytes)| Offered {
                path: format!("{self}/{name}"),
                bytes,
            })
            .collect())
    }

    /// Deletes a backup.
    pub(super) async fn delete(&self, name: &str) -> anyhow::Result<()> {
        match self {
            Self::Folder(folder) => fs::remove_file(folder.join(name))
                .with_context(|| format!("cannot delete {}", folder.join(name).display())),
            Self::Bucket(bucket) => bucket.delete(name).await,
        }
    }

    /// Removes the files that killed programs left unfinished, while no other program writes one. In a bucket these are
    /// parts of uploads, which the store removes by a rule of its own.
    pub(super) fn remove_unfinished(&self) -> anyhow::Result<()> {
        let Some(folder) = self.folder() else {
            return Ok(());
        };
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            let is_part = path.extension().is_some_and(|kind| kind == "part");
            let whole = path.file_stem().and_then(|name| name.to_str());
            if is_part && whole.and_then(time_of).is_some() {
                fs::remove_file(path)?;
            }
        }
        Ok(())
    }
}

/// The names and sizes of the files in a directory.
fn files_in(folder: &Path) -> io::Result<Vec<(String, u64)>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let metadata = entry.metadata()?;
        if let (true, Ok(name)) = (metadata.is_file(), entry.file_name().into_string()) {
            files.push((name, metadata.len()));
        }
    }
    Ok(files)
}

/// The name of a backup that is made at this time.
pub(super) fn name_at(now: OffsetDateTime) -> anyhow::Result<String> {
    Ok(now.format(NAME)?)
}

/// When a backup was made, from its name.
fn time_of(name: &str) -> Option<OffsetDateTime> {
    Some(PrimitiveDateTime::parse(name, NAME).ok()?.assume_utc())
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn only_backups_are_taken_for_backups() {
        let name = name_at(datetime!(2026-11-29 20:30 UTC)).unwrap();
        assert_eq!(name, "fortnight-20261129T203000Z.backup");
        assert_eq!(time_of(&name), Some(datetime!(2026-11-29 20:30 UTC)));
        for other in ["notes.txt", "fortnight-20261129T203000Z.backup.part"] {
            assert_eq!(time_of(other), None, "{other}");
        }
    }

    #[test]
    fn bucket_is_told_from_a_directory_by_its_url() {
        let place = |text: &str| text.parse::<Place>().unwrap();
        assert_eq!(
            place("/srv/backups").folder(),
            Some(Path::new("/srv/backups"))
        );
        assert!(place("s3://backups/fortnight").folder().is_none());
        assert_eq!(
            place("s3://backups/fortnight/").to_string(),
            "s3://backups/fortnight"
        );
    }
}
