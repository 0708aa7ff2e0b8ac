//! When a task was started and finished, and how long it was in each state. Flow, retro, standup and
//! check-in all use these definitions:
//!
//! - A task is started when it is first in progress, and finished when it was last moved from another
//!   state to done. Moves between columns of one state change neither.
//! - What was undone counts for nothing, and neither does a state that was left within minutes. The
//!   database sees to both when an event is written: `set_transition` in the migration.

pub mod cycle_time;
pub mod queries;
pub mod states;

pub use crate::domain::work_time::cycle_time::{
    CycleTime, CycleTimes, Excluded, StartedTask, cycle_times, days, percentile,
};
pub use crate::domain::work_time::states::{
    Kind, Replay, Transition, days_by_state, finished, first_started, spans, throughput,
    time_in_states,
};
