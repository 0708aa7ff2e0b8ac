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

pub(crate) use crate::http::pages::sprints::close::*;
pub(crate) use crate::http::pages::sprints::goal::*;
pub(crate) use crate::http::pages::sprints::goal_comments::*;
pub(crate) use crate::http::pages::sprints::new_goal::*;
pub(crate) use crate::http::pages::sprints::pitch::*;
pub(crate) use crate::http::pages::sprints::planning::*;
pub(crate) use crate::http::pages::sprints::retro::*;
pub(crate) use crate::http::pages::sprints::retro_notes::*;
pub(crate) use crate::http::pages::sprints::schedule::*;
