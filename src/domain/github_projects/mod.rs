//! Project boards of GitHub (Projects v2), each kept in sync with a team's board or with one of its projects.
//!
//! For every item, the values that both sides had when they were equal last are stored. Comparing each side with them
//! tells which one has changed, also for what we have written ourselves: it comes back equal.

pub mod address;
pub mod api;
mod compare;
pub mod connect;
pub mod connected;
pub mod defaults;
mod difference;
mod documents;
mod exchange;
pub mod here;
mod items;
mod look;
pub mod mapping;
pub mod merge;
mod new_tasks;
mod nodes;
pub mod preview;
pub mod push;
pub mod remote;
pub mod remote_items;
pub mod schedule;
pub mod sync;
pub mod values;

/// The author of what comes from GitHub, in events.
pub(crate) const AUTHOR: &str = "GitHub";
