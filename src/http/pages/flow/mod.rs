pub mod charts;
pub mod flow;
pub mod panels;
pub mod tables;
