//! What the program tells systemd, on a real notification socket.

use std::time::Duration;

use rustix::process::Signal;
use tokio::{net::UnixDatagram, time::timeout};

use crate::program::{Place, TIMEOUT};

/// Waits for the next message.
async fn receive(socket: &UnixDatagram) -> String {
    let mut message = [0; 256];
    let length = timeout(TIMEOUT, socket.recv(&mut message))
        .await
        .expect("a message arrives in time")
        .unwrap();
    std::str::from_utf8(&message[..length])
        .unwrap()
        .trim_end()
        .to_owned()
}

#[tokio::test]
async fn systemd_hears_of_ready_alive_and_stopping() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("notify");
    let socket = UnixDatagram::bind(&path).unwrap();
    let place = Place::new();
    let variables = [
        ("NOTIFY_SOCKET", path.to_str().unwrap()),
        ("WATCHDOG_USEC", "1000000"),
    ];
    let mut server = place.serve_with(&variables).await;
    // Postgres notifies systemd too, but must not hear of this socket
    assert_eq!(receive(&socket).await, "READY=1");
    assert_eq!(server.get("/readyz").await.0, 200);
    for _ in 0..3 {
        assert_eq!(receive(&socket).await, "WATCHDOG=1");
    }

    // a program that hangs says nothing
    server.signal(Signal::STOP);
    while timeout(Duration::from_millis(1200), receive(&socket))
        .await
        .is_ok()
    {}
    server.signal(Signal::CONT);
    assert_eq!(receive(&socket).await, "WATCHDOG=1");

    server.signal(Signal::TERM);
    let stopping = async { while receive(&socket).await != "STOPPING=1" {} };
    timeout(TIMEOUT, stopping)
        .await
        .expect("it says so in time");
    assert_eq!(server.wait_for_exit().await.unwrap().code(), Some(0));
}
