//! Pages of projects and objectives.

pub mod board;
pub mod list;
pub mod milestone;
pub mod objective;
pub mod project;

pub use crate::http::pages::projects::board::*;
pub use crate::http::pages::projects::list::*;
pub use crate::http::pages::projects::milestone::*;
pub use crate::http::pages::projects::objective::*;
pub use crate::http::pages::projects::project::*;
