//! Everything that speaks HTTP or renders HTML: routes, middleware, pages, the API and live
//! streams.

pub mod api;
pub mod assets;
mod bundle;
pub mod cache;
pub mod chart;
pub mod connections;
pub mod cookies;
pub mod csv;
pub mod extract;
pub mod health;
mod hooks;
pub mod layout;
pub mod live;
pub mod local_path;
pub mod mail;
mod mcp;
pub mod metrics;
pub mod middleware;
pub mod page;
pub mod pages;
pub mod problem;
pub mod router;
pub mod serve;
