//! Output of commands on the terminal.

use std::io::Write;

use crate::domain::error::Problem;

/// Prints a line. Ignores a closed output, which is no reason to stop the server.
pub(super) fn print_line(line: &str) {
    let _ = writeln!(std::io::stdout(), "{line}");
}

/// Converts a problem to an error for the terminal, with the reasons of refused fields.
pub(super) fn to_error(problem: Problem) -> anyhow::Error {
    match problem {
        Problem::Invalid(errors) => {
            anyhow::anyhow!("{}", errors.into_values().collect::<Vec<_>>().join(" "))
        }
        Problem::InternalError(error) => error,
        other => other.into(),
    }
}
