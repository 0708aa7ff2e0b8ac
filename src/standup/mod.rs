//! Meeting over the board: what somebody promised, and what is to be talked about.

pub mod actions;
pub mod line;
pub mod pages;
