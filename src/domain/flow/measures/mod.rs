//! Measures computed from the event log, as pure functions. The page explains each of them.

pub mod blocked;
pub mod burn_up;

pub use crate::domain::flow::measures::blocked::{
    Blocked, BlockedPeriod, OUTSIDE, Row as BlockedRow, Waited, blocked,
};
pub use crate::domain::flow::measures::burn_up::{
    BurnUp, Forecast, ScopeAndDone, ScopeChange, forecast, per_working_day, progress_at,
};
