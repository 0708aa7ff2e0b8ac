//! Where a backup goes.

use std::{fmt, path::PathBuf};

use crate::db::backup::bucket::Bucket;

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
