//! What happened: the event log, and the live stream that reads it.

pub mod audit_log;
pub mod kind;
pub mod log;
pub mod transaction;
pub mod transitions;

pub use crate::domain::events::kind::{EventKind, are_undoable};
pub use crate::domain::events::transaction::{
    BoxFuture, Change, Changed, Commits, Event, EventStore, Scope,
};
