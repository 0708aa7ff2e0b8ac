//! Backups: one file with everything in the database, made while the program runs, and restored all or nothing.

pub mod archive;
pub mod bucket;
pub mod create;
pub mod dump;
pub(crate) mod files;
pub(crate) mod local;
pub mod manifest;
pub mod offered;
pub mod place;
pub mod restore;
pub mod schedule;
pub mod script;
pub mod target;
pub mod tools;
