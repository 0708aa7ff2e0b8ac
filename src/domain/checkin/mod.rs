//! Check-ins: another team's progress, what the reader is waiting for, what changed since their
//! last visit, and requests.

pub mod changes;
pub mod facts;
pub mod requests;
pub mod summary;
pub mod visits;
