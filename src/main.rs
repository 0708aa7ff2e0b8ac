//! The entry point: parses the command line, starts tracing, and runs the command.

use std::{io::IsTerminal, process::ExitCode};

use clap::Parser;
use fortnight::{cli::Cli, config::LogFormat};
use tracing::level_filters::LevelFilter;
use tracing_subscriber::{
    Layer as _, filter::Targets, layer::SubscriberExt, util::SubscriberInitExt,
};

fn main() -> ExitCode {
    let cli = Cli::parse();
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    let lines = match cli.log_format() {
        LogFormat::Text => lines.with_ansi(std::io::stderr().is_terminal()).boxed(),
        LogFormat::Json => lines
            .json()
            .flatten_event(true)
            .with_span_list(false)
            .boxed(),
    };
    tracing_subscriber::registry()
        .with(lines)
        .with(log_levels(cli.is_server()))
        .init();
    match cli.run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("fortnight: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// The levels that `RUST_LOG` asks for, such as `info,sqlx=warn`, or else our own messages and the
/// warnings of libraries. A command such as an import may run statements of seconds, of which its
/// terminal need not hear.
fn log_levels(is_server: bool) -> Targets {
    std::env::var("RUST_LOG")
        .ok()
        .and_then(|levels| levels.parse().ok())
        .unwrap_or_else(|| {
            let levels = Targets::new()
                .with_default(LevelFilter::WARN)
                .with_target("fortnight", LevelFilter::INFO);
            if is_server {
                levels
            } else {
                levels.with_target("sqlx::query", LevelFilter::ERROR)
            }
        })
}

#[cfg(test)]
mod tests {
    use tracing::Level;

    use super::*;

    #[test]
    fn only_servers_log_slow_statements() {
        let is_logged = |is_server| log_levels(is_server).would_enable("sqlx::query", &Level::WARN);
        assert!(is_logged(true) && !is_logged(false));
    }
}
