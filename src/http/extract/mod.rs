pub mod form;
pub mod guest;
