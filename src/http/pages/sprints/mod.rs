//! Pages of sprints and goals.

pub mod close;
pub mod goal;
pub mod goal_comments;
pub mod goal_form;
pub mod new_goal;
pub mod pitch;
pub mod planning;
pub mod progress_chart;
pub mod retro;
pub mod retro_notes;
pub mod schedule;

pub use crate::http::pages::sprints::close::*;
pub use crate::http::pages::sprints::goal::*;
pub use crate::http::pages::sprints::goal_comments::*;
pub use crate::http::pages::sprints::new_goal::*;
pub use crate::http::pages::sprints::pitch::*;
pub use crate::http::pages::sprints::planning::*;
pub use crate::http::pages::sprints::retro::*;
pub use crate::http::pages::sprints::retro_notes::*;
pub use crate::http::pages::sprints::schedule::*;
