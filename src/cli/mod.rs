//! The command line: one file per command.

mod backup;
mod client;
mod demo;
mod doctor;
mod export;
mod import;
mod licenses;
mod migrate;
mod output;
mod serve;
mod shell;
pub mod signals;
mod systemd;
mod team;
mod token;
mod upgrade_postgres;
mod user;

use std::time::Duration;

use anyhow::Context;
use clap::{CommandFactory, Parser, Subcommand};

use crate::{
    config::{Config, LogFormat},
    db::database::Database,
    traces::Traces,
};

/// Time for threads that still read or write a file, such as a backup on a disk that no longer answers.
const FILES_CLOSE_WITHIN: Duration = Duration::from_secs(1);

/// A self-hosted team board for people who work in sprints
#[derive(Debug, Parser)]
#[command(name = "fortnight", version)]
pub struct Cli {
    #[command(flatten)]
    config: Config,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Start the server (the default)
    Serve,
    /// Start the server with demo data, in a data directory of its own
    Demo(demo::Demo),
    /// Check this installation and say what to do about what is wrong
    Doctor,
    /// Migrate the database to this version
    Migrate,
    /// Bring the bundled Postgres to a newer major version that is installed
    UpgradePostgres(upgrade_postgres::UpgradePostgres),
    /// Manage accounts
    #[command(subcommand)]
    User(user::User),
    /// Manage teams
    #[command(subcommand)]
    Team(team::Team),
    /// Manage API tokens
    #[command(subcommand)]
    Token(token::Token),
    /// Import from another tool, or everything that another Fortnight exported
    Import(import::Import),
    /// Write everything as JSON, a file per table, also while the server runs
    Export(export::Export),
    /// Log in to a server, for the commands task, standup and open
    Login(client::login::LoginTo),
    /// Forget the server and the token
    Logout,
    /// Work with tasks on the server that was logged in to
    #[command(subcommand)]
    Task(client::task::Task),
    /// Show a team's standup
    Standup(client::standup::ShowStandup),
    /// Open a task or board in the browser
    Open(client::open::Open),
    /// Print what completes the commands in a shell
    Completions(shell::Completions),
    /// Write manual pages
    Man(shell::Man),
    /// Print the licences of the software that Fortnight contains
    Licenses,
    #[command(flatten)]
    Backup(backup::BackupCommand),
}

impl Cli {
    /// How the log is to be written.
    pub fn log_format(&self) -> LogFormat {
        self.config.log_format
    }

    /// Whether it is a server, whose log is read later, rather than a command, which someone watches.
    pub fn is_server(&self) -> bool {
        matches!(self.command, None | Some(Command::Serve | Command::Demo(_)))
    }

    /// Where a server sends its traces, if a collector was named.
    ///
    /// # Errors
    /// If they cannot be sent from this machine.
    pub fn traces(&self) -> anyhow::Result<Option<Traces>> {
        let collector = self.config.otlp_endpoint().filter(|_| self.is_server());
        collector.map(Traces::to).transpose()
    }

    /// Runs the command to its end.
    pub fn run(self) -> anyhow::Result<()> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()
            .context("cannot start the runtime")?;
        let outcome = runtime.block_on(self.dispatch());
        runtime.shutdown_timeout(FILES_CLOSE_WITHIN);
        outcome
    }

    async fn dispatch(self) -> anyhow::Result<()> {
        let config = self.config;
        match self.command.unwrap_or(Command::Serve) {
            Command::Serve => serve::serve(&config).await,
            Command::Demo(args) => demo::serve_demo(&config, &args).await,
            Command::Backup(command) => command.run(&config).await,
            Command::Doctor => doctor::run(&config).await,
            Command::UpgradePostgres(command) => command.run(&config).await,
            Command::Completions(args) => args.print(Self::command()),
            Command::Man(args) => args.write(Self::command()),
            Command::Login(args) => args.run().await,
            Command::Logout => client::login::log_out(),
            Command::Task(command) => command.run().await,
            Command::Standup(args) => args.run().await,
            Command::Open(args) => args.run(),
            Command::Licenses => {
                licenses::print();
                Ok(())
            }
            command => run_beside_server(&config, command).await,
        }
    }
}

/// Runs a command other than the server. A server may be running on the same data directory.
async fn run_beside_server(config: &Config, command: Command) -> anyhow::Result<()> {
    let database = Database::to_work_beside(config.database()?, &config.data_dir()?).await?;
    let outcome = match migrate::migrate(config, &database).await {
        Ok(()) => run_command(config, &database, command).await,
        Err(error) => Err(error),
    };
    database.close().await;
    outcome
}

async fn run_command(config: &Config, database: &Database, command: Command) -> anyhow::Result<()> {
    let pool = &database.pool;
    match command {
        // every command migrates the database first
        Command::Migrate
        | Command::Serve
        | Command::Demo(_)
        | Command::Backup(_)
        | Command::Doctor
        | Command::UpgradePostgres(_)
        | Command::Login(_)
        | Command::Logout
        | Command::Task(_)
        | Command::Standup(_)
        | Command::Open(_)
        | Command::Completions(_)
        | Command::Man(_)
        | Command::Licenses => Ok(()),
        Command::User(command) => command.run(pool).await,
        Command::Team(command) => command.run(pool).await,
        Command::Token(command) => command.run(pool).await,
        Command::Import(args) => args.run(config, database).await,
        Command::Export(args) => args.run(config, database).await,
    }
}
