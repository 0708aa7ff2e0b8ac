//! A refused or failed call as a sentence, which its agent reads: what happened, what was kept, and what to do.

use crate::domain::{error::Problem, events::committed::Progress};

/// Says why a call was refused. Internal details go to the log.
pub(super) fn sentence(problem: Problem, progress: Progress) -> String {
    match problem {
        Problem::NotFound => {
            "It does not exist, or you have no access to it. Nothing was changed.".to_owned()
        }
        Problem::SignedOut => "The token is not valid any more. Nothing was changed.".to_owned(),
        Problem::Gone(reason) | Problem::Forbidden(reason) | Problem::BadRequest(reason) => {
            reason.into_owned()
        }
        Problem::SecondFactorMissing => {
            "The workspace requires a second factor. Nothing was changed.".to_owned()
        }
        Problem::Invalid(errors) => {
            let reasons: Vec<String> = errors
                .into_iter()
                .map(|(field, reason)| match field {
                    "" => reason,
                    field => format!("{field}: {reason}"),
                })
                .collect();
            format!("{} Nothing was changed.", reasons.join(" "))
        }
        Problem::Conflict(conflict) => conflict.detail,
        Problem::TooMany {
            retry_after_seconds,
        } => format!(
            "Too many requests. Wait {retry_after_seconds} seconds and try again. Nothing was changed."
        ),
        Problem::DoneBefore { .. } => "This request was already processed.".to_owned(),
        Problem::UnknownOutcome => unknown_outcome(),
        Problem::Busy | Problem::Retry => with_progress("The server is busy.", progress),
        Problem::Unavailable(outage) => with_progress(&format!("{}.", outage.reason()), progress),
        Problem::InternalError(error) => {
            tracing::error!("a tool failed: {error:#}");
            with_progress("The server failed.", progress)
        }
    }
}

/// Says that a call failed for a reason that is in the log.
pub(super) fn failed(progress: Progress) -> String {
    with_progress("The server failed.", progress)
}

fn with_progress(what: &str, progress: Progress) -> String {
    match progress {
        Progress::Nothing => format!("{what} Nothing was changed. Try again in a moment."),
        Progress::Committing => unknown_outcome(),
        Progress::Committed => {
            "Your change was saved, but its result could not be loaded. Read the task to see it."
                .to_owned()
        }
    }
}

fn unknown_outcome() -> String {
    "The connection to the database was lost while your change was saved. Read the task to see whether it is there, before \
     you try again."
        .to_owned()
}
