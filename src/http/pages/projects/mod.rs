//! Pages of projects and objectives.

pub mod board;
pub mod list;
pub mod milestone;
pub mod objective;
pub mod project;

pub(crate) use crate::http::pages::projects::board::*;
pub(crate) use crate::http::pages::projects::list::*;
pub(crate) use crate::http::pages::projects::milestone::*;
pub(crate) use crate::http::pages::projects::objective::*;
pub(crate) use crate::http::pages::projects::project::*;
