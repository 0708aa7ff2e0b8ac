//! The span of a request. Lines of the log have its id and route from it, and a collector of traces, if there is one,
//! gets it with method, status and account too.

use axum::{
    extract::Request,
    http::{HeaderMap, Method, StatusCode},
};
use opentelemetry::{
    KeyValue,
    propagation::{Extractor, TextMapPropagator},
    trace::{Status, TraceContextExt},
};
use opentelemetry_sdk::propagation::TraceContextPropagator;
use tracing::{Span, field::Empty, info_span};
use tracing_opentelemetry::OpenTelemetrySpanExt;
use uuid::Uuid;

use crate::{http::metrics::requests::method_name, traces};

/// Supervisors ask every few seconds, and files say nothing about people.
pub(super) fn is_routine(path: &str) -> bool {
    matches!(path, "/healthz" | "/readyz") || path.starts_with("/static/")
}

/// The span of a request that arrives. It continues the trace that the header `traceparent` names.
pub(super) fn begin(id: Uuid, request: &Request) -> Span {
    if !traces::is_on() || is_routine(request.uri().path()) {
        return info_span!(target: "fortnight::request", "request", %id, route = Empty);
    }
    let span = info_span!(
        target: "fortnight::request",
        "request",
        %id,
        route = Empty,
        otel.kind = "server",
    );
    let caller = TraceContextPropagator::new().extract(&Caller(request.headers()));
    // It fails only without the layer of the traces.
    let _ = span.set_parent(caller);
    span
}

/// The `traceparent` header and no other: `tracestate` may be long, and nothing to pass it on to.
struct Caller<'r>(&'r HeaderMap);

impl Extractor for Caller<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        let value = self.0.get("traceparent").filter(|_| key == "traceparent");
        value?.to_str().ok()
    }

    fn keys(&self) -> Vec<&str> {
        vec!["traceparent"]
    }
}

/// Completes the span of the request that was just answered.
pub(super) fn end(method: &Method, route: &str, status: StatusCode, account: Option<Uuid>) {
    if !traces::is_on() {
        return;
    }
    let (context, method) = (Span::current().context(), method_name(method));
    let span = context.span();
    span.update_name(format!("{method} {route}"));
    span.set_attribute(KeyValue::new("http.request.method", method));
    span.set_attribute(KeyValue::new("http.route", route.to_owned()));
    let code = i64::from(status.as_u16());
    span.set_attribute(KeyValue::new("http.response.status_code", code));
    if let Some(account) = account {
        span.set_attribute(KeyValue::new("user.id", account.to_string()));
    }
    if status.is_server_error() {
        span.set_status(Status::error(""));
    }
}
