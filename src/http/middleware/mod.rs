//! Middleware: security headers, error pages, rate limits, client IP, idempotency.

pub(crate) mod auth_proxy;
pub mod body_limits;
pub mod client_ip;
pub mod error_pages;
pub mod form_recovery;
pub mod idempotency;
pub mod in_use;
pub mod layers;
pub mod origin;
pub mod rate_limit;
pub mod request_log;
mod request_span;
