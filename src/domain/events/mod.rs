//! What happened: the event log, and the live stream that reads it.

pub mod log;
pub mod transaction;
pub mod transitions;
pub mod undo_policy;

pub use crate::domain::events::transaction::{Actor, Change, Changed, Doing, Event, Within};
pub use crate::domain::events::undo_policy::are_undoable;
