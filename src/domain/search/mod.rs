//! The search over everything a viewer can see: tasks with their steps and comments, goals, projects, milestones,
//! people, teams, labels and saved filters.

mod highlight;
pub(crate) mod names;
pub(crate) mod suggestions;
pub(crate) mod tasks;
mod terms;

pub(crate) use highlight::{Passage, excerpt, highlight};
pub(crate) use terms::{Terms, load_terms};
