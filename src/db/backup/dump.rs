//! A running `pg_dump`.

use std::{fs::File, process::Command};

use anyhow::{Context, bail};
use rustix::process::{Pid, Signal, kill_process};
use tokio::{
    io::AsyncReadExt,
    process::{Child, ChildStderr},
};

use crate::db::backup::tools::summary;

/// It is asked to stop if it is dropped before its end. It then also cancels its query, which Postgres would otherwise go
/// on with.
pub(crate) struct Dump {
    child: Child,
    errors: ChildStderr,
}

impl Dump {
    /// Starts it. Returns its output too.
    pub(crate) fn start(command: Command) -> anyhow::Result<(Self, File)> {
        let mut child = tokio::process::Command::from(command)
            .spawn()
            .context("cannot start pg_dump")?;
        drop(child.stdin.take());
        let output = child.stdout.take().context("pg_dump has no output")?;
        let errors = child.stderr.take().context("pg_dump has no errors")?;
        let output = output.into_owned_fd()?.into();
        Ok((Self { child, errors }, output))
    }

    /// Waits for its end.
    ///
    /// # Errors
    /// With what it said, if it failed.
    pub(crate) async fn finish(mut self) -> anyhow::Result<()> {
        let mut errors = Vec::new();
        self.errors.read_to_end(&mut errors).await?;
        if !self.child.wait().await?.success() {
            bail!(
                "pg_dump failed: {}",
                summary(&String::from_utf8_lossy(&errors))
            );
        }
        Ok(())
    }
}

impl Drop for Dump {
    fn drop(&mut self) {
        // none once it has ended
        let id = self.child.id().and_then(|id| i32::try_from(id).ok());
        if let Some(pid) = id.and_then(Pid::from_raw) {
            // fails if it has just ended, which is fine
            let _ = kill_process(pid, Signal::TERM);
        }
    }
}
