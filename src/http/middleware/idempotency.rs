//! Idempotency keys: a client that lost a response can safely send the write again.

use axum::{
    body::Body,
    extract::Request,
    middleware::Next,
    response::{IntoResponse, Response},
};
use sha2::{Digest, Sha256};

use crate::domain::{error::Problem, policy::actor::IdempotencyKey};

/// Attaches a request's `Idempotency-Key` and a digest of its body, by which a repeated write is
/// recognised.
pub(crate) async fn record_idempotency_key(request: Request, next: Next) -> Response {
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
    let (mut parts, body) = request.into_parts();
    let body = match crate::http::extract::body::whole(Request::new(body), &()).await {
        Ok(body) => body,
        Err(response) => return response,
    };
    let fingerprint = Sha256::new()
        .chain_update(parts.method.as_str())
        .chain_update(parts.uri.path())
        .chain_update(&body)
        .finalize()
        .to_vec();
    parts.extensions.insert(IdempotencyKey { key, fingerprint });
    next.run(Request::from_parts(parts, Body::from(body))).await
}
