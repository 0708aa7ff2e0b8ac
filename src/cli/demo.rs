//! `fortnight demo`: starts a server with demo data.

use std::path::Path;

use anyhow::{Context, bail};
use clap::Args;

use crate::{
    cli::serve::{DemoData, Front, serve_from},
    config::Config,
    db::database::Database,
};

#[derive(Args, Debug)]
pub(super) struct Demo {
    /// Start over with fresh demo data
    #[arg(long)]
    reset: bool,
    /// Number of tasks in Infrastructure's sprint, for benchmarks
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    tasks: Option<u32>,
}

pub(super) async fn serve_demo(config: &Config, args: &Demo) -> anyhow::Result<()> {
    if config.database()?.is_some() {
        bail!("the demo always uses a database of its own: remove --database-url and DATABASE_URL");
    }
    let front = Front::open(config).await?;
    let data_dir = config.demo_data_dir()?;
    claim_for_the_demo(&data_dir)?;
    let database = if args.reset {
        Database::emptied(&data_dir).await?
    } else {
        Database::to_serve(None, &data_dir).await?
    };
    let data = DemoData { tasks: args.tasks };
    serve_from(database, front, config, Some(data)).await
}

/// Marks a data directory as the demo's. Refuses one with a real workspace, which `--reset` would
/// delete.
fn claim_for_the_demo(folder: &Path) -> anyhow::Result<()> {
    let mark = folder.join("demo");
    if folder.join("postgres").exists() && !mark.exists() {
        bail!(
            "{} contains a real workspace: choose another data directory for the demo, or none",
            folder.display()
        );
    }
    std::fs::create_dir_all(folder)
        .and_then(|()| std::fs::write(&mark, ""))
        .with_context(|| format!("cannot write to {}", folder.display()))
}
