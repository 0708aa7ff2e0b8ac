//! Fortnight: a team board for people who work in sprints.
//!
//! - `cli`, `config`: starting it
//! - `app`, `router`, `frame`: what handlers are given, which there are, and what stands around their pages
//! - `accounts`: people and how they sign in
//! - `teams`: teams and who is on them
//! - `boards`: columns, access, filters, the board's page
//! - `activity`: the event log, and the live stream that reads it
//! - `demo`: a believable pair of teams
//! - `tasks`: creating, editing, moving, assigning, blocking, commenting
//! - `projects`: projects, milestones, objectives: what outlives a sprint
//! - `sprints`: cadence, goals, closing and looking back
//! - `standup`: who needs someone, what happened since, and what was promised
//! - `checkin`: how far a team is, for everybody else; what they follow and ask for
//! - `flow`: burn-up, cumulative flow, cycle time, ageing, throughput, time blocked
//! - `transfer`: bringing boards of other tools here
//! - `web`, `db`, `markdown`, `chart`, `clock`, `naming`: no feature in them

pub mod app;
pub mod cli;
pub mod config;
pub mod db;
pub mod demo;
pub mod domain;
pub mod http;
pub mod jobs;
