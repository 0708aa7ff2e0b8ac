//! Other teams look in: how far a team is, what they wait for, what changed since they last looked, and what they ask.

pub mod asking;
pub mod changes;
pub mod facts;
pub mod feeds;
pub mod following;
pub mod looking;
pub mod news;
pub mod pages;
