//! The bundled database cluster on disk: its directories, initdb, authentication, and the command
//! that runs it.

use std::{
    fs,
    io::ErrorKind,
    os::unix::{
        ffi::OsStrExt,
        fs::{DirBuilderExt, MetadataExt},
        process::CommandExt,
    },
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context, bail};
use rustix::process::{Pid, test_kill_process};

use crate::db::embedded::{
    complaint::{Logs, last_lines},
    os_user::OsUser,
    programs::{self, Programs},
    settings::{Durability, PORT, ROLE, socket_folder},
    swap,
};

/// A cluster with the programs and the user that run it.
pub(crate) struct Cluster {
    folder: PathBuf,
    sockets: PathBuf,
    logs: Logs,
    os_user: OsUser,
    programs: Programs,
}

impl Cluster {
    /// Finds the cluster of a data directory, or where to create it, and the programs to run it.
    /// Changes nothing, so that problems are reported before anything is created.
    pub(crate) fn find(data_dir: &Path) -> anyhow::Result<Self> {
        let current = swap::current(data_dir);
        let programs = programs::find(programs::version_of(&current))?;
        let os_user = OsUser::for_cluster(&current)?;
        os_user.check_can_enter(data_dir)?;
        Ok(Self::with(data_dir, programs, os_user))
    }

    /// The cluster of a data directory, with these programs.
    pub(crate) fn with(data_dir: &Path, programs: Programs, os_user: OsUser) -> Self {
        Self {
            folder: data_dir.join(swap::FOLDER),
            sockets: socket_folder(data_dir),
            logs: Logs {
                start: data_dir.join("postgres-start.log"),
                folder: data_dir.join(swap::FOLDER).join("log"),
            },
            os_user,
            programs,
        }
    }

    /// Creates what is missing. The caller holds the data directory's lock.
    pub(crate) fn prepare(&self, durability: Durability) -> anyhow::Result<()> {
        swap::finish(self.folder.parent().unwrap_or(&self.folder))?;
        if !self.folder.join("PG_VERSION").exists() {
            self.make(durability)?;
        }
        self.say_who_may_connect()?;
        self.make_socket_folder()
    }

    /// Runs initdb in a temporary directory and renames it, so that an incomplete cluster is never
    /// used.
    fn make(&self, durability: Durability) -> anyhow::Result<()> {
        // a unique name: the initdb of a killed process may still be cleaning up
        let new = self
            .folder
            .with_extension(format!("new-{}", std::process::id()));
        self.os_user.create_private_dir(&new)?;
        tracing::info!("creating a database in {}", self.folder.display());
        // sorts the same on every machine; lower() still handles letters beyond ASCII
        let letters = if cfg!(target_os = "macos") {
            "UTF-8"
        } else {
            "C.UTF-8"
        };
        let output = self
            .command_dying_with_us("initdb")
            .arg("--pgdata")
            .arg(&new)
            .args([
                "--username",
                ROLE,
                "--auth=peer",
                "--encoding=UTF8",
                "--no-instructions",
            ])
            .args(["--locale=C", &format!("--lc-ctype={letters}")])
            .args(match durability {
                Durability::Safe => None,
                Durability::Fast => Some("--no-sync"),
            })
            .output()
            .context("cannot start initdb")?;
        if !output.status.success() {
            bail!(
                "Postgres could not create a database: {}",
                last_lines(&String::from_utf8_lossy(&output.stderr))
            );
        }
        fs::rename(&new, &self.folder)
            .with_context(|| format!("cannot rename {}", self.folder.display()))?;
        self.clear_half_made();
        Ok(())
    }

    /// Removes leftovers of killed processes, which only take up disk space.
    fn clear_half_made(&self) {
        let Some(entries) = self.folder.parent().and_then(|dir| fs::read_dir(dir).ok()) else {
            return;
        };
        for entry in entries.flatten() {
            if entry.file_name().as_bytes().starts_with(b"postgres.new-")
                && let Err(error) = fs::remove_dir_all(entry.path())
            {
                tracing::debug!("cannot remove {}: {error}", entry.path().display());
            }
        }
    }

    fn say_who_may_connect(&self) -> anyhow::Result<()> {
        let mut map = format!("{ROLE} {} {ROLE}\n", quoted(&self.os_user.name));
        if self.os_user.name != "root" && rustix::process::geteuid().is_root() {
            map.push_str(&format!("{ROLE} root {ROLE}\n"));
        }
        self.write("pg_ident.conf", &map)?;
        self.write("pg_hba.conf", &format!("local all all peer map={ROLE}\n"))
    }

