//! Stories of users, through the real program and a real Postgres.

mod access;
mod api;
mod board;
mod closing;
mod cluster;
mod concurrency;
mod demo;
mod flow;
mod goals;
mod importing;
mod lifecycle;
mod live;
mod migrations;
mod pitch;
mod planning;
mod program;
mod projects;
mod queries;
mod served;
mod serving;
mod signing_in;
mod standup;
mod task;
mod unblocking;
mod world;
mod wrong_input;
