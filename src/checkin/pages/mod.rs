//! Pages for other teams and for guests.

mod check_in;
mod following;
mod guests;
mod intake;

pub use check_in::*;
pub use following::*;
pub use guests::*;
pub use intake::*;
