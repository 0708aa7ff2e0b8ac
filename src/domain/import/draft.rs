//! The intermediate form of an import: a file of another tool as drafts of lists and tasks. Every
//! parser produces it, and no later step depends on the tool.

use time::{Date, OffsetDateTime};

use crate::domain::{column_state::ColumnState, import::summary::Notices};

/// The contents of a file in our terms and within our limits, before any database lookup.
#[derive(Debug, Default)]
pub struct Draft {
    /// The tool it comes from.
    pub from: &'static str,
    /// The board's name there.
    pub board: String,
    /// From left to right.
    pub lists: Vec<List>,
    /// By list, from top to bottom.
    pub tasks: Vec<Task>,
    /// What was left out, and why.
    pub skipped: Notices,
    /// What was changed to fit our limits.
    pub changed: Notices,
    /// Further notes for the person who imports.
    pub notes: Vec<String>,
}

/// A list of the other tool, which becomes a column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct List {
    pub name: String,
    /// Archived there: no column is created for it.
    pub closed: bool,
    /// The list becomes the first column of this state unless a column has its name. Without a
    /// state, a column is created.
    pub state: Option<ColumnState>,
}

/// A card or issue of the other tool, which becomes a task.
#[derive(Debug, Default)]
pub struct Task {
    /// Identifies the task on a second run.
    pub key: String,
    pub title: String,
    /// The full title if it was too long.
    pub whole_title: Option<String>,
    pub description: String,
    /// The index of its list in the draft; `None` if the file does not name one.
    pub list: Option<usize>,
    pub archived: bool,
    pub created_at: Option<OffsetDateTime>,
    pub created_by: Option<ExternalUser>,
    /// When it was moved to its list.
    pub column_since: Option<OffsetDateTime>,
    pub archived_at: Option<OffsetDateTime>,
    pub due: Option<Due>,
    pub members: Vec<ExternalUser>,
    pub labels: Vec<String>,
    pub steps: Vec<Step>,
    /// Oldest first.
    pub comments: Vec<Comment>,
    /// Lines with a URL, for the end of the description.
    pub links: Vec<String>,
    /// Oldest first.
    pub past: Vec<Past>,
}

/// A person of the other tool. Some of them have an account here.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct ExternalUser {
    pub name: String,
    pub username: String,
}

impl ExternalUser {
    /// The name to show.
    pub fn called(&self) -> &str {
        if self.name.is_empty() {
            &self.username
        } else {
            &self.name
        }
    }
}

/// A due date: a day, or an instant whose day depends on the workspace's time zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Due {
    Day(Date),
    Instant(OffsetDateTime),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    pub text: String,
    pub done: bool,
}

#[derive(Debug)]
pub struct Comment {
    pub by: ExternalUser,
    pub at: Option<OffsetDateTime>,
    pub body: String,
}

/// A past event of the other tool.
#[derive(Debug)]
pub struct Past {
    pub at: OffsetDateTime,
    pub by: ExternalUser,
    pub what: HistoryAction,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HistoryAction {
    Made(ListRef),
    Moved(ListRef, ListRef),
    Archived,
    Restored,
}

/// A list in the past: one of the draft's, or the name of one that no longer exists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ListRef {
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
