//! Figures from what happened: pure functions, each said in words on the page.

pub mod blocked;
pub mod burn_up;
pub mod cycle_time;
pub mod states;

pub use crate::domain::flow::measures::blocked::{
    Blocked, OUTSIDE, Row as BlockedRow, Spell, Waited, blocked,
};
pub use crate::domain::flow::measures::burn_up::{
    BurnUp, Forecast, Joining, Standing, a_working_day, forecast, standings,
};
pub use crate::domain::flow::measures::cycle_time::{
    CycleTime, CycleTimes, Excluded, StartedTask, cycle_times, days, percentile,
};
pub use crate::domain::flow::measures::states::{
    Kind, Replay, Transition, days_by_state, finished, first_begun, spans, throughput,
};
