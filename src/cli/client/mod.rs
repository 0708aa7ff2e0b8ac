//! Fortnight as a client: commands for people and scripts, which use the API of a server elsewhere.

pub(super) mod login;
pub(super) mod open;
mod server;
pub(super) mod standup;
mod table;
pub(super) mod task;
