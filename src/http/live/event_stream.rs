//! The response of an event stream, and when it ends.

use std::convert::Infallible;

use axum::{
    body::{Body, Bytes},
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};
use tokio::sync::{mpsc, watch};
use tokio_stream::wrappers::ReceiverStream;

use crate::domain::error::Result;

/// The response whose body is what `frames` receives.
pub(crate) fn event_stream(frames: mpsc::Receiver<Result<Bytes, Infallible>>) -> Response {
    let mut response = Body::from_stream(ReceiverStream::new(frames)).into_response();
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("text/event-stream"),
    );
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    response
}

pub(crate) async fn until(ended: &mut watch::Receiver<bool>) {
    // An error means that the sender is gone, which also ends the stream.
    let _ = ended.wait_for(|ended| *ended).await;
}
