//! Pages of projects and objectives.

mod list;
mod objective;
mod project;

pub use list::*;
pub use objective::*;
pub use project::*;
