pub mod board;
pub mod forms;
