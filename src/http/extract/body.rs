//! Reads the whole body of a request.

use axum::{
    body::Bytes,
    extract::Request,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use futures_util::StreamExt;

use crate::{
    domain::{error::Problem, policy::actor::IdempotencyKey},
    http::middleware::body_limits::Refused,
};

/// Reads the whole body, and adds it to the digest of the request's idempotency key.
///
/// Responds with 408 if it arrives too slowly, 413 if it is too large, 503 if too many are in memory.
pub(crate) async fn whole(request: Request) -> Result<Bytes, Response> {
    let (parts, body) = request.into_parts();
    let (mut body, mut chunks) = (Vec::new(), body.into_data_stream());
    // Copied at once: each of a million tiny chunks would hold the buffer that it arrived in.
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(|error| match refused(&error) {
            _ if is_late(&error) => StatusCode::REQUEST_TIMEOUT.into_response(),
            Some(Refused::Busy) => Problem::Busy.into_response(),
            Some(Refused::TooLarge) => StatusCode::PAYLOAD_TOO_LARGE.into_response(),
            None => StatusCode::BAD_REQUEST.into_response(),
        })?;
        body.extend_from_slice(&chunk);
    }
    if let Some(key) = parts.extensions.get::<IdempotencyKey>() {
        key.add_body(&body);
    }
    Ok(body.into())
}

fn refused(error: &(dyn std::error::Error + 'static)) -> Option<Refused> {
    causes(error).find_map(|error| error.downcast_ref().copied())
}

fn is_late(error: &(dyn std::error::Error + 'static)) -> bool {
    causes(error)
        .filter_map(|error| error.downcast_ref::<std::io::Error>())
        .any(|error| error.kind() == std::io::ErrorKind::TimedOut)
}

fn causes<'e>(
    error: &'e (dyn std::error::Error + 'static),
) -> impl Iterator<Item = &'e (dyn std::error::Error + 'static)> {
    std::iter::successors(Some(error), |error| error.source())
}
