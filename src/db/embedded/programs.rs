//! Finds the machine's Postgres programs, or explains how to install them.

use std::{
    env,
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, bail};

/// The oldest major version that Fortnight is tested with.
const OLDEST: u32 = 15;

/// A directory with `postgres` and `initdb`, and their major version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Programs {
    pub(crate) folder: PathBuf,
    pub(crate) major: u32,
}

/// Chooses the programs: those of an existing cluster's major version, otherwise the newest.
pub(crate) fn find(cluster: Option<u32>) -> anyhow::Result<Programs> {
    let installed = folders(env::var_os("PATH").as_deref())
        .into_iter()
        .filter_map(|folder| programs_in(&folder))
        .collect();
    choose(installed, cluster, &os_release())
}

/// Those of this major version in this directory.
pub(crate) fn find_in(folder: &Path, major: u32) -> anyhow::Result<Programs> {
    match programs_in(&std::path::absolute(folder)?) {
        Some(programs) if programs.major == major => Ok(programs),
        Some(programs) => bail!(
            "the database was made by Postgres {major}, and the programs in {} are of Postgres {}",
            folder.display(),
            programs.major
        ),
        None => bail!(
            "{} is not a directory with the programs postgres and initdb",
            folder.display()
        ),
    }
}

/// The major version of a cluster; `None` if there is none.
pub(crate) fn version_of(cluster: &Path) -> Option<u32> {
    major_of(&fs::read_to_string(cluster.join("PG_VERSION")).ok()?)
}

fn choose(
    installed: Vec<Programs>,
    cluster: Option<u32>,
    os_release: &str,
) -> anyhow::Result<Programs> {
    let Some(newest) = installed
        .iter()
        .max_by_key(|programs| programs.major)
        .cloned()
    else {
        bail!(
            "Postgres is not installed on this machine: install it with '{}', or name a Postgres of your own with --database-url",
            how_to_install(os_release)
        );
    };
    match cluster {
        // never touched: a newer Postgres can't read it, and an upgrade is the owner's decision
        Some(major) => installed.into_iter().find(|programs| programs.major == major).with_context(|| {
            let newest = newest.major;
            if newest < major {
                format!("the database was made by Postgres {major}, and this machine has only Postgres {newest}: install Postgres {major}")
            } else {
                format!("the database was made by Postgres {major}, and this machine has Postgres {newest}: run 'fortnight upgrade-postgres', which needs the programs of Postgres {major} once more (package postgresql-{major}, or --old-bin DIRECTORY)")
            }
        }),
        None if newest.major < OLDEST => bail!(
            "Fortnight needs Postgres {OLDEST} or newer, and this machine has Postgres {}",
            newest.major
        ),
        None => Ok(newest),
    }
}

/// The directories to search: PATH, then those of Debian's, Postgres's Fedora and Homebrew's
/// packages, which are not on PATH.
fn folders(path: Option<&OsStr>) -> Vec<PathBuf> {
    let mut folders: Vec<PathBuf> = path
        .map(|path| env::split_paths(path).collect())
        .unwrap_or_default();
    if let Ok(output) = Command::new("pg_config").arg("--bindir").output() {
        folders.push(
            String::from_utf8_lossy(&output.stdout)
                .trim()
                .to_owned()
                .into(),
        );
    }
    folders.extend(folders_inside("/usr/lib/postgresql", ""));
    folders.extend(folders_inside("/usr", "pgsql-"));
    for homebrew in ["/opt/homebrew", "/usr/local", "/home/linuxbrew/.linuxbrew"] {
        folders.extend(folders_inside(&format!("{homebrew}/opt"), "postgresql"));
    }
    folders
}

/// The directories with `pg_dump`. Those of the packages come first: on PATH, Debian has a script that chooses among them.
pub(crate) fn folders_with_clients() -> Vec<PathBuf> {
    let on_path = env::var_os("PATH").map(|path| env::split_paths(&path).collect::<Vec<_>>());
    folders(None)
        .into_iter()
        .chain(on_path.unwrap_or_default())
        .filter(|folder| folder.is_absolute() && folder.join("pg_dump").is_file())
        .collect()
}

fn folders_inside(parent: &str, prefix: &str) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(parent) else {
        return Vec::new();
    };
    entries
        .flatten()
        .filter(|entry| entry.file_name().to_string_lossy().starts_with(prefix))
        .map(|entry| entry.path().join("bin"))
        .collect()
}

