//! Pictures that people attach: which files are pictures, what is removed from them, and their small versions.

mod bytes;
pub(crate) mod format;
mod jpeg;
mod metadata;
pub(crate) mod strip;
pub(crate) mod thumbnail;
