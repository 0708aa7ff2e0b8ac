//! How work flows: burn-up, cumulative flow, cycle time, ageing, throughput, time blocked.
//! What is counted is in `measures`, where it is read from in `queries`, how it is shown in the others.

pub mod measures;
pub mod queries;
pub mod range;
pub mod report;
