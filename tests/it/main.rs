//! Stories of users, through the real program and a real Postgres.

mod cluster;
mod demo;
mod lifecycle;
mod migrations;
mod program;
mod serving;
