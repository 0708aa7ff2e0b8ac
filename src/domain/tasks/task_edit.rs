//! An edit of a task: the new values, and the version that its author saw.

use time::Date;
use uuid::Uuid;

/// The fields to change; `None` leaves a field as it is.
#[derive(Clone, Debug, Default)]
pub struct Edit {
    pub title: Option<String>,
    pub description: Option<String>,
    pub sprint: Option<Option<Uuid>>,
    pub goal: Option<Option<Uuid>>,
    /// The project of the task itself, independent of its goal's project.
    pub project: Option<Option<Uuid>>,
    pub estimate: Option<Option<i32>>,
    pub due: Option<Option<Date>>,
    pub needed_by: Option<String>,
    pub owners: Option<Vec<String>>,
    pub labels: Option<Vec<String>>,
    /// Set by undo: a task may return to a closed sprint only if it was done there.
    pub puts_back: bool,
    /// The version that the client saw; `None` writes whatever happened since.
    pub seen: Option<Seen>,
}

/// The version that a client saw.
#[derive(Clone, Copy, Debug)]
pub struct Seen {
    pub version: i64,
    /// Refuses if anything changed since; otherwise only if the same fields changed.
    pub strict: bool,
}
