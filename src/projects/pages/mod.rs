//! Pages of projects and objectives.

mod board;
mod list;
mod milestone;
mod objective;
mod project;

pub use board::*;
pub use list::*;
pub use milestone::*;
pub use objective::*;
pub use project::*;
