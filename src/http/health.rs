//! Health checks for supervisors and load balancers.

use std::{convert::Infallible, net::SocketAddr, time::Duration};

use axum::{
    Extension,
    body::Bytes,
    extract::{ConnectInfo, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
};
use serde_json::json;
use tokio::sync::mpsc;

use crate::{
    config::trusted_proxies::TrustedProxies,
    db,
    db::pool::Pool,
    http::{
        live::{event_stream::event_stream, sse_frames::frame},
        problem::{InternalError, ProblemBody},
    },
};

/// The time between the two events of `/healthz/stream`.
pub(crate) const STREAM_PAUSE: Duration = Duration::from_secs(1);

/// `GET /healthz`: the process is up. It does not query the database, so that a slow database does
/// not make a supervisor restart the server.
pub(crate) async fn alive() -> &'static str {
    "ok"
}

/// `GET /readyz`: the database answers and has the tables this program needs.
pub(crate) async fn ready(State(db): State<Pool>) -> Response {
    if db::is_ready(&db).await {
        return "ready".into_response();
    }
    let status = StatusCode::SERVICE_UNAVAILABLE;
    let reason = "The database is not available, or cannot be written to.";
    let body = ProblemBody {
        title: "Not ready".into(),
        detail: reason.to_owned(),
        ..ProblemBody::of(status)
    };
    let internal = InternalError(reason.to_owned());
    (status, Extension(body), Extension(internal)).into_response()
}

/// `GET /healthz/stream`: an event stream of two events with a pause in between, for `fortnight doctor`, which looks
/// whether a proxy holds it back. The first says whether the sender is a proxy that is trusted.
pub(crate) async fn stream(
    State(proxies): State<TrustedProxies>,
    peer: Option<Extension<ConnectInfo<SocketAddr>>>,
    headers: HeaderMap,
) -> Response {
    let first = json!({
        "forwarded": headers.contains_key("x-forwarded-for"),
        "trusted": peer.is_some_and(|Extension(ConnectInfo(peer))| proxies.has(peer.ip().to_canonical())),
    });
    let (sender, receiver) = mpsc::channel::<Result<Bytes, Infallible>>(2);
    tokio::spawn(async move {
        let _ = sender.send(Ok(frame("health", None, &first).bytes)).await;
        tokio::time::sleep(STREAM_PAUSE).await;
        let _ = sender
            .send(Ok(frame("health", None, &json!({})).bytes))
            .await;
    });
    event_stream(receiver)
}
