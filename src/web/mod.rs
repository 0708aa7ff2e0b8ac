//! What every page needs and no feature owns.

pub mod health;
pub mod serve;
pub mod signals;
