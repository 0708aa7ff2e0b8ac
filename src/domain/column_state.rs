//! The five states of columns.

use serde::{Deserialize, Serialize};

/// The state of a column's tasks, whatever the column is called. All reports depend on it.
///
/// - `todo`: not started
/// - `doing`: in progress
/// - `blocked`: started, and waiting on something
/// - `review`: finished, and waiting for a review
/// - `done`: finished
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Hash,
    PartialOrd,
    Ord,
    Serialize,
    Deserialize,
    sqlx::Type,
    utoipa::ToSchema,
)]
#[sqlx(type_name = "text", rename_all = "kebab-case")]
#[serde(rename_all = "lowercase")]
#[schema(example = "doing")]
pub enum ColumnState {
    Todo,
    Doing,
    Blocked,
    Review,
    Done,
}

impl ColumnState {
    pub(crate) const ALL: [Self; 5] = [
        Self::Todo,
        Self::Doing,
        Self::Blocked,
        Self::Review,
        Self::Done,
    ];

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Todo => "todo",
            Self::Doing => "doing",
            Self::Blocked => "blocked",
            Self::Review => "review",
            Self::Done => "done",
        }
    }

    /// The name of the default column for this state.
    pub(crate) fn default_name(self) -> &'static str {
        match self {
            Self::Todo => "Todo",
            Self::Doing => "In progress",
            Self::Blocked => "Blocked",
            Self::Review => "In review",
            Self::Done => "Done",
        }
    }
}

impl TryFrom<String> for ColumnState {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|state| state.as_str() == text)
            .ok_or_else(|| format!("unknown state: {text}"))
    }
}

impl std::fmt::Display for ColumnState {
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        to.write_str(self.as_str())
    }
}
