//! The JSON API.

mod fields;
pub mod openapi;
pub mod v1;
mod webhook_types;

use axum::{extract::Request, middleware::Next, response::Response};

use crate::http::middleware::rate_limit;

/// What every response of the API has: the fields that the request chose, and the state of the rate limits.
pub(crate) async fn respond(request: Request, next: Next) -> Response {
    rate_limit::with_headers(fields::choose(request, next)).await
}
