//! `fortnight import`: imports tasks from another tool's export file.

use std::{
    io::{IsTerminal, Write},
    path::PathBuf,
};

use anyhow::Context;
use clap::{Args, Subcommand, ValueEnum};
use indicatif::ProgressBar;

use crate::{
    cli::{
        export::ImportWorkspace,
        output::{print_line, to_error},
    },
    config::Config,
    db::{database::Database, pool::Pool},
    domain::{
        clock::Clock,
        events::EventStore,
        import::{
            draft::{ImportRequest, ImportSprint},
            execute,
            fields::columns::Field,
            file,
            source::Source,
        },
    },
    http::live::dispatcher,
};

#[derive(Args, Debug)]
#[command(subcommand_negates_reqs = true, args_conflicts_with_subcommands = true)]
pub(super) struct Import {
    #[command(subcommand)]
    whole: Option<Whole>,
    #[command(flatten)]
    tasks: Option<ImportTasks>,
}

#[derive(Subcommand, Debug)]
enum Whole {
    /// Restore what fortnight export wrote, into an empty workspace
    Fortnight(ImportWorkspace),
}

impl Import {
    pub(super) async fn run(&self, config: &Config, database: &Database) -> anyhow::Result<()> {
        match (&self.whole, &self.tasks) {
            (Some(Whole::Fortnight(args)), _) => args.run(config, database).await,
            (None, Some(args)) => import(&database.pool, args).await,
            (None, None) => {
                anyhow::bail!("name the tool that exported the file, the file and --team")
            }
        }
    }
}

#[derive(Args, Debug)]
struct ImportTasks {
    /// The tool that exported the file
    from: Source,
    file: PathBuf,
    /// Slug of the team to import into
    #[arg(long)]
    team: String,
    /// Column or state of a list: "Doing=In progress", "Lab=doing", "Lab=Experiments:doing"; can be
    /// repeated. The states are todo, doing, blocked, review and done
    #[arg(long = "map", value_name = "LIST=COLUMN[:STATE]", value_parser = mapping)]
    mappings: Vec<(String, String)>,
    /// Column of a table for a field, with the format csv: "title=Headline", "status=Stage"; can be repeated. The fields are
    /// title, status, description, owners, creator, labels, due, estimate, created, started, done, archived and id
    #[arg(long = "column", value_name = "FIELD=COLUMN", value_parser = column)]
    columns: Vec<(Field, String)>,
    /// Sprint of tasks in progress, blocked or in review: none, this, or a sprint's number. Other
    /// open tasks go to the backlog
    #[arg(long, default_value = "this", value_parser = sprint)]
    sprint: ImportSprint,
    /// Run the import, show its summary, and undo it
    #[arg(long)]
    dry_run: bool,
}

fn mapping(text: &str) -> Result<(String, String), String> {
    let (list, column) = text.rsplit_once('=').ok_or("expected LIST=COLUMN")?;
    if column.trim().is_empty() {
        return Err("expected a column or a state after “=”".to_owned());
    }
    Ok((list.trim().to_owned(), column.trim().to_owned()))
}

fn column(text: &str) -> Result<(Field, String), String> {
    let (field, column) = text.split_once('=').ok_or("expected FIELD=COLUMN")?;
    let field = Field::from_str(field.trim(), true)?;
    Ok((field, column.trim().to_owned()))
}

fn sprint(text: &str) -> Result<ImportSprint, String> {
    match text {
        "none" => Ok(ImportSprint::None),
        "this" => Ok(ImportSprint::This),
        number => number
            .parse()
            .map(ImportSprint::Number)
            .map_err(|_| "expected none, this, or a sprint's number".to_owned()),
    }
}

/// Imports a file into a team.
async fn import(pool: &Pool, args: &ImportTasks) -> anyhow::Result<()> {
    anyhow::ensure!(
        args.columns.is_empty() || args.from == Source::Csv,
        "--column is for the format csv; the columns of other formats are known"
    );
    let name = args.file.display().to_string();
    let draft = args
        .from
        .parse(file::read(&args.file)?, &name, &args.columns);
    let draft = draft.with_context(|| format!("nothing was imported from {name}"))?;
    let bar = progress_bar(draft.tasks.len());
    let request = ImportRequest {
        draft: &draft,
        team: &args.team,
        mappings: &args.mappings,
        sprint: args.sprint,
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
