//! The summary of an import: what was created, left out and changed, in sentences.

use std::{collections::BTreeMap, fmt};

use crate::domain::{column_state::ColumnState, humanize::counted, import::cutting};

/// Titles listed per reason; the rest are counted.
const NAMED: usize = 5;

/// Titles by reason.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Notices(BTreeMap<&'static str, Vec<String>>);

impl Notices {
    pub(crate) fn add(&mut self, reason: &'static str, title: &str) {
        self.0
            .entry(reason)
            .or_default()
            .push(cutting::line(title, 60).0);
    }

    /// The number of titles for a reason.
    pub fn count(&self, reason: &str) -> usize {
        self.0.get(reason).map_or(0, Vec::len)
    }
}

/// How one list was imported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImportedList {
    pub list: String,
    pub column: String,
    /// The column's state.
    pub state: ColumnState,
    /// Whether the state of a new column is unknown.
    pub(crate) is_guess: bool,
    /// Whether the column was created for it.
    pub new: bool,
    pub(crate) tasks: usize,
    pub(crate) archived: usize,
}

/// What an import created, or would create in a dry run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    pub(crate) dry_run: bool,
    pub(crate) from: &'static str,
    pub(crate) board: String,
    pub(crate) team: String,
    pub created: usize,
    pub steps: usize,
    pub(crate) comments: usize,
    /// The first and the last key.
    pub keys: Option<(String, String)>,
    pub lists: Vec<ImportedList>,
    /// Columns of the new board that were removed because the file has none like them.
    pub(crate) removed_columns: Vec<String>,
    /// The sprint that work in progress was added to, with the number of tasks.
    pub sprint: Option<(String, usize)>,
    /// The sprints that have most days of the tasks' sprints in the file, with the number of tasks.
    pub(crate) sprints_by_days: Vec<(String, usize)>,
    /// Open tasks that are in no sprint and not done.
    pub backlog: usize,
    pub skipped: Notices,
    pub(crate) changed: Notices,
    pub unknown_members: Vec<String>,
    pub(crate) notes: Vec<String>,
}

impl Summary {
    /// Counts a task that goes to the sprint of the same days.
    pub(crate) fn count_by_days(&mut self, sprint: &str) {
        let counts = &mut self.sprints_by_days;
        match counts.iter_mut().find(|(name, _)| name == sprint) {
            Some((_, count)) => *count += 1,
            None => counts.push((sprint.to_owned(), 1)),
        }
    }

    /// What was created: `Imported 11 tasks to Infrastructure from Trello “Roadmap”, with 24 steps and 0 comments: INF-1 to
    /// INF-11.`
    pub fn headline(&self) -> String {
        let verb = if self.dry_run {
            "Would import"
        } else {
            "Imported"
        };
        let (tasks, team, from) = (counted(self.created, "task"), &self.team, self.from);
        let mut text = format!("{verb} {tasks} to {team} from {from}");
        if !self.board.is_empty() {
            text += &format!(" “{}”", self.board);
        }
        let (steps, comments) = (
            counted(self.steps, "step"),
            counted(self.comments, "comment"),
        );
        text += &format!(", with {steps} and {comments}");
        text += &match &self.keys {
            Some((first, last)) if first == last => format!(": {first}."),
            Some((first, last)) => format!(": {first} to {last}."),
            None => ".".to_owned(),
        };
        text
    }

    /// Where the tasks of each list are: `Lab → new column Lab: 3 tasks; state: todo`
    pub fn landings(&self) -> Vec<String> {
        let landing = |landing: &ImportedList| {
            let new = if landing.new { "new column " } else { "" };
            let tasks = counted(landing.tasks, "task");
            let archived = match landing.archived {
                0 => String::new(),
                count => format!(", {count} of them archived"),
            };
            let (list, column, state) = (&landing.list, &landing.column, landing.state);
            format!("{list} → {new}{column}: {tasks}{archived}; state: {state}")
        };
        self.lists.iter().map(landing).collect()
    }

    /// What was left out and changed, and what else is to be known, a sentence each.
    pub fn remarks(&self) -> Vec<String> {
        let mut remarks = Vec::new();
        if !self.removed_columns.is_empty() {
            remarks.push(format!(
                "Removed the empty default columns that the file does not have: {}.",
                self.removed_columns.join(", ")
            ));
        }
        if let Some((sprint, count)) = &self.sprint {
            let tasks = counted(*count, "task");
            remarks.push(format!(
                "{sprint}: {tasks} in progress, blocked or in review."
            ));
        }
        for (sprint, count) in &self.sprints_by_days {
            let tasks = counted(*count, "open task");
            remarks.push(format!(
                "{sprint}: {tasks} whose sprint in the file is of the same days."
            ));
        }
        if self.backlog > 0 {
            let tasks = counted(self.backlog, "open task");
            remarks.push(format!(
                "In no sprint: {tasks}. Choose “All sprints” on the board to see them."
            ));
        }
        for (reason, titles) in &self.skipped.0 {
            let count = titles.len();
            remarks.push(format!("Skipped {count} that {reason}: {}", named(titles)));
        }
        for (reason, titles) in &self.changed.0 {
            let count = titles.len();
            remarks.push(format!("Note ({count}): {reason}: {}", named(titles)));
        }
        if !self.unknown_members.is_empty() {
            remarks.push(format!(
                "Note: no account matches these names; they are kept in the last line of each description: {}.",
                self.unknown_members.join(", ")
            ));
        }
        remarks.extend(self.notes.iter().map(|note| format!("Note: {note}")));
        remarks
    }
}

/// For the command line.
impl fmt::Display for Summary {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str(&self.headline())?;
        for landing in self.landings() {
            write!(to, "\n  {landing}")?;
        }
        let guesses: Vec<&str> = self
            .lists
            .iter()
            .filter(|landing| landing.is_guess)
            .map(|landing| landing.list.as_str())
            .collect();
        if let Some(first) = guesses.first() {
            write!(
                to,
                "\nNote: these lists count as todo because their names tell no state: {}. Choose another with --map \"{first}=STATE\"; the states are todo, doing, blocked, review and done.",
                guesses.join(", "),
            )?;
        }
        for remark in self.remarks() {
            write!(to, "\n{remark}")?;
        }
        if self.dry_run {
            write!(to, "\nThis was a dry run: nothing was written.")?;
        }
        Ok(())
    }
}

fn named(titles: &[String]) -> String {
    let first: Vec<String> = titles
        .iter()
        .take(NAMED)
        .map(|title| format!("“{title}”"))
        .collect();
    match titles.len().saturating_sub(NAMED) {
        0 => format!("{}.", first.join(", ")),
        more => format!("{} and {more} more.", first.join(", ")),
    }
}
