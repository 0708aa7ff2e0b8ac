//! Limits of request bodies: how large one may be, and how many bytes of them may be in memory at once.

use std::{
    fmt,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
};

use axum::{
    BoxError,
    body::{Body, Bytes, HttpBody},
    extract::Request,
    http::header,
};
use hyper::body::{Frame, SizeHint};

use crate::{
    config::trusted_proxies::TrustedProxies,
    http::middleware::{
        client_ip::ClientIp,
        in_use::{InUse, Share},
    },
};

/// The largest body.
const MAX_BYTES: usize = 1024 * 1024;
/// The largest body on a route that is open to everyone: a few short fields.
const MAX_OPEN_BYTES: usize = 16 * 1024;
/// The bodies of one network in memory, and those of all.
const NETWORK_BYTES: usize = 16 * MAX_BYTES;
const ALL_BYTES: usize = 64 * MAX_BYTES;

/// Whether files are sent to this path, which are written to the disk as they arrive. Its handler limits them.
pub(crate) fn is_upload(path: &str) -> bool {
    let is_of = |start: &str, end: &str| {
        let name = path
            .strip_prefix(start)
            .and_then(|rest| rest.strip_suffix(end));
        name.is_some_and(|name| !name.contains('/'))
    };
    matches!(path, "/setup/restore/upload" | "/me/avatar")
        || is_of("/tasks/", "/attachments")
        || is_of("/api/v1/tasks/", "/attachments")
        || is_of("/teams/", "/settings/imports")
}

/// Routes that read a body from people who are not signed in.
const OPEN: [&str; 12] = [
    "/login",
    "/logout",
    "/setup",
    "/register",
    "/me/theme",
    "/join/",
    "/reset/",
    "/confirm/",
    "/unsubscribe/",
    "/share/",
    "/oauth/register",
    "/oauth/token",
];

/// Whether everyone may write to this path.
pub(crate) fn is_open(path: &str) -> bool {
    OPEN.iter().any(|open| path.starts_with(open))
}

/// Why a body was not read to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    TooLarge,
    /// Other bodies are in memory.
    Busy,
}

impl fmt::Display for Refused {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str(match self {
            Self::TooLarge => "the request body is too large",
            Self::Busy => "too many request bodies at once",
        })
    }
}

impl std::error::Error for Refused {}

/// The bytes of unfinished requests in memory, by network; `None` means all networks.
pub(crate) type BodiesInUse = InUse<Option<ClientIp>>;

/// The bytes that a request's body has in memory, until the request is answered.
pub(crate) type BodyBytes = Arc<Mutex<Shares>>;

pub(crate) struct Shares {
    of_network: Share<Option<ClientIp>>,
    of_all: Share<Option<ClientIp>>,
}

impl Shares {
    fn grow(&mut self, more: usize) -> bool {
        self.of_network.grow(more, NETWORK_BYTES) && self.of_all.grow(more, ALL_BYTES)
    }
}

/// Limits a request's body. Its bytes are counted until what is returned beside it is dropped.
///
/// # Errors
/// `TooLarge` if the request says so in its head.
pub(crate) fn limit_body(
    in_use: &BodiesInUse,
    trusted: &TrustedProxies,
    request: Request,
) -> Result<(Request, Option<BodyBytes>), Refused> {
    let path = request.uri().path();
    if request.body().is_end_stream() || is_upload(path) {
        return Ok((request, None));
    }
    let most = if is_open(path) {
        MAX_OPEN_BYTES
    } else {
        MAX_BYTES
    };
    let announced = request.headers().get(header::CONTENT_LENGTH);
    let announced = announced.and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    if announced.is_some_and(|length| length > most as u64) {
        return Err(Refused::TooLarge);
    }
    let (parts, body) = request.into_parts();
    let network = ClientIp::of(trusted, &parts).counted();
    let nothing = |key| in_use.take(key, 0, usize::MAX);
    let (Some(of_network), Some(of_all)) = (nothing(Some(network)), nothing(None)) else {
        return Err(Refused::Busy);
    };
    let bytes = Arc::new(Mutex::new(Shares { of_network, of_all }));
    let body = LimitedBody {
        body,
        left: most,
        bytes: Arc::clone(&bytes),
    };
    Ok((Request::from_parts(parts, Body::new(body)), Some(bytes)))
}

