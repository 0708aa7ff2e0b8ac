//! The intermediate form of an import: a file of another tool as drafts of lists and tasks. Every
//! parser produces it, and no later step depends on the tool.

use std::{collections::HashMap, sync::Arc};

use time::{Date, OffsetDateTime};

use crate::domain::{
    column_state::ColumnState,
    import::{fields::columns::Columns, states, summary::Notices},
};

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
    /// The colours of labels, as hues from 0 to 11; a label without one gets any.
    pub(crate) hues: HashMap<String, i16>,
    /// The columns of a table, where they were not known in advance.
    pub(crate) columns: Option<Columns>,
    /// What was left out, and why.
    pub(crate) skipped: Notices,
    /// What was changed to fit our limits.
    pub(crate) changed: Notices,
    /// Further notes for the person who imports.
    pub(crate) notes: Vec<String>,
}

impl Draft {
    /// Puts the tasks in the order of their lists, and of their places in them.
    pub(crate) fn order_tasks(&mut self) {
        let list_of = |task: &Task| task.list.unwrap_or(usize::MAX);
        self.tasks
            .sort_by(|a, b| (list_of(a).cmp(&list_of(b))).then(a.position.total_cmp(&b.position)));
    }

    /// Notes for the person who imports, such as that the file is only a part.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }
}

/// A list of the other tool, which becomes a column.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct List {
    /// The whole name, which may be too long for a column.
    pub(crate) name: String,
    /// Archived there: no column is created for it.
    pub(crate) closed: bool,
    /// The state given in the file; otherwise it is guessed from the name.
    pub(crate) state: Option<ColumnState>,
    /// Not a list but only a state, such as open: it becomes the first column of that state.
    pub(crate) only_state: bool,
}

impl List {
    /// The state of its tasks; `None` if it is unknown.
    pub(crate) fn known_state(&self) -> Option<ColumnState> {
        self.state.or_else(|| states::guess(&self.name))
    }
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
    pub(crate) created_by: Option<Arc<ExternalUser>>,
    /// When it was moved to its list.
    pub(crate) column_since: Option<OffsetDateTime>,
    pub(crate) archived_at: Option<OffsetDateTime>,
    pub(crate) due: Option<Due>,
    /// The first and last day of its sprint there, if the file has them.
    pub(crate) sprint_days: Option<(Date, Date)>,
    pub(crate) estimate: Option<i32>,
    /// When work on it started and ended, if the tool has such fields; moves in its history count
    /// for more.
    pub(crate) started_at: Option<OffsetDateTime>,
    pub(crate) finished_at: Option<OffsetDateTime>,
    pub(crate) members: Vec<Arc<ExternalUser>>,
    pub(crate) labels: Vec<String>,
    pub(crate) steps: Vec<Step>,
    /// Oldest first.
    pub(crate) comments: Vec<Comment>,
    /// Lines for the end of the description: links, and what has no field here.
    pub(crate) lines: Vec<String>,
    /// Oldest first.
    pub(crate) past: Vec<Past>,
    /// Its place among the tasks of its list.
    pub(crate) position: f64,
    /// Marked as complete there, in whatever list it is.
    pub(crate) is_complete: bool,
}

impl Task {
    /// The bytes of its comments.
    pub(crate) fn length_of_comments(&self) -> usize {
        self.comments.iter().map(|comment| comment.body.len()).sum()
    }
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
    pub(crate) by: Arc<ExternalUser>,
    pub(crate) at: Option<OffsetDateTime>,
    pub(crate) body: String,
}

/// A past event of the other tool.
#[derive(Debug)]
pub(crate) struct Past {
    pub(crate) at: OffsetDateTime,
    pub(crate) by: Arc<ExternalUser>,
    pub(crate) what: HistoryAction,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum HistoryAction {
    Made(ListRef),
    Moved(ListRef, ListRef),
    Archived,
    Restored,
}

impl HistoryAction {
    /// The lists that it names.
    pub(crate) fn lists_mut(&mut self) -> Vec<&mut ListRef> {
        match self {
            Self::Made(list) => vec![list],
            Self::Moved(from, to) => vec![from, to],
            Self::Archived | Self::Restored => Vec::new(),
        }
    }
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
    /// Names of lists with the column to map each to, its state, or both: `In progress`, `doing`,
    /// `Waiting:blocked`.
    pub mappings: &'w [(String, String)],
    /// The sprint of work in progress.
    pub sprint: ImportSprint,
    /// Run the import, report it, and roll it back.
    pub dry_run: bool,
}

/// The sprint that imported work in progress is added to. What is not started goes to the backlog,
/// and what is done was done before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ImportSprint {
    None,
    #[default]
    This,
    Number(i32),
}
