//! What a file of another tool holds, as drafts of our own lists and tasks. Every parser produces this, and nothing after
//! it knows which tool it came from.

use time::{Date, OffsetDateTime};

use crate::domain::{column_state::ColumnState, import::summary::Remarks};

/// What a file holds, in our words and within our limits; no database was asked.
#[derive(Debug, Default)]
pub struct Draft {
    /// The tool that it comes from.
    pub from: &'static str,
    /// What the board is called there.
    pub board: String,
    /// From left to right.
    pub lists: Vec<List>,
    /// List by list, from top to bottom.
    pub tasks: Vec<Task>,
    /// What is left out, and why.
    pub skipped: Remarks,
    /// What was changed to fit.
    pub changed: Remarks,
    /// What else whoever imports should know.
    pub notes: Vec<String>,
}

/// A list there: a column here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct List {
    pub name: String,
    /// It was put away: no column is made for it.
    pub closed: bool,
    /// It goes to the first column of this state unless one bears its name. Without a state, a column is made.
    pub state: Option<ColumnState>,
}

/// A card or issue there: a task here.
#[derive(Debug, Default)]
pub struct Task {
    /// Where it was found; a second run knows it by that.
    pub key: String,
    pub title: String,
    /// The whole of a title that was too long.
    pub whole_title: Option<String>,
    pub description: String,
    /// Its place among the draft's lists; none if the file does not say.
    pub list: Option<usize>,
    pub archived: bool,
    pub created_at: Option<OffsetDateTime>,
    pub created_by: Option<ExternalUser>,
    /// Since when it is where it is.
    pub column_since: Option<OffsetDateTime>,
    pub archived_at: Option<OffsetDateTime>,
    pub due: Option<Due>,
    pub members: Vec<ExternalUser>,
    pub labels: Vec<String>,
    pub steps: Vec<Step>,
    /// Oldest first.
    pub comments: Vec<Comment>,
    /// Lines with an address, for the description's end.
    pub links: Vec<String>,
    /// Oldest first.
    pub past: Vec<Past>,
}

/// Somebody there, who may have an account here.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct ExternalUser {
    pub name: String,
    pub username: String,
}

impl ExternalUser {
    /// What to call them.
    pub fn called(&self) -> &str {
        if self.name.is_empty() {
            &self.username
        } else {
            &self.name
        }
    }
}

/// When it is due: which day an instant falls on is for the workspace's time zone to say.
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

/// Something that happened there.
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

/// A list in the past: one of the draft's, or one that is gone and has only a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ListRef {
    List(usize),
    Gone(String),
}

/// What is to be imported, and how.
pub struct ImportRequest<'w> {
    pub draft: &'w Draft,
    /// The team's slug.
    pub team: &'w str,
    /// Names of lists with the columns that they become.
    pub mappings: &'w [(String, String)],
    /// Only say what would be made.
    pub dry_run: bool,
}
