//! Standup: what needs attention, and open actions.

pub mod actions;
pub mod attention;
pub mod edit_topics;
pub mod queries;
pub mod quick_add;
pub mod summary;
pub mod topics;
