//! Middleware: security headers, error pages, rate limits, client IP, idempotency.

pub mod client_ip;
pub mod form_recovery;
pub mod idempotency;
pub mod layers;
pub mod rate_limit;
pub mod request_log;
