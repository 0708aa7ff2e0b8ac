//! Extractors: the viewer, a task, a board, forms and JSON bodies.

pub mod board;
pub mod body;
pub mod form;
pub mod guest;
pub mod path;
pub mod task;
pub mod viewer;
