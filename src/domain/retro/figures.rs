//! The rows of a sprint's report.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

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
    /// `carried`, `backlog` or `dropped` for a task that was unfinished at the close; `removed` for
    /// a planned task that left the sprint before.
    pub outcome: String,
    pub reason: String,
}

/// A period in which a task was waiting.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct WaitFigure {
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
