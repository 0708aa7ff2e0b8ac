//! Pages of the standup.

pub mod actions;
pub mod page;
pub mod topics;
pub mod walk;

pub use crate::http::pages::standup::actions::*;
pub use crate::http::pages::standup::page::*;
pub use crate::http::pages::standup::topics::*;
pub use crate::http::pages::standup::walk::*;
