//! Figures from what happened: pure functions, each said in words on the page.

mod blocked;
mod burn_up;
mod cycle_time;
mod states;

pub use blocked::{Blocked, OUTSIDE, Row as BlockedRow, Spell, Waited, blocked};
pub use burn_up::{BurnUp, Forecast, Joining, Standing, a_working_day, forecast, standings};
pub use cycle_time::{Begun, CycleTimes, LeftOut, Taken, cycle_times, days, percentile};
pub use states::{Kind, Replay, Shift, days_by_state, finished, first_begun, spans, throughput};
