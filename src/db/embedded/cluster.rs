//! The cluster on disk: its folders, its making, who may connect, and the command that runs it.

use std::fs;
use std::io::ErrorKind;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, bail};
use rustix::process::Pid;

use crate::db::embedded::account::Account;
use crate::db::embedded::programs::{self, Programs};
use crate::db::embedded::settings::{Durability, PORT, ROLE, socket_folder};

/// A cluster, made or found, with the programs and the account that run it.
pub(crate) struct Cluster {
    folder: PathBuf,
    sockets: PathBuf,
    /// What Postgres says before it opens its own log, and why it would not start.
    start_log: PathBuf,
    account: Account,
    programs: Programs,
}

impl Cluster {
    /// Finds the cluster of a data folder, or where one would be made, and what runs it.
    /// Changes nothing: what stands in the way is said before anything is made.
    pub(crate) fn find(data_dir: &Path) -> anyhow::Result<Self> {
        let folder = data_dir.join("postgres");
        let version = fs::read_to_string(folder.join("PG_VERSION")).ok();
        let programs = programs::find(version.as_deref().and_then(programs::major_of))?;
        let account = Account::for_cluster(&folder)?;
        account.may_enter(data_dir)?;
        Ok(Self {
            sockets: socket_folder(data_dir),
            start_log: data_dir.join("postgres-start.log"),
            folder,
            account,
            programs,
        })
    }

    /// Makes what is missing. Whoever calls it holds the data folder's lock.
    pub(crate) fn prepare(&self, durability: Durability) -> anyhow::Result<()> {
        if !self.folder.join("PG_VERSION").exists() {
            self.make(durability)?;
        }
        self.say_who_may_connect()?;
        self.make_socket_folder()
    }

    /// A half-made cluster must not be taken for a whole one, so it is made aside and renamed.
    fn make(&self, durability: Durability) -> anyhow::Result<()> {
        // not one name for all: the initdb of a program that was killed may still be clearing up
        let new = self
            .folder
            .with_extension(format!("new-{}", std::process::id()));
        self.account.own_folder(&new)?;
        tracing::info!("making a database in {}", self.folder.display());
        // sorting is the same on every machine; lower() still knows letters beyond ASCII
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
                "Postgres could not make a database: {}",
                last_lines(&String::from_utf8_lossy(&output.stderr))
            );
        }
        fs::rename(&new, &self.folder)
            .with_context(|| format!("cannot name {}", self.folder.display()))?;
        self.clear_half_made();
        Ok(())
    }

    /// What programs that were killed left behind. It is only in the way of the disk's space.
    fn clear_half_made(&self) {
        let Some(entries) = self.folder.parent().and_then(|dir| fs::read_dir(dir).ok()) else {
            return;
        };
        for entry in entries.flatten() {
            if entry.file_name().as_bytes().starts_with(b"postgres.new-")
                && let Err(error) = fs::remove_dir_all(entry.path())
            {
                tracing::debug!("cannot clear {}: {error}", entry.path().display());
            }
        }
    }

    fn say_who_may_connect(&self) -> anyhow::Result<()> {
        let mut map = format!("{ROLE} {} {ROLE}\n", quoted(&self.account.name));
        if self.account.name != "root" && rustix::process::geteuid().is_root() {
            map.push_str(&format!("{ROLE} root {ROLE}\n"));
        }
        self.write("pg_ident.conf", &map)?;
        self.write("pg_hba.conf", &format!("local all all peer map={ROLE}\n"))
    }

    fn write(&self, name: &str, text: &str) -> anyhow::Result<()> {
        let path = self.folder.join(name);
        fs::write(&path, text)
            .and_then(|()| self.account.give(&path))
            .with_context(|| format!("cannot write {}", path.display()))
    }

    fn make_socket_folder(&self) -> anyhow::Result<()> {
        match fs::DirBuilder::new().mode(0o700).create(&self.sockets) {
            Err(error) if error.kind() != ErrorKind::AlreadyExists => {
                return Err(error)
                    .with_context(|| format!("cannot make {}", self.sockets.display()));
            }
            _ => {}
        }
        // in /tmp a stranger may have been quicker: only a folder of our own making is given on
        let ours = fs::symlink_metadata(&self.sockets).is_ok_and(|found| {
            found.is_dir() && found.uid() == rustix::process::geteuid().as_raw()
        });
        if ours {
            self.account.give(&self.sockets)?;
        }
        if !self.account.owns_alone(&self.sockets) {
            bail!(
                "{} belongs to somebody else: remove it, or move the data folder to a shorter path",
                self.sockets.display()
            );
        }
        Ok(())
    }

    /// The command that runs the server in the foreground.
    pub(crate) fn server(&self, durability: Durability) -> anyhow::Result<Command> {
        let log = fs::File::create(&self.start_log)
            .with_context(|| format!("cannot write {}", self.start_log.display()))?;
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

    /// So that nothing is left over after kill -9: the kernel tells Postgres that we are gone.
    /// `prctl` in a child would be unsafe code, and util-linux's setpriv does the same. Where it
    /// is missing, the next start ends the orphan instead.
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
            // PGDATA and the like speak of somebody else's Postgres
            .env_clear()
            .envs(std::env::var_os("PATH").map(|path| ("PATH", path)))
            // where we were started, the account might not be able to be
            .current_dir("/")
            .stdin(Stdio::null())
            // ctrl-C reaches the whole group, and we want to stop Postgres last
            .process_group(0);
        self.account.runs(&mut command);
        command
    }

    pub(crate) fn sockets(&self) -> &Path {
        &self.sockets
    }

    /// The postmaster that says it serves this cluster: it may be an orphan, or long gone.
    pub(crate) fn postmaster(&self) -> Option<Pid> {
        let text = fs::read_to_string(self.folder.join("postmaster.pid")).ok()?;
        Pid::from_raw(text.lines().next()?.trim().parse().ok()?)
    }

    /// Why it would not start, in its own words.
    pub(crate) fn complaint(&self) -> String {
        last_lines(&fs::read_to_string(&self.start_log).unwrap_or_default())
    }
}

/// pg_ident's quoting; a user's name may have a space or a backslash from a directory.
fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn last_lines(text: &str) -> String {
    let lines: Vec<&str> = text
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .collect();
    lines[lines.len().saturating_sub(4)..].join("; ")
}
