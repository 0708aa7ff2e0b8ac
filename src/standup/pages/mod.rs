//! Pages of meetings.

mod actions;
mod standup;
mod topics;
mod walk;

pub use actions::*;
pub use standup::*;
pub use topics::*;
pub use walk::*;
