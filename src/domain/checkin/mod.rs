//! Other teams look in: how far a team is, what they wait for, what changed since they last looked, and what they ask.

pub mod changes;
pub mod requests;
pub mod summary;
pub mod visits;