fn programs_in(folder: &Path) -> Option<Programs> {
    // a relative directory on PATH would depend on the working directory
    if !folder.is_absolute() || !folder.join("initdb").is_file() {
        return None;
    }
    let version = Command::new(folder.join("postgres"))
        .arg("--version")
        .output()
        .ok()?;
    let major = major_of(&String::from_utf8_lossy(&version.stdout))?;
    let folder = folder.to_owned();
    Some(Programs { folder, major })
}

/// `postgres (PostgreSQL) 15.14 (Debian …)` → 15; also `17beta1`, and a PG_VERSION file's `15`.
pub(crate) fn major_of(version: &str) -> Option<u32> {
    let number = version
        .split_whitespace()
        .find(|word| word.starts_with(|c: char| c.is_ascii_digit()))?;
    let digits = number
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(number.len());
    number[..digits].parse().ok()
}

fn os_release() -> String {
    // an unreadable file only makes the hint less specific
    fs::read_to_string(Path::new("/etc/os-release")).unwrap_or_default()
}

fn how_to_install(os_release: &str) -> &'static str {
    let families: Vec<&str> = os_release
        .lines()
        .filter_map(|line| {
            line.strip_prefix("ID=")
                .or_else(|| line.strip_prefix("ID_LIKE="))
        })
        .flat_map(|value| value.trim_matches('"').split_whitespace())
        .collect();
    let any = |names: &[&str]| families.iter().any(|family| names.contains(family));
    if any(&["debian", "ubuntu"]) {
        "sudo apt-get install postgresql"
    } else if any(&["fedora", "rhel", "centos"]) {
        "sudo dnf install postgresql-server"
    } else if any(&["suse", "opensuse"]) {
        "sudo zypper install postgresql-server"
    } else if any(&["arch"]) {
        "sudo pacman -S postgresql"
    } else if any(&["alpine"]) {
        "apk add postgresql"
    } else {
        "brew install postgresql@17"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn programs(major: u32) -> Programs {
        Programs {
            folder: format!("/usr/lib/postgresql/{major}/bin").into(),
            major,
        }
    }

    fn refusal(installed: Vec<Programs>, cluster: Option<u32>, os_release: &str) -> String {
        choose(installed, cluster, os_release)
            .unwrap_err()
            .to_string()
    }

    #[test]
    fn missing_programs_are_named_in_the_systems_own_words() {
        let on = |os_release| refusal(vec![], None, os_release);
        assert!(on("ID=debian\n").contains("apt-get install postgresql"));
        assert!(on("ID=linuxmint\nID_LIKE=\"ubuntu debian\"\n").contains("apt-get"));
        assert!(on("ID=\"rocky\"\nID_LIKE=\"rhel centos fedora\"\n").contains("dnf install"));
        assert!(on("").contains("brew install"));
    }

    #[test]
    fn a_cluster_is_started_by_its_own_version_only() {
        let installed = vec![programs(17), programs(15), programs(16)];
        assert_eq!(
            choose(installed.clone(), Some(15), "").unwrap(),
            programs(15)
        );
        assert_eq!(choose(installed, None, "").unwrap(), programs(17));
        let missing = refusal(vec![programs(16), programs(17)], Some(15), "");
        assert_eq!(
            missing,
            "the database was made by Postgres 15, and this machine has Postgres 17: run 'fortnight upgrade-postgres', which needs the programs of Postgres 15 once more (package postgresql-15, or --old-bin DIRECTORY)"
        );
        let older = refusal(vec![programs(15), programs(16)], Some(17), "");
        assert_eq!(
            older,
            "the database was made by Postgres 17, and this machine has only Postgres 16: install Postgres 17"
        );
    }

    #[test]
    fn a_new_database_is_not_made_by_an_untested_version() {
        assert!(refusal(vec![programs(13)], None, "").contains("15 or newer"));
    }

    #[test]
    fn versions_are_read_as_postgres_writes_them() {
        assert_eq!(
            major_of("postgres (PostgreSQL) 15.14 (Debian 15.14-0+deb12u1)"),
            Some(15)
        );
        assert_eq!(major_of("postgres (PostgreSQL) 18beta1"), Some(18));
        assert_eq!(major_of("16\n"), Some(16));
        assert_eq!(major_of("no such thing"), None);
    }
}
