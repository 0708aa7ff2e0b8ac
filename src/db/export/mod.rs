//! The whole workspace in files that anything can read: a folder or zip archive with a JSON file per table, the attached
//! files, and a manifest. docs/export.md describes it.

pub mod catalog;
pub(crate) mod input;
pub mod manifest;
mod output;
pub mod read;
mod rows;
pub mod write;
