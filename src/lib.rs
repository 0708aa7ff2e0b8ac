//! Fortnight: a self-hosted team board for people who work in sprints.

pub mod app;
pub mod cli;
pub mod config;
pub mod db;
pub mod router;
pub mod web;
