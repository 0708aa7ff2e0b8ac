//! Recurring background jobs.

pub mod housekeeping;
