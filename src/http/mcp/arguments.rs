//! The arguments of the tools. Their comments are what agents read in the tools' JSON schemas.

use rmcp::schemars::{self, JsonSchema};
use serde::{Deserialize, Deserializer};

/// Deserializes a field that may be missing, null (which clears it), or have a value.
fn present<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    from: D,
) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(from).map(Some)
}

/// A sprint: its number, `this` for the current one, `next` for the next planned one, or `none` for the backlog. For the
/// tool `board` also `all`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(super) enum SprintName {
    Number(i32),
    Word(String),
}

impl SprintName {
    pub(super) fn text(&self) -> String {
        match self {
            Self::Number(number) => number.to_string(),
            Self::Word(word) => word.clone(),
        }
    }
}

/// No arguments.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Nothing {}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct OfTeam {
    /// The team's slug, such as `infrastructure`. The tool `teams` lists them.
    pub(super) team: String,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct OfTask {
    /// The task's key, such as `INF-42`.
    pub(super) key: String,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Board {
    /// The team's slug, such as `infrastructure`. The tool `teams` lists them.
    pub(super) team: String,
    /// The sprint whose tasks are returned; by default the current one. `all` for every sprint and the backlog.
    pub(super) sprint: Option<SprintName>,
    /// A filter of which all terms must match: `owner:elif`, `owner:me`, `label:postgres`, `goal:1`, `is:blocked`,
    /// `is:unowned`, `is:overdue`, `is:done`, `age:>3d`, or words of the title. `-` before a term negates it.
    pub(super) q: Option<String>,
    /// Only the tasks of the column with this slug.
    pub(super) column: Option<String>,
    /// The most tasks to return, from 1 to 200; by default 50.
    pub(super) limit: Option<i64>,
    /// `next_cursor` of the previous answer, to read on.
    pub(super) cursor: Option<String>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Search {
    /// Words to look for in titles, descriptions, checklists and comments, or a task's key. At most 200 characters.
    pub(super) q: String,
    /// Only tasks of the team with this slug.
    pub(super) team: Option<String>,
    /// Only tasks that are neither done nor archived.
    #[serde(default)]
    pub(super) open_only: bool,
    /// The most tasks to return, from 1 to 50; by default 20.
    pub(super) limit: Option<i64>,
    /// `next_cursor` of the previous answer, to read on.
    pub(super) cursor: Option<String>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Claim {
    /// The task's key, such as `INF-42`.
    pub(super) key: String,
    /// The version of the task that you read. The claim is refused if the task was changed since.
    pub(super) version: i64,
    /// For how many minutes, from 1 to 1440; by default 60. If nothing happens to the task by then, it is free again.
    pub(super) minutes: Option<i64>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CreateTask {
    /// The slug of the team whose board gets the task.
    pub(super) team: String,
    /// The title, 1 to 500 characters.
    pub(super) title: String,
    /// The description in Markdown.
    #[serde(default)]
    pub(super) description: String,
    /// The column's slug; by default the first column.
    pub(super) column: Option<String>,
    /// The sprint; by default the current one.
    pub(super) sprint: Option<SprintName>,
    /// The goal's number in the sprint; by default none.
    pub(super) goal: Option<i32>,
    /// The owners' usernames.
    #[serde(default)]
    pub(super) owners: Vec<String>,
    /// The names of the labels. New ones are created.
    #[serde(default)]
    pub(super) labels: Vec<String>,
    /// The estimate in points, 0 to 1000.
    pub(super) estimate: Option<i32>,
    /// The due date as YYYY-MM-DD.
    pub(super) due: Option<String>,
    /// The team or people that need the task, as free text.
    #[serde(default)]
    pub(super) needed_by: String,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct EditTask {
    /// The task's key, such as `INF-42`.
    pub(super) key: String,
    /// The version of the task that you read. The edit is refused if the task was changed since.
    pub(super) version: i64,
    /// The new title, 1 to 500 characters.
    pub(super) title: Option<String>,
    /// The new description in Markdown. It replaces the old one.
    pub(super) description: Option<String>,
    /// The new sprint.
    pub(super) sprint: Option<SprintName>,
    /// The new goal's number in the sprint; null for none.
    #[serde(default, deserialize_with = "present")]
    #[schemars(with = "Option<i32>")]
    pub(super) goal: Option<Option<i32>>,
    /// The new project's slug; null for none.
    #[serde(default, deserialize_with = "present")]
    #[schemars(with = "Option<String>")]
    pub(super) project: Option<Option<String>>,
    /// The usernames of all owners; an empty list for none.
    pub(super) owners: Option<Vec<String>>,
    /// The names of all labels; an empty list for none. New ones are created.
    pub(super) labels: Option<Vec<String>>,
    /// The new estimate in points, 0 to 1000; null for none.
    #[serde(default, deserialize_with = "present")]
    #[schemars(with = "Option<i32>")]
    pub(super) estimate: Option<Option<i32>>,
    /// The new due date as YYYY-MM-DD; null for none.
    #[serde(default, deserialize_with = "present")]
    #[schemars(with = "Option<String>")]
    pub(super) due: Option<Option<String>>,
    /// The team or people that need the task, as free text; empty for none.
    pub(super) needed_by: Option<String>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct MoveTask {
    /// The task's key, such as `INF-42`.
    pub(super) key: String,
    /// The version of the task that you read. The move is refused if the task was changed since.
    pub(super) version: i64,
    /// The slug of the column to move it to. Either this or `state` is required.
    pub(super) column: Option<String>,
    /// The state of the column to move it to: `todo`, `doing`, `blocked`, `review` or `done`.
    pub(super) state: Option<String>,
    /// The key of the task that is to be directly above. Without a neighbour, the task goes to the end of the column.
    pub(super) after: Option<String>,
    /// The key of the task that is to be directly below.
    pub(super) before: Option<String>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Comment {
    /// The task's key, such as `INF-42`.
    pub(super) key: String,
    /// The version of the task that you read. The comment is refused if the task was changed since.
    pub(super) version: i64,
    /// The comment in Markdown. `@` with a username mentions a person, who is notified.
    pub(super) body: String,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct BlockTask {
    /// The task's key, such as `INF-42`.
    pub(super) key: String,
    /// The version of the task that you read. It is not blocked if it was changed since.
    pub(super) version: i64,
    /// What it is waiting on: a task's key, a username with `@`, or a text.
    pub(super) on: String,
    /// Details in words.
    #[serde(default)]
    pub(super) note: String,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct UnblockTask {
    /// The task's key, such as `INF-42`.
    pub(super) key: String,
    /// The version of the task that you read. It is not unblocked if it was changed since.
    pub(super) version: i64,
}