/// A body that ends with an error once it is too large, or the bodies in memory are too many.
struct LimitedBody {
    body: Body,
    left: usize,
    bytes: BodyBytes,
}

impl HttpBody for LimitedBody {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        task: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let frame = match Pin::new(&mut self.body).poll_frame(task) {
            Poll::Ready(Some(Ok(frame))) => frame,
            other => return other.map_err(Into::into),
        };
        let length = frame.data_ref().map_or(0, Bytes::len);
        let Some(left) = self.left.checked_sub(length) else {
            return Poll::Ready(Some(Err(Refused::TooLarge.into())));
        };
        self.left = left;
        let mut bytes = self.bytes.lock().unwrap_or_else(PoisonError::into_inner);
        Poll::Ready(Some(if bytes.grow(length) {
            Ok(frame)
        } else {
            Err(Refused::Busy.into())
        }))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use axum::{extract::ConnectInfo, http::StatusCode};

    use super::*;
    use crate::http::extract::body::whole;

    fn send(in_use: &BodiesInUse, from: &str, path: &str, bytes: usize) -> (Request, BodyBytes) {
        let peer: SocketAddr = from.parse().unwrap();
        let chunks = (0..bytes.div_ceil(4096)).map(move |chunk| {
            let left = (bytes - chunk * 4096).min(4096);
            Ok::<_, std::io::Error>(Bytes::from(vec![b'x'; left]))
        });
        // Without its length in the head, as with chunked encoding.
        let body = Body::from_stream(futures_util::stream::iter(chunks));
        let request = Request::post(path).extension(ConnectInfo(peer));
        let request = request.body(body).unwrap();
        let (request, counted) = limit_body(in_use, &TrustedProxies::default(), request).unwrap();
        (request, counted.unwrap())
    }

    async fn status(request: Request) -> StatusCode {
        match whole(request).await {
            Ok(_) => StatusCode::OK,
            Err(response) => response.status(),
        }
    }

    /// Case 51.
    #[tokio::test]
    async fn bodies_are_limited_by_route_network_and_together() {
        let in_use = BodiesInUse::default();
        for (path, bytes, expected) in [
            ("/tasks/INF-1", MAX_BYTES, StatusCode::OK),
            ("/tasks/INF-1", MAX_BYTES + 1, StatusCode::PAYLOAD_TOO_LARGE),
            ("/login", MAX_OPEN_BYTES, StatusCode::OK),
            ("/login", MAX_OPEN_BYTES + 1, StatusCode::PAYLOAD_TOO_LARGE),
            ("/share/secret", 20_000, StatusCode::PAYLOAD_TOO_LARGE),
        ] {
            let (request, _counted) = send(&in_use, "192.0.2.1:1", path, bytes);
            assert_eq!(status(request).await, expected, "{path} {bytes}");
        }
        let mut unfinished = Vec::new();
        for network in 0..4 {
            let from = format!("[2001:db8:0:{network}::1]:1");
            for _ in 0..16 {
                let (request, counted) = send(&in_use, &from, "/preview", MAX_BYTES);
                assert_eq!(status(request).await, StatusCode::OK);
                unfinished.push(counted);
            }
            let (request, _counted) = send(&in_use, &from, "/preview", 1);
            assert_eq!(status(request).await, StatusCode::SERVICE_UNAVAILABLE);
        }
        let (request, _counted) = send(&in_use, "192.0.2.1:1", "/preview", 1);
        assert_eq!(status(request).await, StatusCode::SERVICE_UNAVAILABLE);
        unfinished.clear();
        let (request, _counted) = send(&in_use, "192.0.2.1:1", "/preview", MAX_BYTES);
        assert_eq!(status(request).await, StatusCode::OK);
    }
}
