//! Pages of the standup.

pub mod actions;
pub mod page;
pub mod topics;
pub mod walk;

pub(crate) use crate::http::pages::standup::actions::*;
pub(crate) use crate::http::pages::standup::page::*;
pub(crate) use crate::http::pages::standup::topics::*;
pub(crate) use crate::http::pages::standup::walk::*;
