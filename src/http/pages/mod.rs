//! HTML pages, a folder per feature.

pub mod accounts;
pub mod boards;
pub mod checkin;
pub mod flow;
pub mod help;
pub mod inbox;
pub mod oauth;
pub mod projects;
pub mod reference;
pub mod search;
pub mod sprints;
pub mod standup;
pub mod tasks;
pub mod teams;
pub mod webhooks;
