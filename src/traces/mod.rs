//! OpenTelemetry traces. Requests, their queries and background jobs are sent to a collector as spans, if one is named.
//!
//! Spans of `tracing` that have the field `otel.kind` are sent, and no others. Their events are not: the log has them,
//! under the same request id. If there is no collector, nothing here runs.

mod queries;
mod sender;

use std::{
    env,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use anyhow::Context;
use opentelemetry::{KeyValue, trace::TracerProvider};
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::{Resource, trace::SdkTracerProvider};
use tracing::{Subscriber, level_filters::LevelFilter};
use tracing_subscriber::{
    Layer,
    filter::{Targets, filter_fn},
    registry::LookupSpan,
};

use crate::traces::{queries::Queries, sender::Sender};

/// Time at the end of the program to send what is still queued.
const SEND_REST_WITHIN: Duration = Duration::from_secs(2);

static IS_ON: AtomicBool = AtomicBool::new(false);

/// Whether spans are sent to a collector.
pub(crate) fn is_on() -> bool {
    IS_ON.load(Ordering::Relaxed)
}

/// The spans on their way to a collector. At most 2,048 wait; while there are more, further ones are dropped.
pub struct Traces {
    provider: SdkTracerProvider,
}

impl Traces {
    /// Sends spans to the collector with this base address, from a thread of its own.
    ///
    /// # Errors
    /// If the address is not a URL, or the system's certificates cannot be read.
    pub fn to(collector: &str) -> anyhow::Result<Self> {
        let exporter = SpanExporter::builder()
            .with_http()
            .with_http_client(Sender::new()?)
            .with_protocol(Protocol::HttpBinary)
            .with_endpoint(format!("{collector}/v1/traces"))
            .build()
            .context("cannot send traces")?;
        let name = env::var("OTEL_SERVICE_NAME").unwrap_or_else(|_| "fortnight".to_owned());
        let resource = Resource::builder()
            .with_service_name(name)
            .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
            .build();
        let provider = SdkTracerProvider::builder()
            .with_resource(resource)
            .with_batch_exporter(exporter)
            .build();
        IS_ON.store(true, Ordering::Relaxed);
        Ok(Self { provider })
    }

    /// What turns the spans and queries of `tracing` into those of a trace, whatever the log shows of them.
    pub fn layer<S>(&self) -> impl Layer<S> + use<S>
    where
        S: Subscriber + for<'span> LookupSpan<'span>,
    {
        let tracer = self.provider.tracer("fortnight");
        let is_sent = filter_fn(|of| of.is_span() && of.fields().field("otel.kind").is_some());
        let spans = tracing_opentelemetry::layer()
            .with_tracer(tracer.clone())
            .with_location(false)
            .with_threads(false)
            .with_level(false)
            .with_target(false)
            .with_tracked_inactivity(false)
            .with_context_activation(false)
            .with_filter(is_sent.with_max_level_hint(LevelFilter::INFO));
        let statements = Targets::new().with_target("sqlx::query", LevelFilter::DEBUG);
        spans.and_then(Queries::of(tracer).with_filter(statements))
    }

    /// Sends what is still queued, if the collector takes it in time.
    pub fn finish(self) {
        if let Err(error) = self.provider.shutdown_with_timeout(SEND_REST_WITHIN) {
            tracing::warn!("the last traces were not sent: {error}");
        }
    }
}
