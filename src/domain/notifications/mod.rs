//! Notifications: what concerns a person, as rows of their inbox. They are made from the events after those were
//! committed, so that no change waits for them: `deliver` reads the new events of a team, `rules` decides who each
//! concerns, and `record` writes the rows.

mod batch;
pub mod deliver;
pub mod due;
pub(crate) mod edit;
mod followed;
pub(crate) mod inbox;
pub(crate) mod mailing;
pub(crate) mod reason;
mod record;
mod rules;
pub(crate) mod snooze;
mod text;
pub(crate) mod thread;
pub(crate) mod view;
mod withdrawals;
