//! What `fortnight doctor` says of the running server, and of the way to it through a proxy.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use reqwest::{Client, Response, StatusCode, redirect};
use serde::Deserialize;

use crate::{cli::doctor::finding::Finding, config::Config, db::tls, http::health::STREAM_PAUSE};

const SERVER: &str = "Server";
const PUBLIC: &str = "Public address";
const PROXY: &str = "Proxy";

/// What the server says of a request, in the first event of `/healthz/stream`.
#[derive(Deserialize)]
struct Seen {
    /// The request came with `X-Forwarded-For`.
    forwarded: bool,
    /// Its sender is a trusted proxy.
    trusted: bool,
}

/// Asks the server, for at most some seconds.
pub(super) async fn check(config: &Config) -> anyhow::Result<Vec<Finding>> {
    tls::choose_provider();
    let client = Client::builder()
        .timeout(Duration::from_secs(10))
        .redirect(redirect::Policy::none())
        .build()?;
    let public = config.public_url(config.listen);
    let mut findings = vec![of_server(&client, config.listen).await];
    if !public.starts_with("https://") && config.has_public_url() && !is_local(&public) {
        findings.push(Finding::doubtful(
            PUBLIC,
            format!("{public} is not encrypted: passwords can be read on the way."),
            "Put a reverse proxy with TLS in front, and set --public-url to its https:// address.",
        ));
    }
    if config.has_public_url() {
        findings.extend(of_public_address(&client, &public).await);
    }
    Ok(findings)
}

fn is_local(url: &str) -> bool {
    ["http://127.", "http://localhost", "http://[::1]"]
        .iter()
        .any(|start| url.starts_with(start))
}

async fn of_server(client: &Client, listen: SocketAddr) -> Finding {
    let mut address = listen;
    if address.ip().is_unspecified() {
        address.set_ip(std::net::Ipv4Addr::LOCALHOST.into());
    }
    match client.get(format!("http://{address}/readyz")).send().await {
        Err(error) => Finding::doubtful(
            SERVER,
            format!("there is none at {address}: {}.", reason(error)),
            "Start it with fortnight serve. If it listens elsewhere, give this command the same --listen.",
        ),
        Ok(response) if response.status() == StatusCode::OK => {
            Finding::good(SERVER, format!("ready at {address}"))
        }
        Ok(response) => {
            let status = response.status();
            let said = response.text().await.unwrap_or_default();
            Finding::bad(
                SERVER,
                format!("it answers {status} at {address}: {said}."),
                "Its log says why.",
            )
        }
    }
}

/// Looks at the way to the server that browsers take.
async fn of_public_address(client: &Client, public: &str) -> Vec<Finding> {
    let url = format!("{public}/healthz/stream");
    let response = match client.get(&url).send().await {
        Ok(response) => response,
        Err(error) => {
            return vec![Finding::bad(
                PUBLIC,
                format!("{public} cannot be reached from here: {}.", reason(error)),
                "Check the name, the certificate and the proxy. It may be reachable from elsewhere all the same.",
            )];
        }
    };
    match response.status() {
        StatusCode::OK => of_stream(public, response).await,
        StatusCode::MISDIRECTED_REQUEST => vec![Finding::bad(
            PROXY,
            "it does not pass on the name of the host.",
            "Let it send the original Host header to Fortnight.",
        )],
        status => vec![Finding::bad(
            PUBLIC,
            format!("{public} answers {status} to what Fortnight answers with 200."),
            "Does the proxy pass all paths to Fortnight?",
        )],
    }
}

/// Looks at an event stream of two events, with a pause in between.
async fn of_stream(public: &str, response: Response) -> Vec<Finding> {
    let (text, apart) = match read_slowly(response).await {
        Ok(read) => read,
        Err(error) => {
            return vec![Finding::bad(
                PROXY,
                format!("an event stream was cut: {}.", reason(error)),
                "Let it wait at least 60 s for the next bytes of a response.",
            )];
        }
    };
    let seen = text
        .lines()
        .find_map(|line| serde_json::from_str::<Seen>(line.strip_prefix("data: ")?).ok());
    let Some(seen) = seen else {
        return vec![Finding::bad(
            PUBLIC,
            format!("another program answers at {public}."),
            "Check --public-url and the proxy.",
        )];
    };
    let mut findings = vec![Finding::good(PUBLIC, format!("{public} leads here"))];
    if apart < STREAM_PAUSE / 2 {
        findings.push(Finding::bad(
            PROXY,
            "it holds back event streams, so that boards do not change live.",
            "Turn off response buffering for Fortnight.",
        ));
    } else {
        findings.push(Finding::good(PROXY, "event streams pass at once"));
    }
    match seen {
        Seen { forwarded: true, trusted: true } => {
            findings.push(Finding::good(PROXY, "the addresses of clients are known"));
        }
        Seen { forwarded: true, trusted: false } => findings.push(Finding::doubtful(
            PROXY,
            "it is not a trusted one, so all clients seem to have its address, and share its rate limits.",
            "The server's log names its address: add that with --trusted-proxy.",
        )),
        Seen { forwarded: false, .. } if public.starts_with("https://") => {
            findings.push(Finding::doubtful(
                PROXY,
                "it sends no X-Forwarded-For, so all clients seem to have its address, and share its rate limits.",
                "Let it add that header.",
            ));
        }
        Seen { forwarded: false, .. } => {}
    }
    findings
}

/// The whole body, and how long after its beginning it ended.
async fn read_slowly(mut response: Response) -> reqwest::Result<(String, Duration)> {
    let (mut bytes, mut first) = (Vec::new(), None);
    while let Some(piece) = response.chunk().await? {
        bytes.extend_from_slice(&piece);
        first.get_or_insert_with(Instant::now);
    }
    let apart = first.map_or(Duration::ZERO, |first| first.elapsed());
    Ok((String::from_utf8_lossy(&bytes).into_owned(), apart))
}

/// Why a request failed: the causes, of which reqwest names only the first.
fn reason(error: reqwest::Error) -> String {
    format!("{:#}", anyhow::Error::from(error.without_url()))
}
