//! Reads the whole body of a request.

use axum::{
    body::Bytes,
    extract::{FromRequest, Request},
};

/// Reads the whole body; responds with 408 if it arrives too slowly.
pub(crate) async fn whole<S: Send + Sync>(
    request: Request,
    state: &S,
) -> Result<Bytes, axum::response::Response> {
    use axum::response::IntoResponse;
    Bytes::from_request(request, state)
        .await
        .map_err(|rejection| {
            if is_late(&rejection) {
                axum::http::StatusCode::REQUEST_TIMEOUT.into_response()
            } else {
                rejection.into_response()
            }
        })
}

fn is_late(error: &(dyn std::error::Error + 'static)) -> bool {
    std::iter::successors(Some(error), |error| error.source())
        .filter_map(|error| error.downcast_ref::<std::io::Error>())
        .any(|error| error.kind() == std::io::ErrorKind::TimedOut)
}
