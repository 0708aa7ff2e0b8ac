//! The operating-system user that Postgres runs as, and its access to the directories.

use std::{
    fs,
    os::unix::{
        fs::{MetadataExt, PermissionsExt, chown},
        process::CommandExt,
    },
    path::Path,
    process::Command,
};

use anyhow::{Context, bail};

/// A user of the operating system.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct OsUser {
    pub(crate) name: String,
    uid: u32,
    gid: u32,
    /// Whether to switch users: Fortnight runs as root, which Postgres refuses.
    switches_user: bool,
}

impl OsUser {
    /// The user that owns an existing cluster. For a new one it is our own user or, if that is root,
    /// `postgres` or else `nobody`.
    pub(crate) fn for_cluster(cluster: &Path) -> anyhow::Result<Self> {
        let us = rustix::process::geteuid();
        let owner = fs::metadata(cluster)
            .ok()
            .map(|folder| folder.uid().to_string());
        if us.is_root() {
            let wanted = match &owner {
                Some(owner) if owner != "0" => vec![owner.as_str()],
                _ => vec!["postgres", "nobody"],
            };
            return wanted
                .into_iter()
                .find_map(|name| Self::look_up(name, true))
                .context("Postgres refuses to run as root, and there is no other user to run it as. Create one: useradd --system postgres");
        }
        let us = us.as_raw().to_string();
        if owner.is_some_and(|owner| owner != us) {
            bail!(
                "{} belongs to another user: run Fortnight as that user, or choose another directory with --data-dir",
                cluster.display()
            );
        }
        Self::look_up(&us, false).with_context(|| {
            format!("Postgres needs a user with a name, and user id {us} has none")
        })
    }

    // `id` rather than /etc/passwd, which lacks macOS's users and those of directory services
    fn look_up(user: &str, switches_user: bool) -> Option<Self> {
        let id = |what: &str| {
            let output = Command::new("id").args([what, "--", user]).output().ok()?;
            let text = String::from_utf8(output.stdout).ok()?;
            output.status.success().then(|| text.trim().to_owned())
        };
        Some(Self {
            name: id("-un")?,
            uid: id("-u")?.parse().ok()?,
            gid: id("-g")?.parse().ok()?,
            switches_user,
        })
    }

    /// Makes the command run as this user.
    pub(crate) fn run_as<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        if self.switches_user {
            // also drops root's supplementary groups
            command.uid(self.uid).gid(self.gid);
        }
        command
    }

    /// Creates a directory that only this user and root can read.
    pub(crate) fn create_private_dir(&self, folder: &Path) -> anyhow::Result<()> {
        self.make(folder)
            .with_context(|| format!("cannot create the directory {}", folder.display()))
    }

    fn make(&self, folder: &Path) -> std::io::Result<()> {
        fs::create_dir_all(folder)?;
        self.chown_to_user(folder)?;
        fs::set_permissions(folder, fs::Permissions::from_mode(0o700))
    }

    /// Makes this user the file's owner.
    pub(crate) fn chown_to_user(&self, path: &Path) -> std::io::Result<()> {
        if self.switches_user {
            chown(path, Some(self.uid), Some(self.gid))?;
        }
        Ok(())
    }

    /// Whether the directory belongs to this user alone: in /tmp another user may have created it
    /// first.
    pub(crate) fn owns_alone(&self, folder: &Path) -> bool {
        fs::symlink_metadata(folder).is_ok_and(|metadata| {
            metadata.is_dir() && metadata.uid() == self.uid && metadata.mode() & 0o077 == 0
        })
    }

    /// Fails if this user cannot enter the directory or one of its parents, and names it.
    pub(crate) fn check_can_enter(&self, folder: &Path) -> anyhow::Result<()> {
        for parent in folder.ancestors() {
            let Ok(metadata) = fs::metadata(parent) else {
                continue;
            };
            if self.switches_user
                && !self.has_search_permission(metadata.mode(), metadata.uid(), metadata.gid())
            {
                bail!(
                    "Postgres runs as the user {}, who cannot enter {}: choose another directory with --data-dir",
                    self.name,
                    parent.display()
                );
            }
        }
        Ok(())
    }

    fn has_search_permission(&self, mode: u32, owner: u32, group: u32) -> bool {
        let bit = if owner == self.uid {
            0o100
        } else if group == self.gid {
            0o010
        } else {
            0o001
        };
        mode & bit != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn error_names_the_inaccessible_directory() {
        let home = tempfile::tempdir().unwrap();
        let stranger = OsUser {
            name: "postgres".to_owned(),
            uid: 4_000_001,
            gid: 4_000_001,
            switches_user: true,
        };
        fs::set_permissions(home.path(), fs::Permissions::from_mode(0o700)).unwrap();
        let refusal = stranger
            .check_can_enter(&home.path().join("data/postgres"))
            .unwrap_err()
            .to_string();
        assert!(
            refusal.contains(&format!("cannot enter {}", home.path().display())),
            "{refusal}"
        );
        fs::set_permissions(home.path(), fs::Permissions::from_mode(0o711)).unwrap();
        stranger.check_can_enter(&home.path().join("data")).unwrap();
    }
}
