//! The newest pull request of a task, as its card shows it.

use serde::{Deserialize, Serialize};

/// Condition: the forge tells of pull request `p`, because its connection and repository are in use. Of others, it is not
/// known whether they are still open.
macro_rules! is_told_of {
    () => {
        "EXISTS (SELECT FROM forge_connections fc JOIN forge_repositories fr ON fr.connection_id = fc.id
                 WHERE fc.id = p.connection_id AND fc.disconnected_at IS NULL AND lower(fr.name) = lower(p.repository))"
    };
}
pub(crate) use is_told_of;

/// A pull request on a card: the same for every reader, so that it has neither title nor repository.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct CardPullRequest {
    /// Its number: `#418`.
    pub(crate) mark: String,
    /// `draft`, `open`, `merged` or `closed`.
    pub(crate) state: String,
    /// `running`, `passed` or `failed`; `None` if none have reported.
    pub(crate) checks: Option<String>,
    /// From how many a review is wanted.
    pub(crate) reviewers: i64,
}

impl CardPullRequest {
    /// Reads it from a row: `#418 passed`, or without checks `#418`.
    pub(crate) fn read(state: &str, name: &str, reviewers: i64) -> Option<Self> {
        let (mark, checks) = match name.split_once(' ') {
            Some((mark, checks)) => (mark, Some(checks.to_owned())),
            None => (name, None),
        };
        (!mark.is_empty()).then(|| Self {
            mark: mark.to_owned(),
            state: state.to_owned(),
            checks,
            reviewers,
        })
    }

    /// In words: `#418 open, checks passed, 2 reviewers`.
    pub(crate) fn words(&self) -> String {
        let mut words = format!("{} {}", self.mark, self.state);
        if let Some(checks) = &self.checks {
            words += &format!(", checks {checks}");
        }
        match self.reviewers {
            0 => {}
            1 => words += ", 1 reviewer",
            many => words += &format!(", {many} reviewers"),
        }
        words
    }

    /// As the card shows it: `#418 ✓ ⊙2`, and the state unless it is open.
    pub(crate) fn shown(&self) -> String {
        let mut shown = self.mark.clone();
        match (self.state.as_str(), self.checks.as_deref()) {
            ("open", Some("passed")) => shown += " ✓",
            ("open", Some("failed")) => shown += " ✗",
            ("open", Some("running")) => shown += " …",
            ("open", _) => {}
            (state, _) => shown += &format!(" {state}"),
        }
        if self.has_reviewers() {
            shown += &format!(" ⊙{}", self.reviewers);
        }
        shown
    }

    /// Whether it has reviewers at the forge.
    pub(crate) fn has_reviewers(&self) -> bool {
        self.state == "open" && self.reviewers > 0
    }
}
