//! The event log: what happened, in transactions that write their events.

pub mod audit_log;
pub mod kind;
pub mod log;
pub mod notify;
pub mod transaction;
pub mod transitions;

pub use crate::domain::events::kind::{EventKind, are_undoable};
pub use crate::domain::events::transaction::{
    BoxFuture, Change, Changed, Commits, Event, EventStore, Scope,
};
