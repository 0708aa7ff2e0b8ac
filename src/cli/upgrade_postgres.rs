//! `fortnight upgrade-postgres`.

use std::path::PathBuf;

use anyhow::bail;
use clap::Args;

use crate::{
    cli::{backup::contents, output::print_line},
    config::Config,
    db::postgres_upgrade::{Outcome, upgrade},
    domain::clock::Clock,
};

#[derive(Debug, Args)]
pub(super) struct UpgradePostgres {
    /// The directory with the programs of the old version, if they are not installed as a package
    #[arg(long, value_name = "DIRECTORY")]
    old_bin: Option<PathBuf>,
}

impl UpgradePostgres {
    pub(super) async fn run(self, config: &Config) -> anyhow::Result<()> {
        if config.database()?.is_some() {
            bail!(
                "DATABASE_URL names a Postgres of yours, which Fortnight does not upgrade: this command is for the bundled one"
            );
        }
        let now = Clock::default().now();
        match upgrade(&config.data_dir()?, self.old_bin.as_deref(), now).await? {
            Outcome::IsNewest(major) => print_line(&format!(
                "The database is of Postgres {major}, and no newer version is installed."
            )),
            Outcome::Upgraded {
                from,
                to,
                kept,
                manifest,
            } => {
                print_line(&format!(
                    "Upgraded the database from Postgres {from} to {to}: {}. All tables are the same.",
                    contents(&manifest)
                ));
                print_line(&format!(
                    "The old one is in {}: delete that directory once all is well.",
                    kept.display()
                ));
            }
        }
        Ok(())
    }
}
