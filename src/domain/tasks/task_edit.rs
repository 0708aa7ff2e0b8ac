//! An edit of a task: the new values, and the version that its author saw.

use time::Date;
use uuid::Uuid;

/// The fields to change; `None` leaves a field as it is.
#[derive(Clone, Debug, Default)]
pub(crate) struct Edit {
    pub(crate) title: Option<String>,
    pub(crate) description: Option<String>,
    pub(crate) sprint: Option<Option<Uuid>>,
    pub(crate) goal: Option<Option<Uuid>>,
    /// The project of the task itself, independent of its goal's project.
    pub(crate) project: Option<Option<Uuid>>,
    /// One of its pictures, which its card shows.
    pub(crate) cover: Option<Option<Uuid>>,
    pub(crate) estimate: Option<Option<i32>>,
    pub(crate) due: Option<Option<Date>>,
    pub(crate) needed_by: Option<String>,
    pub(crate) owners: Option<Vec<String>>,
    pub(crate) labels: Option<Vec<String>>,
    /// Set by undo: a task may return to a closed sprint only if it was done there.
    pub(crate) is_undo: bool,
    /// The version that the client saw; `None` writes whatever happened since.
    pub(crate) seen: Option<Seen>,
}

/// The version that a client saw.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seen {
    pub(crate) version: i64,
    /// Refuses if anything changed since; otherwise only if the same fields changed.
    pub(crate) strict: bool,
}
