//! The flow page: charts and their numbers.

pub mod charts;
pub mod flow;
pub mod panels;
pub mod tables;
