//! The lines of the report.

use crate::{cli::output::print_line, domain::warnings::Warning};

/// A line of the report.
pub(super) struct Finding {
    pub(super) state: State,
    /// What was looked at.
    about: &'static str,
    what: String,
    /// What to do; empty if nothing is.
    remedy: String,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    Good,
    /// It works, but not as it should.
    Doubtful,
    /// It does not work.
    Bad,
}

impl Finding {
    pub(super) fn good(about: &'static str, what: impl Into<String>) -> Self {
        Self::new(State::Good, about, what, "")
    }

    pub(super) fn doubtful(
        about: &'static str,
        what: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self::new(State::Doubtful, about, what, remedy)
    }

    pub(super) fn bad(
        about: &'static str,
        what: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self::new(State::Bad, about, what, remedy)
    }

    fn new(
        state: State,
        about: &'static str,
        what: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self {
            state,
            about,
            what: what.into(),
            remedy: remedy.into(),
        }
    }

    pub(super) fn of_warning(about: &'static str, warning: Warning) -> Self {
        Self::doubtful(about, warning.what, warning.remedy)
    }

    pub(super) fn print(&self) {
        let mark = match self.state {
            State::Good => "ok     ",
            State::Doubtful => "warning",
            State::Bad => "problem",
        };
        print_line(&format!("{mark}  {}: {}", self.about, self.what));
        if !self.remedy.is_empty() {
            print_line(&format!("         {}", self.remedy));
        }
    }
}
