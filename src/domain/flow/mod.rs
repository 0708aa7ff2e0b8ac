//! Flow reports: burn-up, cumulative flow, cycle time, ageing, throughput, time blocked. `measures`
//! computes them from what `queries` reads.

pub mod date_range;
pub mod measures;
pub mod queries;
pub mod range;
pub mod report;
