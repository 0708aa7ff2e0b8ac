//! Pages of teams: my work, all teams, what a team is about, and its settings.

mod about;
mod members;
mod settings;
mod work;

pub use about::*;
pub use members::*;
pub use settings::*;
pub use work::*;
