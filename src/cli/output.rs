//! What commands print.

use std::io::Write;

use crate::domain::error::Problem;

/// Prints a line. A closed output is no reason to stop serving.
pub(super) fn print_line(line: &str) {
    let _ = writeln!(std::io::stdout(), "{line}");
}

/// A problem as an error for the terminal, with the reasons of refused fields in words.
pub(super) fn to_error(problem: Problem) -> anyhow::Error {
    match problem {
        Problem::Invalid(errors) => {
            anyhow::anyhow!("{}", errors.into_values().collect::<Vec<_>>().join(" "))
        }
        Problem::InternalError(error) => error,
        other => other.into(),
    }
}
