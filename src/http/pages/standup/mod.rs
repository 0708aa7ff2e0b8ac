//! Pages of the standup.

pub mod actions;
pub mod standup;
pub mod topics;
pub mod walk;

pub use crate::http::pages::standup::actions::*;
pub use crate::http::pages::standup::standup::*;
pub use crate::http::pages::standup::topics::*;
pub use crate::http::pages::standup::walk::*;
