pub mod access;
pub mod viewer;
