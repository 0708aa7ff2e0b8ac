//! Slow and idle connections, oversized requests, and connections that are open at shutdown.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::ConnectInfo;
use axum::routing::{get, post};
use fortnight::http::connections::ConnectionLimits;
use fortnight::http::extract::form::Fields;
use fortnight::http::serve::{Timeouts, serve};
use futures_util::stream;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::program::TIMEOUT;

/// A server in this process that is stopped by a message instead of a signal.
struct Served {
    address: SocketAddr,
    stop: mpsc::Sender<()>,
    done: JoinHandle<()>,
}

impl Served {
    async fn with(timeouts: Timeouts) -> Self {
        let (stopping, watched) = watch::channel(false);
        let limits = ConnectionLimits::default();
        Self::on(timeouts, limits, build_routes(watched), stopping).await
    }

    async fn of(timeouts: Timeouts, router: Router) -> Self {
        // longer than any test waits
        Self::on(
            Timeouts {
                drain: TIMEOUT * 2,
                ..timeouts
            },
            ConnectionLimits::default(),
            router,
            watch::channel(false).0,
        )
        .await
    }

    async fn on(
        timeouts: Timeouts,
        limits: ConnectionLimits,
        router: Router,
        stopping: watch::Sender<bool>,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stop_requests) = mpsc::channel(1);
        let done = tokio::spawn(async move {
            serve(listener, router, timeouts, limits, stop_requests, &stopping).await;
        });
        Self {
            address,
            stop,
            done,
        }
    }

    async fn send(&self, text: &str) -> TcpStream {
        let mut connection = TcpStream::connect(self.address).await.unwrap();
        connection.write_all(text.as_bytes()).await.unwrap();
        connection
    }
}

fn build_routes(stopping: watch::Receiver<bool>) -> Router {
    let waits_for_the_end = move || async move {
        let first = stream::iter([Ok::<_, std::convert::Infallible>("first\n".to_owned())]);
        let last = stream::once(async move {
            let mut stopping = stopping;
            stopping.wait_for(|now| *now).await.unwrap();
            Ok("last\n".to_owned())
        });
        Body::from_stream(futures_util::StreamExt::chain(first, last))
    };
    let echoes = |fields: Fields| async move { fields.text("title").to_owned() };
    let from = |ConnectInfo(peer): ConnectInfo<SocketAddr>| async move { peer.ip().to_string() };
    Router::new()
        .route("/from", get(from))
        .route("/healthz", get(async || "ok"))
        .route("/stream", get(waits_for_the_end))
        .route("/echo", post(echoes))
        .route("/stuck", get(std::future::pending::<()>))
}

/// Reads until the server closes the connection, which it must do in time.
async fn read_until_closed(mut connection: TcpStream) -> String {
    let mut received = Vec::new();
    let read = timeout(TIMEOUT, connection.read_to_end(&mut received)).await;
    // a reset closes the connection, too
    let _ = read.expect("the connection is closed in time");
    String::from_utf8(received).unwrap()
}

const QUICK: Timeouts = Timeouts {
    head: Duration::from_millis(200),
    body: Duration::from_millis(200),
    read: Duration::from_millis(300),
    drain: Duration::from_millis(300),
};

/// Cases 51, 57. Further connections learn that there are too many, and health checks are answered.
#[tokio::test]
async fn network_has_a_limited_number_of_connections() {
    let (stopping, watched) = watch::channel(false);
    let routes = build_routes(watched);
    let limits = ConnectionLimits::of(2);
    let served = Served::on(Timeouts::default(), limits, routes, stopping).await;
    let mut open = Vec::new();
    for _ in 0..2 {
        let mut stream = served.send("GET /stream HTTP/1.1\r\nhost: x\r\n\r\n").await;
        stream.read_exact(&mut [0; 12]).await.unwrap();
        open.push(stream);
    }
    let request = |path: &str| format!("GET {path} HTTP/1.1\r\nhost: x\r\n\r\n");
    let refused = read_until_closed(served.send(&request("/from")).await).await;
    assert!(refused.starts_with("HTTP/1.1 503"), "{refused}");
    assert!(refused.contains("too many connections"), "{refused}");
    let health = read_until_closed(served.send(&request("/healthz")).await).await;
    assert!(health.starts_with("HTTP/1.1 200"), "{health}");
    drop(open);
    // the server notices a moment later
    loop {
        let mut again = served.send(&request("/from")).await;
        let mut status = [0; 12];
        again.read_exact(&mut status).await.unwrap();
        if &status == b"HTTP/1.1 200" {
            break;
        }
    }
}

/// A large file takes as long as it takes, as long as it goes on.
#[tokio::test]
async fn upload_over_a_slow_line_is_not_cut() {
    let length = post(async |body: Bytes| body.len().to_string());
    let router = Router::new()
        .route("/setup/restore/upload", length.clone())
        .route("/other", length);
    let timeouts = Timeouts {
        body: Duration::from_millis(600),
        ..Timeouts::default()
    };
    let served = Served::of(timeouts, router).await;
    let send_slowly = async |path: &str| {
        let head = format!(
            "POST {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: 5\r\n\r\n"
        );
        let mut connection = served.send(&head).await;
        let mut slow = tokio::time::interval(Duration::from_millis(200));
        for piece in [b"a", b"b", b"c", b"d", b"e"] {
            slow.tick().await;
            if connection.write_all(piece).await.is_err() {
                break;
            }
        }
        read_until_closed(connection).await
    };
    let answer = send_slowly("/setup/restore/upload").await;
    assert!(
        answer.starts_with("HTTP/1.1 200") && answer.ends_with('5'),
        "{answer}"
    );
    let answer = send_slowly("/other").await;
    assert!(!answer.starts_with("HTTP/1.1 200"), "{answer}");
}

