//! What happened: the event log, and the live stream that reads it.

pub mod audit_log;
pub mod log;
pub mod transaction;
pub mod transitions;
pub mod undo_policy;

pub use crate::domain::events::transaction::{
    BoxFuture, Change, Changed, Commits, Event, EventStore, Scope,
};
pub use crate::domain::events::undo_policy::are_undoable;
