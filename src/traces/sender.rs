//! Sends batches of spans over HTTP, and says in the log when that fails.

use std::{
    pin::Pin,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use anyhow::{Context, ensure};
use axum::http::Uri;
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use reqwest::{Client, redirect};
use tokio::runtime::{Builder, Runtime};

use crate::db::tls;

/// The longest time that a batch may take. The queue is not emptied meanwhile.
const SEND_WITHIN: Duration = Duration::from_secs(5);

/// While the collector is away, the log says so this often.
const SAY_AGAIN_AFTER: Duration = Duration::from_secs(5 * 60);

/// An HTTP client for a thread outside the program's runtime: it has to send the last spans when that has ended.
#[derive(Debug)]
pub(super) struct Sender {
    client: Client,
    runtime: Runtime,
    /// When the log last said that the collector is away, if it is.
    said_at: Mutex<Option<Instant>>,
}

impl Sender {
    pub(super) fn new() -> anyhow::Result<Self> {
        tls::choose_provider();
        let client = Client::builder()
            .timeout(SEND_WITHIN)
            .redirect(redirect::Policy::none())
            // nothing would notice meanwhile that the collector has closed a connection
            .pool_max_idle_per_host(0)
            .build();
        Ok(Self {
            client: client.context("cannot send traces")?,
            runtime: Builder::new_current_thread().enable_all().build()?,
            said_at: Mutex::default(),
        })
    }

    fn send(&self, request: Request<Bytes>) -> anyhow::Result<()> {
        let (head, body) = request.into_parts();
        let request = self.client.post(head.uri.to_string());
        let request = request.headers(head.headers).body(body);
        // `send` itself starts a timer of the runtime
        let sent = self.runtime.block_on(async { request.send().await });
        let status = sent.map_err(reqwest::Error::without_url)?.status();
        ensure!(status.is_success(), "it answered {status}");
        Ok(())
    }

    /// Says in the log that the collector went away or came back, and now and then that it is still away.
    fn say(&self, collector: &Uri, outcome: &anyhow::Result<()>) {
        let mut said_at = self.said_at.lock().unwrap_or_else(PoisonError::into_inner);
        match outcome {
            Ok(()) if said_at.take().is_some() => {
                tracing::info!("traces are sent to {collector} again");
            }
            Err(error) if said_at.is_none_or(|at| at.elapsed() >= SAY_AGAIN_AFTER) => {
                tracing::warn!("cannot send traces to {collector}, so they are lost: {error:#}");
                *said_at = Some(Instant::now());
            }
            _ => {}
        }
    }
}

impl HttpClient for Sender {
    fn send_bytes<'s, 'f>(
        &'s self,
        request: Request<Bytes>,
    ) -> Pin<Box<dyn Future<Output = Result<Response<Bytes>, HttpError>> + Send + 'f>>
    where
        's: 'f,
        Self: 'f,
    {
        // Spans are exported by a thread of their own, which may be blocked.
        Box::pin(async move {
            let collector = request.uri().clone();
            let outcome = self.send(request);
            self.say(&collector, &outcome);
            outcome?;
            Ok(Response::new(Bytes::new()))
        })
    }
}
