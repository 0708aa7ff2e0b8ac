//! Pages of meetings.

mod actions;

pub use actions::*;
