//! Pages of sprints and goals.

mod calendar;
mod closing;
mod goal;
mod goal_form;
mod new_goal;
mod pace;
mod pitch;
mod planning;
mod remark;
mod retro;

pub use calendar::*;
pub use closing::*;
pub use goal::*;
pub use new_goal::*;
pub use pitch::*;
pub use planning::*;
pub use remark::*;
pub use retro::*;
