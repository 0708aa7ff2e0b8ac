//! Recurring background jobs.

pub mod backups;
pub mod chat;
pub mod github_projects;
pub mod housekeeping;
pub mod imports;
pub mod mail;
pub mod notifications;
mod outbox_worker;
pub mod pull_requests;
pub mod webhooks;
