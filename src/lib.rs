//! Fortnight: a self-hosted team board for people who work in sprints.
//!
//! - [`app`]: the state that handlers and jobs share.
//! - [`cli`]: the command line, one file per command.
//! - [`config`]: flags and environment variables, validated at start.
//! - [`db`]: the connection pool, migrations, and the bundled Postgres.
//! - [`demo`]: fills a workspace with demo data.
//! - [`domain`]: rules and their SQL, one module per feature; it knows neither HTTP nor HTML.
//! - [`http`]: routes, middleware, pages, the JSON API and live streams.
//! - [`jobs`]: recurring tasks that run beside the server.
//! - [`traces`]: sends spans of requests and jobs to an OpenTelemetry collector.
//!
//! Code depends in one direction: `cli`, `http`, `jobs` and `demo` use `domain`, which uses `db`.

pub mod app;
pub mod cli;
pub mod config;
pub mod db;
pub mod demo;
pub mod domain;
pub mod http;
pub mod jobs;
pub mod traces;
