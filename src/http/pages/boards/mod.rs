//! Pages of a team's board.

pub mod board;
pub mod cards;
pub mod forms;
