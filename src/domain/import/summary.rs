//! What an import made, what it left out and why, in sentences.

use std::{collections::BTreeMap, fmt};

use crate::domain::import::sanitize;

/// So many titles are named for a reason; the rest are counted.
const NAMED: usize = 5;

/// Titles by reason.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Remarks(BTreeMap<&'static str, Vec<String>>);

impl Remarks {
    pub(crate) fn add(&mut self, reason: &'static str, title: &str) {
        self.0
            .entry(reason)
            .or_default()
            .push(sanitize::line(title, 60).0);
    }

    /// How many there are for a reason.
    pub fn count(&self, reason: &str) -> usize {
        self.0.get(reason).map_or(0, Vec::len)
    }
}

/// What became of one list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Landing {
    pub list: String,
    pub column: String,
    /// The column was made for it.
    pub new: bool,
    pub tasks: usize,
    pub archived: usize,
}

/// What an import made, or would make.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    pub dry_run: bool,
    pub from: &'static str,
    pub board: String,
    pub team: String,
    pub made: usize,
    pub steps: usize,
    pub comments: usize,
    /// The first and the last key.
    pub keys: Option<(String, String)>,
    pub lists: Vec<Landing>,
    pub skipped: Remarks,
    pub changed: Remarks,
    pub unknown_members: Vec<String>,
    pub notes: Vec<String>,
}

impl fmt::Display for Summary {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verb = if self.dry_run {
            "Would bring"
        } else {
            "Brought"
        };
        write!(
            to,
            "{verb} {} to {} from {}",
            counted(self.made, "task"),
            self.team,
            self.from
        )?;
        if !self.board.is_empty() {
            write!(to, " “{}”", self.board)?;
        }
        write!(
            to,
            ", with {} and {}",
            counted(self.steps, "step"),
            counted(self.comments, "comment")
        )?;
        match &self.keys {
            Some((first, last)) if first == last => write!(to, ": {first}.")?,
            Some((first, last)) => write!(to, ": {first} to {last}.")?,
            None => write!(to, ".")?,
        }
        for landing in &self.lists {
            let new = if landing.new { "new column " } else { "" };
            write!(
                to,
                "\n  {} → {new}{}: {}",
                landing.list,
                landing.column,
                counted(landing.tasks, "task")
            )?;
            if landing.archived > 0 {
                write!(to, ", {} of them in the archive", landing.archived)?;
            }
        }
        for (reason, titles) in &self.skipped.0 {
            write!(
                to,
                "\nSkipped {} that {reason}: {}",
                titles.len(),
                named(titles)
            )?;
        }
        for (reason, titles) in &self.changed.0 {
            write!(to, "\nNote: {reason}: {}", named(titles))?;
        }
        if !self.unknown_members.is_empty() {
            write!(
                to,
                "\nNote: nobody here goes by these names; each description's last line has them: {}.",
                self.unknown_members.join(", ")
            )?;
        }
        for note in &self.notes {
            write!(to, "\nNote: {note}")?;
        }
        if self.dry_run {
            write!(to, "\nThis was a dry run: nothing was written.")?;
        }
        Ok(())
    }
}

/// `1 task`, `2 tasks`.
pub(crate) fn counted(count: usize, noun: &str) -> String {
    if count == 1 {
        format!("1 {noun}")
    } else {
        format!("{count} {noun}s")
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
