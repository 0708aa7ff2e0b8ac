//! Postgres's programs for backups: `pg_dump`, `pg_restore` and `psql`.

use std::{
    io::Read,
    path::{Path, PathBuf},
    process::{Child, ChildStderr, Command},
    thread::JoinHandle,
};

use anyhow::{Context, bail};

use crate::db::embedded::programs;

/// Where these programs are.
#[derive(Clone, Debug)]
pub(crate) struct Tools {
    folder: PathBuf,
    pub(crate) major: u32,
}

impl Tools {
    /// Finds those of the server's major version, or otherwise of the next newer one: older ones refuse to work with it.
    pub(crate) fn find(server: u32) -> anyhow::Result<Self> {
        let installed = programs::folders_with_clients()
            .into_iter()
            .filter_map(|folder| Some((client_major(&folder)?, folder)))
            .filter(|(major, _)| *major >= server);
        match installed.min_by_key(|(major, _)| *major) {
            Some((major, folder)) => Ok(Self { folder, major }),
            None => bail!(
                "backups of Postgres {server} need its programs pg_dump, pg_restore and psql: install the package postgresql-client-{server} on this machine"
            ),
        }
    }

    pub(crate) fn path(&self, program: &str) -> PathBuf {
        self.folder.join(program)
    }
}

fn client_major(folder: &Path) -> Option<u32> {
    if !["pg_restore", "psql"]
        .iter()
        .all(|name| folder.join(name).is_file())
    {
        return None;
    }
    let version = Command::new(folder.join("pg_dump"))
        .arg("--version")
        .output()
        .ok()?;
    programs::major_of(&String::from_utf8_lossy(&version.stdout))
}

/// A running program. It is killed if it is dropped before its end.
pub(crate) struct Running {
    name: String,
    pub(crate) child: Child,
    errors: Option<JoinHandle<String>>,
}

impl Running {
    pub(crate) fn start(mut command: Command) -> anyhow::Result<Self> {
        let name = Path::new(command.get_program())
            .file_name()
            .map(|name| name.to_string_lossy().into_owned())
            .unwrap_or_default();
        let mut child = command
            .spawn()
            .with_context(|| format!("cannot start {name}"))?;
        // read meanwhile, since a full pipe would stop the program
        let errors = child
            .stderr
            .take()
            .map(|errors| std::thread::spawn(|| read(errors)));
        Ok(Self {
            name,
            child,
            errors,
        })
    }

    /// Waits for its end.
    ///
    /// # Errors
    /// With what the program said, if it failed.
    pub(crate) fn finish(mut self) -> anyhow::Result<()> {
        drop(self.child.stdin.take());
        let status = self.child.wait()?;
        let errors = self.errors.take().and_then(|reader| reader.join().ok());
        if !status.success() {
            bail!(
                "{} failed: {}",
                self.name,
                summary(&errors.unwrap_or_default())
            );
        }
        Ok(())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // fails if it has ended, which is fine
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The first lines of what a program says, as one.
pub(crate) fn summary(errors: &str) -> String {
    let lines: Vec<&str> = errors
        .lines()
        .filter(|line| !line.trim().is_empty())
        .take(3)
        .collect();
    lines.join(" ")
}

fn read(mut errors: ChildStderr) -> String {
    let mut text = Vec::new();
    let _ = errors.read_to_end(&mut text);
    String::from_utf8_lossy(&text).into_owned()
}
