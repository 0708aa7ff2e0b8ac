//! Pages of teams: my work, all teams, what a team is about, and its settings.

mod about;
mod settings;
mod work;

pub use about::*;
pub use settings::*;
pub use work::*;
