//! Recurring background jobs.

pub mod backups;
pub mod chat;
pub mod housekeeping;
pub mod mail;
pub mod notifications;
pub mod pull_requests;