/// Case F3. Such connections would use up the server's resources.
#[tokio::test]
async fn silent_and_idle_connections_are_closed() {
    let served = Served::with(QUICK).await;
    read_until_closed(served.send("").await).await;
    read_until_closed(served.send("GET /from HTTP/1.1\r\nhost").await).await;
    let idle = served.send("GET /from HTTP/1.1\r\nhost: x\r\n\r\n").await;
    assert!(read_until_closed(idle).await.ends_with("127.0.0.1"));
}

#[tokio::test]
async fn slow_request_body_is_refused() {
    let served = Served::with(QUICK).await;
    let head = "POST /echo HTTP/1.1\r\nhost: x\r\ncontent-length: 1000\r\n\r\n";
    let response = read_until_closed(served.send(&format!("{head}title=half")).await).await;
    assert!(response.starts_with("HTTP/1.1 408"), "{response}");
    let mut trickle = served.send(head).await;
    let (mut reader, mut writer) = trickle.split();
    let mut drops = tokio::time::interval(Duration::from_millis(20));
    let mut response = [0; 12];
    // fewer bytes than the announced 1000
    let sending = async {
        for _ in 0..500 {
            drops.tick().await;
            // the server may have closed the connection already
            let _ = writer.write_all(b"x").await;
        }
    };
    tokio::select! {
        read = reader.read_exact(&mut response) => { read.unwrap(); }
        () = sending => panic!("the slow body is not refused"),
    }
    assert_eq!(&response, b"HTTP/1.1 408");
    let whole = served
        .send("POST /echo HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\ntitle=four")
        .await;
    assert!(read_until_closed(whole).await.ends_with("four"));
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn client_that_stops_reading_is_disconnected() {
    let (alive, mut dropped) = mpsc::channel::<()>(1);
    let endless = move || {
        let alive = alive.clone();
        async move {
            Body::from_stream(stream::repeat_with(move || {
                let _kept = &alive;
                Ok::<_, std::convert::Infallible>(axum::body::Bytes::from_static(&[b'x'; 65_536]))
            }))
        }
    };
    let served = Served::of(QUICK, Router::new().route("/endless", get(endless))).await;
    let mut stalled = served
        .send("GET /endless HTTP/1.1\r\nhost: x\r\n\r\n")
        .await;
    stalled.read_exact(&mut [0; 12]).await.unwrap();
    served.stop.send(()).await.unwrap();
    // the response was dropped before the drain timeout cut it
    timeout(TIMEOUT, dropped.recv())
        .await
        .expect("the response is dropped in time");
    served.done.await.unwrap();
}

#[tokio::test]
async fn oversized_request_head_is_refused() {
    let served = Served::with(Timeouts::default()).await;
    let cookie = "x".repeat(100_000);
    let mut connection = served.send("").await;
    let head = format!("GET /from HTTP/1.1\r\nhost: x\r\ncookie: {cookie}\r\n\r\n");
    // the server may close the connection before the end of the head
    let _ = connection.write_all(head.as_bytes()).await;
    let mut response = [0; 12];
    connection.read_exact(&mut response).await.unwrap();
    assert_eq!(&response, b"HTTP/1.1 431");
}

#[tokio::test]
async fn streams_end_gracefully_at_shutdown() {
    let served = Served::with(Timeouts::default()).await;
    let mut stream = served.send("GET /stream HTTP/1.1\r\nhost: x\r\n\r\n").await;
    stream.read_exact(&mut [0; 12]).await.unwrap();
    let stopped = Instant::now();
    served.stop.send(()).await.unwrap();
    assert!(read_until_closed(stream).await.contains("last\n"));
    served.done.await.unwrap();
    assert!(
        stopped.elapsed() < Duration::from_secs(5),
        "{:?}",
        stopped.elapsed()
    );
    assert!(TcpStream::connect(served.address).await.is_err());
}

#[tokio::test]
async fn stuck_request_is_cut_at_shutdown() {
    let served = Served::with(QUICK).await;
    let _stuck = served.send("GET /stuck HTTP/1.1\r\nhost: x\r\n\r\n").await;
    // this response shows that the previous connection was accepted, too
    read_until_closed(served.send("GET /from HTTP/1.0\r\n\r\n").await).await;
    served.stop.send(()).await.unwrap();
    timeout(TIMEOUT, served.done)
        .await
        .expect("the server stops in time")
        .unwrap();
}

#[tokio::test]
async fn second_stop_request_stops_at_once() {
    let served = Served::with(Timeouts {
        drain: Duration::from_secs(600),
        ..QUICK
    })
    .await;
    let _stuck = served.send("GET /stuck HTTP/1.1\r\nhost: x\r\n\r\n").await;
    read_until_closed(served.send("GET /from HTTP/1.0\r\n\r\n").await).await;
    served.stop.send(()).await.unwrap();
    served.stop.send(()).await.unwrap();
    timeout(TIMEOUT, served.done)
        .await
        .expect("the server stops in time")
        .unwrap();
}
