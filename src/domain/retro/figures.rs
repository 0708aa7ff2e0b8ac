//! The rows of a sprint's report.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// What became of a task that was not done in the sprint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, sqlx::Type)]
#[serde(rename_all = "lowercase")]
#[sqlx(type_name = "text", rename_all = "kebab-case")]
pub(crate) enum TaskOutcome {
    /// Carried over to the next sprint at the close.
    Carried,
    /// Moved to the backlog at the close.
    Backlog,
    /// Archived at the close.
    Dropped,
    /// Planned, but taken out of the sprint before the close.
    Removed,
}

impl TaskOutcome {
    /// The word on screen.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Carried => "carried",
            Self::Backlog => "backlog",
            Self::Dropped => "dropped",
            Self::Removed => "removed",
        }
    }
}

/// A task of the sprint.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct TaskFigure {
    pub(crate) id: Uuid,
    pub(crate) key: String,
    pub(crate) title: String,
    pub(crate) estimate: i64,
    pub(crate) done: bool,
    /// Added to the sprint after its first day.
    pub(crate) added: bool,
    /// How often it was carried over before.
    pub(crate) carried_before: i64,
    /// `None` for a task that was done, or is still in an open sprint.
    pub(crate) outcome: Option<TaskOutcome>,
    pub(crate) reason: String,
}

/// A period in which a task was waiting.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct BlockerFigure {
    pub(crate) key: String,
    pub(crate) title: String,
    pub(crate) on: String,
    /// Days of the team, both ends included.
    pub(crate) days: i64,
    pub(crate) ended: bool,
}

/// A done task's cycle time, and where the time went.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct CycleFigure {
    pub(crate) key: String,
    pub(crate) title: String,
    /// Days of the team, both ends included.
    pub(crate) days: i64,
    pub(crate) story: String,
}
