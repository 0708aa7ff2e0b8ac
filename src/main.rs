//! The entry point: parses the command line, starts tracing, and runs the command.

use std::{io::IsTerminal, process::ExitCode};

use clap::Parser;
use fortnight::{cli::Cli, config::LogFormat};
use tracing::level_filters::LevelFilter;
use tracing_subscriber::{
    Layer, Registry, filter::Targets, layer::SubscriberExt, util::SubscriberInitExt,
};

fn main() -> ExitCode {
    match run(Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("fortnight: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(cli: Cli) -> anyhow::Result<()> {
    let Some(traces) = cli.traces()? else {
        tracing_subscriber::registry()
            .with(log_lines(cli.log_format()))
            .with(log_levels(cli.is_server()))
            .init();
        return cli.run();
    };
    let lines = log_lines(cli.log_format()).with_filter(log_levels(cli.is_server()));
    tracing_subscriber::registry()
        .with(lines)
        .with(traces.layer())
        .init();
    let outcome = cli.run();
    traces.finish();
    outcome
}

fn log_lines(format: LogFormat) -> Box<dyn Layer<Registry> + Send + Sync> {
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    match format {
        LogFormat::Text => lines.with_ansi(std::io::stderr().is_terminal()).boxed(),
        LogFormat::Json => lines
            .json()
            .flatten_event(true)
            .with_span_list(false)
            .boxed(),
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
