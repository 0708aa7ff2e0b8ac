pub mod close;
pub mod figures;
pub mod longest;
pub mod notes;
pub mod reopen;
pub mod report;
