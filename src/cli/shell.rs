//! `fortnight completions` and `fortnight man`: what a shell and `man` show about the commands.

use std::{io::Write, path::PathBuf};

use anyhow::Context;
use clap::{Args, Command};
use clap_complete::Shell;

use crate::cli::output::print_line;

#[derive(Args, Debug)]
pub(super) struct Completions {
    /// The shell that reads them
    shell: Shell,
}

#[derive(Args, Debug)]
pub(super) struct Man {
    /// The directory to write the pages to, such as /usr/local/share/man/man1
    directory: PathBuf,
}

impl Completions {
    /// Prints what completes commands and flags in a shell.
    pub(super) fn print(&self, mut program: Command) -> anyhow::Result<()> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut program, "fortnight", &mut script);
        std::io::stdout()
            .write_all(&script)
            .context("cannot write to standard output")
    }
}

impl Man {
    /// Writes a page for the program, and one for each command.
    pub(super) fn write(&self, program: Command) -> anyhow::Result<()> {
        let directory = self.directory.display();
        std::fs::create_dir_all(&self.directory)
            .with_context(|| format!("cannot create {directory}"))?;
        clap_mangen::generate_to(program, &self.directory)
            .with_context(|| format!("cannot write to {directory}"))?;
        print_line(&format!("Wrote the manual pages to {directory}."));
        Ok(())
    }
}