    fn write(&self, name: &str, text: &str) -> anyhow::Result<()> {
        let path = self.folder.join(name);
        fs::write(&path, text)
            .and_then(|()| self.os_user.chown_to_user(&path))
            .with_context(|| format!("cannot write {}", path.display()))
    }

    fn make_socket_folder(&self) -> anyhow::Result<()> {
        match fs::DirBuilder::new().mode(0o700).create(&self.sockets) {
            Err(error) if error.kind() != ErrorKind::AlreadyExists => {
                return Err(error)
                    .with_context(|| format!("cannot create {}", self.sockets.display()));
            }
            _ => {}
        }
        // in /tmp another user may have created it first: only a directory that we created is used
        let ours = fs::symlink_metadata(&self.sockets).is_ok_and(|metadata| {
            metadata.is_dir() && metadata.uid() == rustix::process::geteuid().as_raw()
        });
        if ours {
            self.os_user.chown_to_user(&self.sockets)?;
        }
        if !self.os_user.owns_alone(&self.sockets) {
            bail!(
                "{} belongs to another user: remove it, or move the data directory to a shorter path",
                self.sockets.display()
            );
        }
        Ok(())
    }

    /// The command that runs the server in the foreground.
    pub(crate) fn server(&self, durability: Durability) -> anyhow::Result<Command> {
        let log = fs::File::create(&self.logs.start)
            .with_context(|| format!("cannot write {}", self.logs.start.display()))?;
        let mut command = self.command_dying_with_us("postgres");
        command.arg("-D").arg(&self.folder);
        command
            .arg("-k")
            .arg(&self.sockets)
            .args(["-p", &PORT.to_string()]);
        for setting in durability.settings() {
            command.args(["-c", setting]);
        }
        command.stdout(Stdio::null()).stderr(log);
        Ok(command)
    }

    fn command(&self, program: &str) -> Command {
        let path = self.programs.folder.join(program);
        self.prepared(Command::new(path))
    }

    /// Makes the kernel stop Postgres when this process dies, so that kill -9 leaves no orphan.
    /// `prctl` in a child would be unsafe code; util-linux's setpriv does the same. Without it, the
    /// next start stops the orphan.
    fn command_dying_with_us(&self, program: &str) -> Command {
        let setpriv = ["--pdeathsig", "INT", "--"];
        let works = Command::new("setpriv")
            .args(setpriv)
            .arg("true")
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|status| status.success());
        if !works {
            return self.command(program);
        }
        let mut command = Command::new("setpriv");
        command
            .args(setpriv)
            .arg(self.programs.folder.join(program));
        self.prepared(command)
    }

    fn prepared(&self, mut command: Command) -> Command {
        command
            // PGDATA and the like are about another Postgres
            .env_clear()
            .envs(std::env::var_os("PATH").map(|path| ("PATH", path)))
            // the user may not have access to our working directory
            .current_dir("/")
            .stdin(Stdio::null())
            // Ctrl-C reaches the whole process group, and Postgres has to stop last
            .process_group(0);
        self.os_user.run_as(&mut command);
        command
    }

    pub(crate) fn sockets(&self) -> &Path {
        &self.sockets
    }

    /// The process id in the cluster's postmaster.pid; it may be an orphan, or stale.
    pub(crate) fn postmaster(&self) -> Option<Pid> {
        let text = fs::read_to_string(self.folder.join("postmaster.pid")).ok()?;
        Pid::from_raw(text.lines().next()?.trim().parse().ok()?)
    }

    /// Where Postgres says why it ended.
    pub(crate) fn logs(&self) -> &Logs {
        &self.logs
    }

    /// The directory that this one was copied from while a Postgres ran there, with that process.
    pub(crate) fn running_original(&self) -> Option<(PathBuf, Pid)> {
        let text = fs::read_to_string(self.folder.join("postmaster.pid")).ok()?;
        let original = PathBuf::from(text.lines().nth(1)?);
        let identity = |path: &Path| fs::metadata(path).map(|of| (of.dev(), of.ino())).ok();
        let is_same = identity(&original) == identity(&self.folder) || original == self.folder;
        let process = self.postmaster().filter(|_| !is_same)?;
        test_kill_process(process).ok()?;
        Some((original, process))
    }

    /// Removes the socket's lock file. A copied directory has that of its original, and Postgres refuses to start if a
    /// process has its number. The caller knows that nothing listens there.
    pub(crate) fn remove_socket_lock(&self) {
        // it is missing in most cases
        let _ = fs::remove_file(self.sockets.join(format!(".s.PGSQL.{PORT}.lock")));
    }
}

/// pg_ident's quoting; a user's name may have a space or a backslash from a directory.
fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
