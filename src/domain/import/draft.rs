//! The intermediate form of an import: a file of another tool as drafts of lists and tasks. Every
//! parser produces it, and no later step depends on the tool.

use time::{Date, OffsetDateTime};

use crate::domain::{column_state::ColumnState, import::summary::Notices};

/// The contents of a file in our terms and within our limits, before any database lookup.
#[derive(Debug, Default)]
pub struct Draft {
    /// The tool it comes from.
    pub(crate) from: &'static str,
    /// The board's name there.
    pub(crate) board: String,
    /// From left to right.
    pub(crate) lists: Vec<List>,
    /// By list, from top to bottom.
    pub(crate) tasks: Vec<Task>,
    /// What was left out, and why.
    pub(crate) skipped: Notices,
    /// What was changed to fit our limits.
    pub(crate) changed: Notices,
    /// Further notes for the person who imports.
    pub(crate) notes: Vec<String>,
}

/// A list of the other tool, which becomes a column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct List {
    pub(crate) name: String,
    /// Archived there: no column is created for it.
    pub(crate) closed: bool,
    /// The list becomes the first column of this state unless a column has its name. Without a
    /// state, a column is created.
    pub(crate) state: Option<ColumnState>,
}

/// A card or issue of the other tool, which becomes a task.
#[derive(Debug, Default)]
pub(crate) struct Task {
    /// Identifies the task on a second run.
    pub(crate) key: String,
    pub(crate) title: String,
    /// The full title if it was too long.
    pub(crate) whole_title: Option<String>,
    pub(crate) description: String,
    /// The index of its list in the draft; `None` if the file does not name one.
    pub(crate) list: Option<usize>,
    pub(crate) archived: bool,
    pub(crate) created_at: Option<OffsetDateTime>,
    pub(crate) created_by: Option<ExternalUser>,
    /// When it was moved to its list.
    pub(crate) column_since: Option<OffsetDateTime>,
    pub(crate) archived_at: Option<OffsetDateTime>,
    pub(crate) due: Option<Due>,
    pub(crate) members: Vec<ExternalUser>,
    pub(crate) labels: Vec<String>,
    pub(crate) steps: Vec<Step>,
    /// Oldest first.
    pub(crate) comments: Vec<Comment>,
    /// Lines with a URL, for the end of the description.
    pub(crate) links: Vec<String>,
    /// Oldest first.
    pub(crate) past: Vec<Past>,
}

/// A person of the other tool. Some of them have an account here.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ExternalUser {
    pub(crate) name: String,
    pub(crate) username: String,
}

impl ExternalUser {
    /// The name to show.
    pub(crate) fn called(&self) -> &str {
        if self.name.is_empty() {
            &self.username
        } else {
            &self.name
        }
    }
}

/// A due date: a day, or an instant whose day depends on the workspace's time zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Due {
    Day(Date),
    Instant(OffsetDateTime),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    pub(crate) text: String,
    pub(crate) done: bool,
}

#[derive(Debug)]
pub struct Comment {
    pub(crate) by: ExternalUser,
    pub(crate) at: Option<OffsetDateTime>,
    pub(crate) body: String,
}

/// A past event of the other tool.
#[derive(Debug)]
pub(crate) struct Past {
    pub(crate) at: OffsetDateTime,
    pub(crate) by: ExternalUser,
    pub(crate) what: HistoryAction,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum HistoryAction {
    Made(ListRef),
    Moved(ListRef, ListRef),
    Archived,
    Restored,
}

/// A list in the past: one of the draft's, or the name of one that no longer exists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ListRef {
    List(usize),
    Gone(String),
}

/// The parameters of an import.
pub struct ImportRequest<'w> {
    pub draft: &'w Draft,
    /// The team's slug.
    pub team: &'w str,
    /// Names of lists with the columns to map them to.
    pub mappings: &'w [(String, String)],
    /// Only report what would be created.
    pub dry_run: bool,
}
