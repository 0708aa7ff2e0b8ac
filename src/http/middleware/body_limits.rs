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

/// Routes that read a body from people who are not signed in.
const OPEN: [&str; 8] = [
    "/login",
    "/logout",
    "/setup",
    "/register",
    "/me/theme",
    "/join/",
    "/reset/",
    "/share/",
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

/// The bytes of unfinished requests in memory, by network; `None` stands for all networks.
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
    if request.body().is_end_stream() {
        return Ok((request, None));
    }
    let path = request.uri().path();
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
