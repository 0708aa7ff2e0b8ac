//! Pages of sprints and goals.

mod calendar;
mod closing;
mod goal;
mod pace;
mod pitch;
mod planning;
mod retro;

pub use calendar::*;
pub use closing::*;
pub use goal::*;
pub use pitch::*;
pub use planning::*;
pub use retro::*;
