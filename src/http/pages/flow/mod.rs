//! The flow page: charts and their numbers.

pub mod charts;
pub mod page;
pub mod panels;
pub mod tables;
