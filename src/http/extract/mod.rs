pub mod board;
pub mod body;
pub mod form;
pub mod guest;
pub mod task;
pub mod viewer;
