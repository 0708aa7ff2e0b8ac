//! Pages of meetings.

mod actions;
mod standup;

pub use actions::*;
pub use standup::*;
