//! Bringing boards of other tools here: a file is parsed to one draft, and the draft goes to a team, all of it or nothing.

pub mod execute;
pub mod github;
pub mod json;
pub mod people;
pub mod plan;
pub mod sanitize;
pub mod summary;
pub mod trello;

use std::{fs::File, io::Read, path::Path};

use anyhow::{Context, bail, ensure};
use serde_json::Value;
use time::{Date, OffsetDateTime};

use crate::domain::column_state::State;
pub use crate::domain::import::execute::{Wish, import};
pub use crate::domain::import::summary::{Remarks, Summary};

/// More is no board: it would only fill the memory.
const MOST_BYTES: u64 = 100 * 1024 * 1024;

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
    pub state: Option<State>,
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
    pub created_by: Option<Somebody>,
    /// Since when it is where it is.
    pub column_since: Option<OffsetDateTime>,
    pub archived_at: Option<OffsetDateTime>,
    pub due: Option<Due>,
    pub members: Vec<Somebody>,
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
pub struct Somebody {
    pub name: String,
    pub username: String,
}

impl Somebody {
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
    pub by: Somebody,
    pub at: Option<OffsetDateTime>,
    pub body: String,
}

/// Something that happened there.
#[derive(Debug)]
pub struct Past {
    pub at: OffsetDateTime,
    pub by: Somebody,
    pub what: Deed,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Deed {
    Made(Spot),
    Moved(Spot, Spot),
    Archived,
    Restored,
}

/// A list in the past: one of the draft's, or one that is gone and has only a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Spot {
    List(usize),
    Gone(String),
}

/// The file's JSON, or why it is none, with line and column.
pub fn read_file(path: &Path) -> anyhow::Result<Value> {
    let file = File::open(path).with_context(|| format!("cannot open {}", path.display()))?;
    let mut bytes = Vec::new();
    file.take(MOST_BYTES + 1)
        .read_to_end(&mut bytes)
        .with_context(|| format!("cannot read {}", path.display()))?;
    if bytes.len() as u64 > MOST_BYTES {
        bail!(
            "{} is larger than 100 MB; nothing was imported",
            path.display()
        );
    }
    // Some tools begin a file with a byte order mark.
    let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes);
    ensure!(
        !text.trim_ascii().is_empty(),
        "{} is empty; nothing was imported",
        path.display()
    );
    serde_json::from_slice(text).with_context(|| {
        format!(
            "{} cannot be read as JSON, nothing was imported",
            path.display()
        )
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    /// JSON of any shape, often with the names that the parsers look for.
    pub(crate) fn any_json() -> impl Strategy<Value = Value> {
        let names = prop::sample::select(vec![
            "id",
            "name",
            "lists",
            "cards",
            "checklists",
            "checkItems",
            "actions",
            "data",
            "card",
            "list",
            "listBefore",
            "listAfter",
            "memberCreator",
            "type",
            "date",
            "due",
            "pos",
            "labels",
            "color",
            "idList",
            "idLabels",
            "closed",
            "old",
            "issues",
            "items",
            "nodes",
            "number",
            "title",
            "body",
            "state",
            "comments",
            "milestone",
            "due_on",
            "url",
            "author",
        ]);
        let texts = prop_oneof![
            any::<String>(),
            prop::sample::select(vec![
                "updateCard",
                "commentCard",
                "createCard",
                "2025-13-45",
                "ä€𝄞\0",
                "2025-01-01T00:00:00Z",
                "open"
            ])
            .prop_map(str::to_owned),
        ];
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(|flag| json!(flag)),
            any::<i64>().prop_map(|number| json!(number)),
            any::<f64>().prop_map(|number| json!(number)),
            texts.prop_map(|text| json!(text)),
        ];
        leaf.prop_recursive(5, 64, 8, move |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Value::Array),
                prop::collection::vec((names.clone(), inner), 0..8).prop_map(|fields| fields
                    .into_iter()
                    .map(|(name, value)| (name.to_owned(), value))
                    .collect()),
            ]
        })
    }
}
