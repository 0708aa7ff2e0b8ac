//! Accepts connections, within limits, until the program is asked to stop.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{ConnectInfo, Request};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{BoxError, Router};
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
#[cfg(target_os = "linux")]
use rustix::net::sockopt::set_tcp_user_timeout;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, watch};
use tokio::time::{Instant, Sleep, sleep};
use tower::Service;

use crate::http::{
    connections::{BEYOND_HEAD, ConnectionLimits, Place},
    middleware::{body_limits::is_upload, layers::MAX_HEAD_BYTES},
};

/// Timeouts of a connection and of shutdown.
#[derive(Clone, Copy, Debug)]
pub struct Timeouts {
    /// Time for a request's line and headers to arrive, and for an idle connection to be used
    /// again.
    pub head: Duration,
    /// Time for a request's body to arrive.
    pub body: Duration,
    /// A connection whose client reads nothing for this long is closed.
    pub read: Duration,
    /// Time for requests in progress to finish after a request to stop.
    pub drain: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            head: Duration::from_secs(20),
            body: Duration::from_secs(15),
            read: Duration::from_secs(30),
            // supervisors kill after ten seconds, and on a busy disk Postgres takes some of them
            drain: Duration::from_secs(5),
        }
    }
}

/// Open streams are cheap (about 31 KB each); file descriptors run out first.
const MAX_CONNECTIONS: u64 = 20_000;
/// File descriptors for everything but browser connections: the database, logs, attachments.
const OTHER_FILES: u64 = 128;

/// What is served: nothing but an answer that says so until the program has started.
#[derive(Clone, Default)]
pub struct Routes(Arc<OnceLock<Router>>);

impl Routes {
    /// Serves these from now on.
    pub(crate) fn open(&self, router: Router) {
        // They are opened once.
        let _ = self.0.set(router);
    }
}

impl From<Router> for Routes {
    fn from(router: Router) -> Self {
        Self(Arc::new(OnceLock::from(router)))
    }
}

/// Serves until asked to stop, then accepts no more connections, ends the streams through
/// `stopping`, and waits for requests in progress. Asked a second time, it stops at once.
pub async fn serve(
    listener: TcpListener,
    routes: impl Into<Routes>,
    timeouts: Timeouts,
    limits: ConnectionLimits,
    mut asked_to_stop: mpsc::Receiver<()>,
    stopping: &watch::Sender<bool>,
) {
    let routes = routes.into();
    let all = most_connections();
    let room = Arc::new(Semaphore::new(all));
    let open = GracefulShutdown::new();
    loop {
        let accepted = async {
            // further connections wait in the kernel's queue
            let permit = Arc::clone(&room).acquire_owned().await;
            (permit, listener.accept().await)
        };
        tokio::select! {
            Some(()) = asked_to_stop.recv() => break,
            (permit, accepted) = accepted => match (permit, accepted) {
                (Ok(permit), Ok((stream, peer))) => {
                    if let Some(place) = limits.place(peer.ip(), all) {
                        let places = (permit, place);
                        tokio::spawn(converse(stream, peer, routes.clone(), timeouts, open.watcher(), places));
                    }
                }
                (_, Err(error)) => pause_after(&error).await,
                // unreachable: the semaphore is never closed
                (Err(_), _) => break,
            },
        }
    }
    drop(listener);
    stopping.send_replace(true);
    let waiting = open.count();
    if waiting > 0 {
        tracing::info!("stopping, with {waiting} connections open");
    }
    tokio::select! {
        () = open.shutdown() => {}
        () = sleep(timeouts.drain) => {
            tracing::warn!("some connections did not end in time and were closed");
        }
        Some(()) = asked_to_stop.recv() => tracing::warn!("asked a second time: stopping at once"),
    }
}

