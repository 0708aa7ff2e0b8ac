//! `fortnight export` and `fortnight import fortnight`: the whole workspace as JSON.

use std::path::PathBuf;

use anyhow::{Context, bail};
use clap::Args;

use crate::{
    cli::{output::print_line, serve::files_dir},
    config::Config,
    db::{
        database::Database,
        export::{manifest::Manifest, read, write},
    },
    domain::{clock::Clock, humanize},
};

#[derive(Args, Debug)]
pub(super) struct Export {
    /// A new folder, or a file that ends in .zip
    to: PathBuf,
}

impl Export {
    pub(super) async fn run(&self, config: &Config, database: &Database) -> anyhow::Result<()> {
        let files = config.attachments.store(&files_dir(config, database)?);
        let now = Clock::default().now();
        let manifest = write::export(&database.direct, &files, &self.to, now)
            .await
            .context("nothing was exported")?;
        let shown = self.to.display();
        print_line(&format!("Exported {} to {shown}.", contents(&manifest)));
        if let Some(complaint) = manifest.files.complaint() {
            bail!("{complaint}. {shown} contains everything else");
        }
        Ok(())
    }
}

#[derive(Args, Debug)]
pub(super) struct ImportWorkspace {
    /// The folder or .zip file that fortnight export wrote
    from: PathBuf,
}

impl ImportWorkspace {
    pub(super) async fn run(&self, config: &Config, database: &Database) -> anyhow::Result<()> {
        let files = config.attachments.store(&files_dir(config, database)?);
        let manifest = read::import(&database.direct, &files, &self.from)
            .await
            .context("nothing was imported")?;
        print_line(&format!(
            "Imported {}. Everyone has to sign in again.",
            contents(&manifest)
        ));
        Ok(())
    }
}

/// `“Platform” with 8 people, 63 tasks and 2 attached files (1.2 MB)`
fn contents(manifest: &Manifest) -> String {
    let people = humanize::people(manifest.rows("accounts"));
    let tasks = humanize::counted(manifest.rows("tasks"), "task");
    let all = match manifest.files.count {
        0 => format!("{people} and {tasks}"),
        count => format!(
            "{people}, {tasks} and {} ({})",
            humanize::counted(count, "attached file"),
            humanize::bytes(manifest.files.bytes)
        ),
    };
    format!("“{}” with {all}", manifest.workspace)
}
