//! Settings of the bundled Postgres: durability, limits, logging, and the socket's directory.

use std::{
    os::unix::ffi::OsStrExt,
    path::{Path, PathBuf},
};

use sha2::{Digest, Sha256};

/// The role that owns every database here. The socket's directory keeps other users out.
pub(crate) const ROLE: &str = "fortnight";
/// Only part of the socket's name: nothing listens on TCP.
pub(crate) const PORT: u16 = 5432;
/// `sun_path` holds 108 bytes, the last of them zero; macOS has 104.
const LONGEST_SOCKET: usize = 103;

/// Whether a change must survive a power cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// For production: a committed change is on disk.
    Safe,
    /// For tests: faster, but a crash of the machine loses everything.
    Fast,
}

impl Durability {
    /// The server's settings for `-c`. They are passed at every start, so that an old cluster gets
    /// a new version's settings.
    pub(crate) fn settings(self) -> impl Iterator<Item = &'static str> {
        let more = match self {
            Self::Safe => SAFE,
            Self::Fast => FAST,
        };
        ALWAYS.iter().chain(more).copied()
    }
}

const ALWAYS: &[&str] = &[
    "listen_addresses=",
    "unix_socket_permissions=0700",
    "shared_buffers=64MB",
    "timezone=UTC",
    "log_timezone=UTC",
    // details contain the rows that a constraint refused, with password hashes and texts
    "log_error_verbosity=terse",
];

const SAFE: &[&str] = &[
    "max_connections=60",
    // a week of warnings; each day overwrites that of last week
    "logging_collector=on",
    "log_directory=log",
    "log_filename=postgres-%a.log",
    "log_rotation_age=1d",
    "log_rotation_size=0",
    "log_truncate_on_rotation=on",
    "log_checkpoints=off",
    // a failed statement could contain user data
    "log_min_error_statement=panic",
];

const FAST: &[&str] = &[
    // every test has its own pool, and one test runs per core
    "max_connections=300",
    "fsync=off",
    "synchronous_commit=off",
    "full_page_writes=off",
];

/// The socket's directory: in the data directory, unless its path is too long for a socket or
/// contains a comma.
pub(crate) fn socket_folder(data_dir: &Path) -> PathBuf {
    let inside = data_dir.join("run");
    let length = inside.as_os_str().len() + format!("/.s.PGSQL.{PORT}").len();
    let listable = !inside
        .as_os_str()
        .as_bytes()
        .iter()
        .any(|b| b",\"".contains(b));
    if length <= LONGEST_SOCKET && listable {
        return inside;
    }
    let hash = Sha256::digest(data_dir.as_os_str().as_bytes());
    let short: String = hash[..6].iter().map(|byte| format!("{byte:02x}")).collect();
    format!("/tmp/fortnight-{short}").into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_path_gets_a_short_socket() {
        assert_eq!(
            socket_folder(Path::new("/srv/board")),
            Path::new("/srv/board/run")
        );
        let long = PathBuf::from(format!("/srv/{}", "deep/".repeat(30)));
        let short = socket_folder(&long);
        assert!(
            short.starts_with("/tmp") && short.as_os_str().len() < 40,
            "{short:?}"
        );
        assert_eq!(
            short,
            socket_folder(&long),
            "attaching must find the same directory"
        );
        assert_ne!(short, socket_folder(Path::new("/srv/a,b")));
    }
}