async fn converse(
    stream: TcpStream,
    peer: SocketAddr,
    routes: Routes,
    timeouts: Timeouts,
    watcher: Watcher,
    places: (OwnedSemaphorePermit, Place),
) {
    // small events would wait for an acknowledgement otherwise: 48 ms against 4, measured
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!("cannot set TCP_NODELAY: {error}");
    }
    // Also notices clients that vanished without closing: a closed laptop, a lost network.
    #[cfg(target_os = "linux")]
    if let Err(error) = set_tcp_user_timeout(
        &stream,
        u32::try_from(timeouts.read.as_millis()).unwrap_or(u32::MAX),
    ) {
        tracing::debug!("cannot set TCP_USER_TIMEOUT: {error}");
    }
    let is_beyond = matches!(places.1, Place::Beyond(_));
    let answer = hyper::service::service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(ConnectInfo(peer));
        let is_upload = is_upload(request.uri().path());
        let timed = |body: Incoming| match body.is_end_stream() {
            true => axum::body::Body::empty(),
            false => axum::body::Body::new(TimedBody {
                body,
                deadline: Box::pin(sleep(timeouts.body)),
                per_piece: is_upload.then_some(timeouts.body),
            }),
        };
        let is_refused = is_beyond && !matches!(request.uri().path(), "/healthz" | "/readyz");
        let path = request.uri().path();
        let response = match routes.0.get() {
            _ if is_refused => Err(too_many_connections()),
            None => Err(starting(path)),
            Some(router) => Ok(router.clone().call(request.map(timed))),
        };
        async move {
            match response {
                Ok(response) => response.await,
                Err(response) => Ok(response),
            }
        }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(if is_beyond {
            timeouts.head.min(BEYOND_HEAD)
        } else {
            timeouts.head
        })
        .keep_alive(!is_beyond)
        .max_buf_size(MAX_HEAD_BYTES)
        .serve_connection(TokioIo::new(stream), answer);
    if let Err(error) = watcher.watch(connection).await {
        // usually a client that went away
        tracing::debug!("connection from {peer} ended: {error}");
    }
}

/// The answer to a network with too many connections, except to health checks.
fn too_many_connections() -> Response {
    let reason = "Your network has too many connections open. Close some tabs and try again.\n";
    let mut response = (StatusCode::SERVICE_UNAVAILABLE, reason).into_response();
    response
        .headers_mut()
        .insert(header::RETRY_AFTER, HeaderValue::from_static("10"));
    response
}

/// The answer before the program has started, which takes minutes if Postgres recovers or a large table is migrated.
fn starting(path: &str) -> Response {
    if path == "/healthz" {
        return "starting".into_response();
    }
    let reason = "Fortnight is starting: its database is being prepared. This page tries again.\n";
    let mut response = (StatusCode::SERVICE_UNAVAILABLE, reason).into_response();
    let headers = response.headers_mut();
    headers.insert(header::RETRY_AFTER, HeaderValue::from_static("5"));
    headers.insert(header::REFRESH, HeaderValue::from_static("5"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// A request's body with a deadline: sent byte by byte, it could otherwise take for ever.
struct TimedBody {
    body: Incoming,
    deadline: Pin<Box<Sleep>>,
    /// The time for each piece of a file, whose size is not known.
    per_piece: Option<Duration>,
}

impl Body for TimedBody {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        task: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        match Pin::new(&mut self.body).poll_frame(task) {
            Poll::Ready(frame) => {
                if let Some(time) = self.per_piece {
                    self.deadline.as_mut().reset(Instant::now() + time);
                }
                Poll::Ready(frame.map(|frame| frame.map_err(Into::into)))
            }
            Poll::Pending => self.deadline.as_mut().poll(task).map(|()| {
                Some(Err(io::Error::new(
                    io::ErrorKind::TimedOut,
                    "the request body did not arrive in time",
                )
                .into()))
            }),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// The number of connections that the open-file limit allows. Raises the soft limit, which a login
/// shell's default would keep at about 900.
fn most_connections() -> usize {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let wanted = maximum.map_or(MAX_CONNECTIONS, |most| {
        most.min(MAX_CONNECTIONS + OTHER_FILES)
    });
    let mut files = current.unwrap_or(MAX_CONNECTIONS);
    let raised = Rlimit {
        current: Some(wanted),
        maximum,
    };
    if files < wanted && setrlimit(Resource::Nofile, raised).is_ok() {
        files = wanted;
    }
    let connections = files.saturating_sub(OTHER_FILES).clamp(16, MAX_CONNECTIONS);
    // never: it is at most 20,000
    usize::try_from(connections).unwrap_or(16)
}

/// Waits before accepting again when the system is out of files or memory, where retrying at once
/// would only use CPU. A client that gave up needs no pause.
async fn pause_after(error: &std::io::Error) {
    use std::io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    if !matches!(
        error.kind(),
        ConnectionAborted | ConnectionRefused | ConnectionReset
    ) {
        tracing::error!("cannot accept a connection: {error}");
        sleep(Duration::from_millis(500)).await;
    }
}
