//! Requests that the program itself sends: where they may go, and what a response may cost.

use std::{
    io,
    net::IpAddr,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use fortnight::{
    config::networks::Networks,
    domain::outbound::{
        Limits, Lookup, OutgoingClient, OutgoingError, SystemLookup, addresses::is_public,
    },
};
use reqwest::{Method, Request, Url};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

use crate::fixtures::World;

/// Answers a name with these addresses in turn.
struct Changing(AtomicUsize, Vec<&'static str>);

impl Lookup for Changing {
    fn addresses(
        &self,
        _: String,
    ) -> Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send>> {
        let turn = self.0.fetch_add(1, Ordering::SeqCst).min(self.1.len() - 1);
        let address = self.1[turn].parse().unwrap();
        Box::pin(async move { Ok(vec![address]) })
    }
}

/// What a server sends after the head of a response.
enum Rest {
    Text(&'static str),
    /// For ever.
    Zeros,
    Nothing,
}

/// Answers every connection in the same way; returns its port and the number of connections.
async fn serve(address: &str, head: &'static str, rest: Rest) -> (u16, Arc<AtomicUsize>) {
    let listener = TcpListener::bind((address, 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let served = Arc::new(AtomicUsize::new(0));
    let count = served.clone();
    tokio::spawn(async move {
        let mut open = Vec::new();
        while let Ok((mut stream, _)) = listener.accept().await {
            count.fetch_add(1, Ordering::SeqCst);
            let mut request = [0; 4096];
            let _ = stream.read(&mut request).await;
            let _ = stream.write_all(head.as_bytes()).await;
            match rest {
                Rest::Text(text) => {
                    let _ = stream.write_all(text.as_bytes()).await;
                }
                Rest::Zeros => while stream.write_all(&[b'0'; 4096]).await.is_ok() {},
                Rest::Nothing => open.push(stream),
            }
        }
    });
    (port, served)
}

fn get(url: &str) -> Request {
    Request::new(Method::GET, Url::parse(url).unwrap())
}

fn allowing(networks: &str) -> OutgoingClient {
    OutgoingClient::new(networks.parse::<Networks>().unwrap())
}

/// Case 43.
#[tokio::test]
async fn private_addresses_are_refused_in_every_notation() {
    let client = allowing("");
    for host in [
        "127.1",
        "127.0.0.1.",
        "0x7f.1",
        "0x7f000001",
        "017700000001",
        "2130706433",
        "0",
        "127。0。0。1",
        "169.254.169.254",
        "10.0.0.1",
        "100.64.0.1",
        "172.31.255.255",
        "192.168.1.1",
        "198.18.0.1",
        "224.0.0.1",
        "255.255.255.255",
        "[::]",
        "[::1]",
        "[::127.0.0.1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:a9fe:a9fe]",
        "[64:ff9b::7f00:1]",
        "[64:ff9b:1::1]",
        "[2002:7f00:1::]",
        "[2001::1]",
        "[fe80::1]",
        "[fd00:ec2::254]",
        "[ff02::1]",
        "localhost",
    ] {
        let url = format!("http://{host}:9/");
        let saved = client.check(&url).await.unwrap_err();
        let sent = client.send(get(&url)).await.unwrap_err();
        for refusal in [saved, sent] {
            assert!(
                matches!(refusal, OutgoingError::Forbidden { .. }),
                "{host}: {refusal}"
            );
        }
    }
    for text in [
        "ftp://example.org/",
        "file:///etc/passwd",
        "gopher://127.0.0.1/",
        "https://me:secret@93.184.215.14/",
        "example.org",
        "",
    ] {
        let refusal = client.check(text).await.unwrap_err();
        assert!(
            matches!(refusal, OutgoingError::NotAnAddress(_)),
            "{text}: {refusal}"
        );
        assert!(!refusal.to_string().contains("secret"), "{refusal}");
    }
    for public in [
        "1.1.1.1",
        "93.184.215.14",
        "2606:4700::1111",
        "64:ff9b::101:101",
        "2002:101:101::",
    ] {
        assert!(is_public(public.parse().unwrap()), "{public}");
    }
}

#[tokio::test]
async fn operator_can_allow_a_private_network() {
    let (port, served) = serve(
        "127.0.0.2",
        "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n",
        Rest::Text("hi"),
    )
    .await;
    let url = format!("http://127.0.0.2:{port}/");
    let client = allowing("127.0.0.2, 10.0.0.0/8");
    let answer = client.send(get(&url)).await.unwrap();
    assert_eq!((answer.status.as_u16(), answer.body), (200, b"hi".to_vec()));
    // the same address in another notation, and another address
    let mapped = format!("http://[::ffff:127.0.0.2]:{port}/");
    client.check(&mapped).await.unwrap();
    client.check("http://127.0.0.1/").await.unwrap_err();
    assert_eq!(served.load(Ordering::SeqCst), 1);
}

/// Case 44.
#[tokio::test]
async fn redirects_to_private_addresses_are_not_followed() {
    let (inner, reached) = serve("127.0.0.1", "HTTP/1.1 200 OK\r\n\r\n", Rest::Text("")).await;
    let head = format!("HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:{inner}/\r\n\r\n");
    let (port, _) = serve("127.0.0.2", head.leak(), Rest::Text("")).await;
    let url = format!("http://127.0.0.2:{port}/");
    let answer = allowing("127.0.0.0/8").send(get(&url)).await.unwrap();
    assert_eq!(answer.status, 302);
    assert_eq!(reached.load(Ordering::SeqCst), 0);
}

/// The name led into an allowed network when it was entered, and leads to the internet now.
#[tokio::test]
async fn nothing_is_sent_to_the_internet_without_encryption() {
    let lookup = Arc::new(Changing(
        AtomicUsize::new(0),
        vec!["127.0.0.2", "93.184.215.14"],
    ));
    let allowed: Networks = "127.0.0.2".parse().unwrap();
    let client = OutgoingClient::with(allowed, Limits::default(), lookup);
    client.check("http://changing.example/").await.unwrap();
    for url in ["http://changing.example/", "http://93.184.215.14/"] {
        let saved = client.check(url).await.unwrap_err();
        let sent = client.send(get(url)).await.unwrap_err();
        for refusal in [saved, sent] {
            assert!(
                matches!(refusal, OutgoingError::NotEncrypted),
                "{url}: {refusal}"
            );
        }
    }
}

/// Case 44. The name leads elsewhere when it is resolved again, which does not happen.
#[tokio::test]
async fn connection_goes_to_the_address_that_was_checked() {
    let head = "HTTP/1.1 200 OK\r\ncontent-length: 7\r\n\r\n";
    let (port, _) = serve("127.0.0.2", head, Rest::Text("checked")).await;
    let lookup = Arc::new(Changing(AtomicUsize::new(0), vec!["127.0.0.2", "10.1.1.1"]));
    let allowed: Networks = "127.0.0.2".parse().unwrap();
    let client = OutgoingClient::with(allowed, Limits::default(), lookup.clone());
    let url = format!("http://changing.example:{port}/");
    let answer = client.send(get(&url)).await.unwrap();
    assert_eq!(answer.body, b"checked");
    assert_eq!(lookup.0.load(Ordering::SeqCst), 1, "resolved once");
    // the next request finds the other address, which was allowed for none
    let refusal = client.send(get(&url)).await.unwrap_err();
    assert_eq!(
        refusal.to_string(),
        "changing.example leads to 10.1.1.1, which is not a public address. The operator can allow it with \
         --outgoing-allow 10.1.1.1"
    );
}

#[tokio::test]
async fn long_and_slow_responses_are_cut_off() {
    let (endless, _) = serve("127.0.0.2", "HTTP/1.1 200 OK\r\n\r\n", Rest::Zeros).await;
    let url = format!("http://127.0.0.2:{endless}/");
    let refusal = allowing("127.0.0.2").send(get(&url)).await.unwrap_err();
    assert_eq!(refusal.to_string(), "127.0.0.2 sent more than 1024 kB");
    for head in ["", "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n"] {
        let (silent, _) = serve("127.0.0.2", head, Rest::Nothing).await;
        let limits = Limits {
            time: Duration::from_millis(50),
            ..Limits::default()
        };
        let allowed: Networks = "127.0.0.2".parse().unwrap();
        let client = OutgoingClient::with(allowed, limits, Arc::new(SystemLookup));
        let url = format!("http://127.0.0.2:{silent}/");
        let refusal = client.send(get(&url)).await.unwrap_err();
        assert!(
            matches!(refusal, OutgoingError::TooSlow { .. }),
            "{refusal}"
        );
    }
}

#[tokio::test]
async fn administrators_see_where_requests_go() {
    let world = World::new().await;
    world.elif.get("/settings/outgoing").await.status(403);
    sqlx::query("UPDATE accounts SET role = 'admin' WHERE handle = 'elif'")
        .execute(&world.db)
        .await
        .unwrap();
    let page = world.elif.get("/settings/outgoing").await.ok().text();
    assert!(page.contains("This server sends no requests to other servers."));
}
