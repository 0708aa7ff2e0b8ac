//! Version 1 of the JSON API.

pub mod boards;
pub mod events;
pub mod sprints;
pub mod standup;
pub mod task_request;
pub mod task_response;
pub mod tasks;
