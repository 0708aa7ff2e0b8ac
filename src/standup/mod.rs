//! Meeting over the board: who needs someone, and what somebody promised.

pub mod actions;
mod correcting_topics;
pub mod facts;
pub mod line;
pub mod pages;
pub mod reading;
pub mod topics;
