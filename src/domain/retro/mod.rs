pub mod close;
pub mod notes;
pub mod reopen;
pub mod report;
