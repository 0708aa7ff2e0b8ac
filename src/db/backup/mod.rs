//! Backups: one file with everything in the database, made while the program runs, and restored all or nothing.

pub mod archive;
pub mod create;
pub mod dump;
pub mod manifest;
pub mod offered;
pub mod restore;
pub mod schedule;
pub mod script;
pub mod tools;
