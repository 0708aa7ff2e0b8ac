//! How work flows: burn-up, cumulative flow, cycle time, ageing, throughput, time blocked.
//! What is counted is in `measures`, where it is read from in `queries`, how it is shown in the others.

mod drawing;
pub mod measures;
pub mod pages;
mod panels;
pub mod queries;
pub mod range;
mod reading;
mod tables;

pub use drawing::burn_up_chart;
pub use measures::BurnUp;
