//! The rows of a sprint's report.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// What became of a task that was not done in the sprint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, sqlx::Type)]
#[serde(rename_all = "lowercase")]
#[sqlx(type_name = "text", rename_all = "kebab-case")]
pub enum TaskOutcome {
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
    pub fn as_str(self) -> &'static str {
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
pub struct TaskFigure {
    pub id: Uuid,
    pub key: String,
    pub title: String,
    pub estimate: i64,
    pub done: bool,
    /// Added to the sprint after its first day.
    pub added: bool,
    /// How often it was carried over before.
    pub carried_before: i64,
    /// `None` for a task that was done, or is still in an open sprint.
    pub outcome: Option<TaskOutcome>,
    pub reason: String,
}

/// A period in which a task was waiting.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct BlockerFigure {
    pub key: String,
    pub title: String,
    pub on: String,
    /// Working days of the team, both ends included.
    pub days: i64,
    pub ended: bool,
}

/// A done task's cycle time, and where the time went.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct CycleFigure {
    pub key: String,
    pub title: String,
    /// Working days of the team, both ends included.
    pub days: i64,
    pub story: String,
}
