pub mod boards;
pub mod sprints;
pub mod tasks;
