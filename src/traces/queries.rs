//! Queries as spans, made from the line that sqlx logs when one has ended. A statement is program text with `$1` in
//! place of values, so that nothing of the data is in it.

use std::{fmt, time::Duration};

use opentelemetry::{
    KeyValue, time,
    trace::{Span as _, SpanKind, TraceContextExt, Tracer},
};
use opentelemetry_sdk::trace::SdkTracer;
use tracing::{
    Event, Span, Subscriber,
    field::{Field, Visit},
};
use tracing_opentelemetry::OpenTelemetrySpanExt;
use tracing_subscriber::layer::{Context, Layer};

/// Makes a span of each query within a span that is sent.
pub(super) struct Queries {
    tracer: SdkTracer,
}

impl Queries {
    pub(super) fn of(tracer: SdkTracer) -> Self {
        Self { tracer }
    }
}

impl<S: Subscriber> Layer<S> for Queries {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let parent = Span::current().context();
        if !parent.span().span_context().is_sampled() {
            return;
        }
        let mut query = Query::default();
        event.record(&mut query);
        let ended = time::now();
        let attributes = vec![
            KeyValue::new("db.system.name", "postgresql"),
            KeyValue::new("db.response.returned_rows", query.rows),
            KeyValue::new("db.query.text", query.text().to_owned()),
        ];
        self.tracer
            .span_builder(query.summary)
            .with_kind(SpanKind::Client)
            .with_start_time(ended - query.time)
            .with_attributes(attributes)
            .start_with_context(&self.tracer, &parent)
            .end_with_timestamp(ended);
    }
}

/// What sqlx logs of a query.
#[derive(Default)]
struct Query {
    /// Its first words.
    summary: String,
    /// All of it, if that is more.
    statement: String,
    rows: i64,
    time: Duration,
}

impl Query {
    fn text(&self) -> &str {
        match self.statement.trim() {
            "" => &self.summary,
            statement => statement,
        }
    }
}

impl Visit for Query {
    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            "summary" => value.clone_into(&mut self.summary),
            "db.statement" => value.clone_into(&mut self.statement),
            _ => {}
        }
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        if field.name() == "rows_returned" {
            self.rows = i64::try_from(value).unwrap_or(i64::MAX);
        }
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        if field.name() == "elapsed_secs" {
            self.time = Duration::try_from_secs_f64(value).unwrap_or_default();
        }
    }

    fn record_debug(&mut self, _: &Field, _: &dyn fmt::Debug) {}
}
