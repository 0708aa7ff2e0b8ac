//! The entry point: parses the command line, starts tracing, and runs the command.

use std::{io::IsTerminal, process::ExitCode};

use clap::Parser;
use fortnight::{cli::Cli, config::LogFormat};
use tracing_subscriber::EnvFilter;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let levels =
        EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("warn,fortnight=info"));
    let log = tracing_subscriber::fmt()
        .with_env_filter(levels)
        .with_writer(std::io::stderr);
    match cli.log_format() {
        LogFormat::Text => log.with_ansi(std::io::stderr().is_terminal()).init(),
        LogFormat::Json => log.json().flatten_event(true).init(),
    }
    match cli.run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("fortnight: {error:#}");
            ExitCode::FAILURE
        }
    }
}
