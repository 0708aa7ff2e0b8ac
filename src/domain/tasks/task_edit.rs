//! An edit of a task: the new values, and the version that its author saw.

use time::Date;
use uuid::Uuid;

/// The fields that are to change; the others stay.
#[derive(Clone, Debug, Default)]
pub struct Edit {
    pub title: Option<String>,
    pub description: Option<String>,
    pub sprint: Option<Option<Uuid>>,
    pub goal: Option<Option<Uuid>>,
    /// The project that it is for, beside what its goal serves.
    pub project: Option<Option<Uuid>>,
    pub estimate: Option<Option<i32>>,
    pub due: Option<Option<Date>>,
    pub needed_by: Option<String>,
    pub owners: Option<Vec<String>>,
    pub labels: Option<Vec<String>>,
    /// It is put back as it stood: a sprint that was closed takes back what was done in it.
    pub puts_back: bool,
    /// What the writer had seen; without it, the write is made whatever happened since.
    pub seen: Option<Seen>,
}

/// The version that a writer had seen.
#[derive(Clone, Copy, Debug)]
pub struct Seen {
    pub version: i64,
    /// Refuse if anything changed since; else only if the same fields did.
    pub strict: bool,
}
