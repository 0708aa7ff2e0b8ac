//! What happened: the event log, and the live stream that reads it.

mod became;
mod change;
mod frames;
pub mod hearing;
pub mod live;
pub mod presence;
pub mod queries;
pub mod stream;
mod undoable;

pub use became::became;
pub use change::{Actor, Change, Changed, Doing, Event, Within};
pub use undoable::are_undoable;
