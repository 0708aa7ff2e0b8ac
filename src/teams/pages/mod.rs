//! Pages of teams: my work, all teams, what a team is about, and its settings.

mod about;
mod columns;
mod history;
mod members;
mod settings;
mod sharing;
mod work;

pub use about::*;
pub use columns::*;
pub use history::*;
pub use members::*;
pub use settings::*;
pub use sharing::*;
pub use work::*;
