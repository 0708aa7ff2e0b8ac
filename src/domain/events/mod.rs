//! The event log: what happened, in transactions that write their events.

pub mod audit_log;
pub mod committed;
pub mod kind;
mod kind_role;
pub mod log;
pub mod lost_commit;
pub mod notify;
pub mod repeats;
pub mod transaction;
pub mod transitions;

pub use crate::domain::events::kind::{EventKind, are_undoable};
pub use crate::domain::events::transaction::{
    BoxFuture, Change, Changed, Commits, Event, EventStore, Scope,
};

/// Condition: no import wrote the event, or it is the one that stands for the whole import. What
/// was imported happened elsewhere, and is not news.
macro_rules! not_imported {
    ($event:literal, $team:literal) => {
        concat!(
            "(",
            $event,
            ".kind = 'board.imported' OR ",
            $event,
            ".change_id <> ALL (ARRAY(SELECT change_id FROM events WHERE kind = 'board.imported' AND team_id = ",
            $team,
            ")))"
        )
    };
}

pub(crate) use not_imported;
