//! Pages of projects and objectives.

mod board;
mod list;
mod objective;
mod project;

pub use board::*;
pub use list::*;
pub use objective::*;
pub use project::*;
