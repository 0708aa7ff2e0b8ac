//! Pages of sprints and goals.

mod calendar;
mod closing;
mod goal;

pub use calendar::*;
pub use closing::*;
pub use goal::*;
