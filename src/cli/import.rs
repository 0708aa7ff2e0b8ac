//! `fortnight import`: imports tasks from another tool's export file.

use std::{
    io::{IsTerminal, Write},
    path::PathBuf,
};

use anyhow::Context;
use clap::{Args, ValueEnum};
use indicatif::ProgressBar;
use sqlx::PgPool;

use crate::{
    cli::output::{print_line, to_error},
    domain::{
        clock::Clock,
        events::EventStore,
        import::{self, draft::ImportRequest, execute},
    },
    http::live::dispatcher,
};

#[derive(Args, Debug)]
pub(super) struct Import {
    /// The tool that exported the file
    from: Source,
    file: PathBuf,
    /// Slug of the team to import into
    #[arg(long)]
    team: String,
    /// Column for a list, such as "Doing=In progress"; can be repeated
    #[arg(long = "map", value_name = "LIST=COLUMN", value_parser = mapping)]
    mappings: Vec<(String, String)>,
    /// Show what would be imported without importing it
    #[arg(long)]
    dry_run: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum Source {
    Trello,
    Github,
}

fn mapping(text: &str) -> Result<(String, String), String> {
    let (list, column) = text.split_once('=').ok_or("expected LIST=COLUMN")?;
    Ok((list.trim().to_owned(), column.trim().to_owned()))
}

/// Imports a file into a team.
pub(super) async fn import(pool: &PgPool, args: &Import) -> anyhow::Result<()> {
    let file = import::read_file(&args.file)?;
    let draft = match args.from {
        Source::Trello => import::trello::parse(&file),
        Source::Github => import::github::parse(&file),
    };
    let draft =
        draft.with_context(|| format!("nothing was imported from {}", args.file.display()))?;
    let bar = progress_bar(draft.tasks.len());
    let request = ImportRequest {
        draft: &draft,
        team: &args.team,
        mappings: &args.mappings,
        dry_run: args.dry_run,
    };
    let (store, mut commits) = EventStore::new(pool.clone(), Clock::default());
    let all = draft.tasks.len();
    let report = |done: usize| {
        bar.set_position(done as u64);
        // in a file or pipe, lines instead of a progress bar
        if !std::io::stderr().is_terminal() && done > 0 && done.is_multiple_of(1_000) {
            let _ = writeln!(std::io::stderr(), "{done} of {all} tasks");
        }
    };
    let outcome = execute::import(&store, &request, &report).await;
    bar.finish_and_clear();
    print_line(
        &outcome
            .map_err(to_error)
            .context("nothing was imported")?
            .to_string(),
    );
    dispatcher::flush(pool, &mut commits).await;
    Ok(())
}

/// A progress bar for large imports. Shown only on a terminal.
fn progress_bar(tasks: usize) -> ProgressBar {
    if tasks > 500 {
        ProgressBar::new(tasks as u64)
    } else {
        ProgressBar::hidden()
    }
}
