//! Idempotency keys: a client that lost a response can safely send the write again.

use crate::domain::{error::Problem, policy::actor::IdempotencyKey};
use axum::{
    extract::Request,
    middleware::Next,
    response::{IntoResponse, Response},
};

/// Attaches a request's `Idempotency-Key`, by which a repeated write is recognised.
pub(crate) async fn record_idempotency_key(mut request: Request, next: Next) -> Response {
    let Some(key) = request.headers().get("idempotency-key") else {
        return next.run(request).await;
    };
    let Some(key) = key
        .to_str()
        .ok()
        .filter(|key| !key.is_empty() && key.len() <= 200)
        .map(str::to_owned)
    else {
        return Problem::field(
            "Idempotency-Key",
            "The key must have 1 to 200 plain characters.",
        )
        .into_response();
    };
    let key = IdempotencyKey::new(key, request.method().as_str(), request.uri().path());
    request.extensions_mut().insert(key);
    next.run(request).await
}
