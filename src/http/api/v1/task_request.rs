//! The bodies of the task operations.

use serde::{Deserialize, Serialize};

use crate::http::api::v1::patch::{present, value};

/// A sprint: its number, `"this"` for the current one, `"next"` for the next planned one, or
/// `"none"` for the backlog.
#[derive(Debug, Deserialize, Serialize, utoipa::ToSchema)]
#[serde(untagged)]
#[schema(example = 42)]
pub(crate) enum SprintRef {
    /// The sprint's number.
    Number(i32),
    /// `this`, `next` or `none`, or the sprint's number as text.
    Word(String),
}

impl SprintRef {
    pub(crate) fn text(&self) -> String {
        match self {
            Self::Number(number) => number.to_string(),
            Self::Word(word) => word.clone(),
        }
    }
}

/// A new task. Only the title is required.
#[derive(Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct TaskIn {
    /// The title, 1 to 500 characters.
    #[schema(example = "Move the payment database to Postgres 17")]
    pub(crate) title: String,
    /// The description in Markdown.
    #[schema(example = "Copy and swap, table by table. The runbook is in the wiki.")]
    pub(crate) description: String,
    /// The column's slug; by default the first column.
    #[schema(example = "todo")]
    pub(crate) column: Option<String>,
    /// The sprint: its number, `"this"`, `"next"`, or `null` or `"none"` for the backlog. Without
    /// this field the task is added to the current sprint.
    #[serde(deserialize_with = "present")]
    #[schema(value_type = Option<SprintRef>)]
    pub(crate) sprint: Option<Option<SprintRef>>,
    /// The goal's number in the sprint; by default none.
    #[schema(example = 1)]
    pub(crate) goal: Option<i32>,
    /// The owners' usernames.
    #[schema(example = json!(["elif", "jonas"]))]
    pub(crate) owners: Vec<String>,
    /// The names of the labels. New ones are created.
    #[schema(example = json!(["postgres"]))]
    pub(crate) labels: Vec<String>,
    /// The estimate in points, 0 to 1000; by default none.
    #[schema(example = 5)]
    pub(crate) estimate: Option<i32>,
    /// The due date as YYYY-MM-DD; by default none.
    #[schema(example = "2026-11-27")]
    pub(crate) due: Option<String>,
    /// The team or people that need the task, as free text.
    #[schema(example = "Ingestion")]
    pub(crate) needed_by: String,
}

/// The fields to change, with the version that the client last saw. Fields that are left out stay
/// as they are.
#[derive(Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct TaskPatch {
    /// The version that the client last saw; an outdated one gets 409. Without it, the fields are
    /// changed in any case.
    #[serde(deserialize_with = "value")]
    #[schema(example = 7)]
    pub(crate) version: Option<i64>,
    /// The title, 1 to 500 characters.
    #[serde(deserialize_with = "value")]
    #[schema(example = "Move the payment database to Postgres 17")]
    pub(crate) title: Option<String>,
    /// The description in Markdown.
    #[serde(deserialize_with = "value")]
    #[schema(example = "Copy and swap, table by table. The runbook is in the wiki.")]
    pub(crate) description: Option<String>,
    /// The sprint: its number, `"this"`, `"next"`, or `null` or `"none"` for the backlog.
    #[serde(deserialize_with = "present")]
    #[schema(value_type = Option<SprintRef>)]
    pub(crate) sprint: Option<Option<SprintRef>>,
    /// The goal's number in the sprint; `null` for none.
    #[serde(deserialize_with = "present")]
    #[schema(value_type = Option<i32>, example = 1)]
    pub(crate) goal: Option<Option<i32>>,
    /// The project's slug; `null` or empty for none.
    #[serde(deserialize_with = "present")]
    #[schema(value_type = Option<String>, example = "postgres-17")]
    pub(crate) project: Option<Option<String>>,
    /// The usernames of all owners.
    #[serde(deserialize_with = "value")]
    #[schema(example = json!(["elif", "jonas"]))]
    pub(crate) owners: Option<Vec<String>>,
    /// The names of all labels. New ones are created.
    #[serde(deserialize_with = "value")]
    #[schema(example = json!(["postgres"]))]
    pub(crate) labels: Option<Vec<String>>,
    /// The estimate in points, 0 to 1000; `null` for none.
    #[serde(deserialize_with = "present")]
    #[schema(value_type = Option<i32>, example = 5)]
    pub(crate) estimate: Option<Option<i32>>,
    /// The due date as YYYY-MM-DD; `null` for none.
    #[serde(deserialize_with = "present")]
    #[schema(value_type = Option<String>, example = "2026-11-27")]
    pub(crate) due: Option<Option<String>>,
    /// The team or people that need the task, as free text; empty for none.
    #[serde(deserialize_with = "value")]
    #[schema(example = "Ingestion")]
    pub(crate) needed_by: Option<String>,
}

/// A task's owners, by username.
#[derive(Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct OwnersIn {
    /// The usernames of all owners; empty for none.
    #[schema(example = json!(["elif", "jonas"]))]
    pub(crate) owners: Vec<String>,
}

/// A comment in Markdown.
#[derive(Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CommentIn {
    /// The text in Markdown, not empty.
    #[schema(example = "Replication lag is under a second. @jonas, shall we switch on Thursday?")]
    pub(crate) body: String,
}
