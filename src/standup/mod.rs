//! Meeting over the board: who needs someone, and what somebody promised.

pub mod actions;
pub mod facts;
pub mod line;
pub mod pages;
pub mod reading;
pub mod topics;
