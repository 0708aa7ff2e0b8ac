//! An operator sends traces to a collector: what is in them, and what happens while the collector is away or stuck.

use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use axum::{Router, body::Bytes, http::HeaderMap, routing::post};
use opentelemetry_proto::tonic::{
    collector::trace::v1::ExportTraceServiceRequest,
    common::v1::{KeyValue, any_value::Value},
    resource::v1::Resource,
    trace::v1::{Span, span::SpanKind, status::StatusCode},
};
use prost::Message;
use rustix::process::Signal;
use sqlx::Connection;
use tokio::net::TcpListener;

use crate::{
    lifecycle::{create_by_command_line, new_browser, sign_in},
    people::PASSWORD,
    program::{Place, Server, wait_until},
};

/// A collector that keeps what it receives.
#[derive(Clone, Default)]
struct Collector(Arc<Mutex<Vec<(HeaderMap, ExportTraceServiceRequest)>>>);

impl Collector {
    fn listen_on(listener: TcpListener) -> Self {
        let collector = Self::default();
        let received = collector.0.clone();
        let receive = async move |headers: HeaderMap, body: Bytes| {
            let request = ExportTraceServiceRequest::decode(body).unwrap();
            received.lock().unwrap().push((headers, request));
        };
        let router = Router::new().route("/v1/traces", post(receive));
        tokio::spawn(async { axum::serve(listener, router).await });
        collector
    }

    fn spans(&self) -> Vec<Span> {
        let received = self.0.lock().unwrap();
        received
            .iter()
            .flat_map(|(_, request)| &request.resource_spans)
            .flat_map(|of_resource| &of_resource.scope_spans)
            .flat_map(|of_scope| of_scope.spans.clone())
            .collect()
    }

    fn span(&self, name: &str) -> Option<Span> {
        self.spans().into_iter().find(|span| span.name == name)
    }

    async fn wait_for(&self, name: &str) -> Span {
        wait_until(name, async || self.span(name).is_some()).await;
        self.span(name).unwrap()
    }

    fn headers(&self) -> HeaderMap {
        self.0.lock().unwrap()[0].0.clone()
    }

    fn resource(&self) -> Resource {
        let (_, request) = &self.0.lock().unwrap()[0];
        request.resource_spans[0].resource.clone().unwrap()
    }
}

async fn listen() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    (listener, url)
}

/// A server that sends its spans at once.
async fn serve(place: &Place, collector: &str) -> Server {
    let backups = place.data_dir().join("backups").display().to_string();
    let variables = [
        ("FORTNIGHT_BACKUP_TO", backups.as_str()),
        ("FORTNIGHT_OTLP_ENDPOINT", collector),
        ("OTEL_BSP_SCHEDULE_DELAY", "50"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "x-api-key=ofthecollector"),
    ];
    place.serve_with(&variables).await
}

fn attribute(attributes: &[KeyValue], key: &str) -> String {
    let found = attributes.iter().find(|attribute| attribute.key == key);
    match found.and_then(|found| found.value.as_ref()?.value.clone()) {
        Some(Value::StringValue(text)) => text,
        Some(Value::IntValue(number)) => number.to_string(),
        other => panic!("{key} is {other:?} in {attributes:?}"),
    }
}

fn hex(id: &[u8]) -> String {
    id.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[tokio::test]
async fn moved_card_is_a_span_of_the_callers_trace() {
    let place = Place::new();
    let token = create_by_command_line(&place, "ada", "infrastructure", "INF").await;
    let (listener, url) = listen().await;
    let collector = Collector::listen_on(listener);
    let server = serve(&place, &url).await;
    let browser = new_browser();
    sign_in(&browser, &server, "ada").await;
    let created = browser
        .post(format!("{}/api/v1/teams/infrastructure/tasks", server.url))
        .bearer_auth(&token)
        .json(&serde_json::json!({ "title": "Buy the competitor" }))
        .send()
        .await
        .unwrap();
    assert_eq!(created.status(), 201);
    let moved = browser
        .put(format!("{}/tasks/INF-1/position?zanzibar=1", server.url))
        .header(
            "traceparent",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        )
        .form(&[("column", "in-progress")])
        .send()
        .await
        .unwrap();
    assert!(moved.status().is_success(), "{moved:?}");
    server.get("/share/thesecretofalink").await;
    server.get("/healthz").await;

    let span = collector.wait_for("PUT /tasks/{key}/position").await;
    assert_eq!(hex(&span.trace_id), "0af7651916cd43dd8448eb211c80319c");
    assert_eq!(hex(&span.parent_span_id), "b7ad6b7169203331");
    assert_eq!(span.kind, SpanKind::Server as i32);
    let of_span = |key| attribute(&span.attributes, key);
    assert_eq!(of_span("http.request.method"), "PUT");
    assert_eq!(of_span("http.route"), "/tasks/{key}/position");
    assert_eq!(of_span("http.response.status_code"), "303");
    let mut sql = place.sql().await;
    let account: String = sqlx::query_scalar("SELECT id::text FROM accounts")
        .fetch_one(&mut sql)
        .await
        .unwrap();
    assert_eq!(of_span("user.id"), account);
    let line = format!("id={} method=PUT", of_span("id"));
    let log = server.read_log();
    assert!(log.contains(&line), "{line} is not in {log}");

    let is_update = |query: &Span| {
        query.parent_span_id == span.span_id
            && query.kind == SpanKind::Client as i32
            && attribute(&query.attributes, "db.query.text").contains("UPDATE tasks")
    };
    wait_until("the query has arrived", async || {
        collector.spans().iter().any(is_update)
    })
    .await;
    let spans = collector.spans();
    let query = spans.iter().find(|span| is_update(span)).unwrap();
    assert_eq!(query.trace_id, span.trace_id);
    assert!(span.start_time_unix_nano <= query.start_time_unix_nano);
    assert!(query.end_time_unix_nano <= span.end_time_unix_nano);

    let share = collector.wait_for("GET /share/{key}").await;
    assert!(share.parent_span_id.is_empty() && share.trace_id != span.trace_id);
    collector.wait_for("purge").await;
    collector.wait_for("backup").await;
    let service = attribute(&collector.resource().attributes, "service.name");
    assert_eq!(service, "fortnight");
    assert_eq!(collector.headers()["x-api-key"], "ofthecollector");
    let all = format!("{:?}", collector.spans());
    for secret in [
        "Buy the competitor",
        "zanzibar",
        "thesecretofalink",
        "INF-1",
        "ada@",
        "healthz",
        PASSWORD,
        &token,
    ] {
        assert!(!all.contains(secret), "{secret} is in {all}");
    }
}

#[tokio::test]
async fn failed_request_is_an_error_with_its_slow_query() {
    let place = Place::new();
    let (listener, url) = listen().await;
    let collector = Collector::listen_on(listener);
    let server = serve(&place, &url).await;
    // The backup that is made at the start reads the table, too.
    collector.wait_for("backup").await;
    let mut other = place.sql().await;
    let mut lock = other.begin().await.unwrap();
    sqlx::raw_sql("LOCK TABLE workspace IN ACCESS EXCLUSIVE MODE")
        .execute(&mut *lock)
        .await
        .unwrap();
    // lock_timeout ends it
    assert_eq!(server.get("/register").await.0, 503);
    lock.rollback().await.unwrap();
    let span = collector.wait_for("GET /register").await;
    assert_eq!(span.status.unwrap().code, StatusCode::Error as i32);
    let spans = collector.spans();
    let slow = spans.iter().find(|query| {
        query.parent_span_id == span.span_id
            && query.end_time_unix_nano - query.start_time_unix_nano > 1_000_000_000
    });
    let text = attribute(&slow.unwrap().attributes, "db.query.text");
    assert!(text.contains("registration_open"), "{text}");
    let log = server.read_log();
    assert!(log.contains("slow statement"), "{log}");
}

#[tokio::test]
async fn server_works_while_the_collector_is_away() {
    let place = Place::new();
    let (listener, url) = listen().await;
    let address = listener.local_addr().unwrap();
    drop(listener);
    let server = serve(&place, &url).await;
    let complaint = format!("cannot send traces to {url}/v1/traces");
    wait_until("the log names the collector", async || {
        assert_eq!(server.get("/login").await.0, 200);
        server.read_log().contains(&complaint)
    })
    .await;
    for _ in 0..20 {
        assert_eq!(server.get("/login").await.0, 200);
    }
    let collector = Collector::listen_on(TcpListener::bind(address).await.unwrap());
    wait_until("spans arrive", async || {
        assert_eq!(server.get("/register").await.0, 403);
        collector.span("GET /register").is_some()
    })
    .await;
    wait_until("the log says so", async || {
        server.read_log().contains(" again")
    })
    .await;
    let log = server.read_log();
    assert_eq!(log.matches(&complaint).count(), 1, "{log}");
    assert!(!log.contains("ofthecollector"), "{log}");
}

#[tokio::test]
async fn last_spans_are_sent_when_the_server_stops() {
    let place = Place::new();
    let (listener, url) = listen().await;
    let collector = Collector::listen_on(listener);
    let mut server = place
        .serve_with(&[
            ("FORTNIGHT_OTLP_ENDPOINT", url.as_str()),
            ("OTEL_BSP_SCHEDULE_DELAY", "3600000"),
        ])
        .await;
    server.get("/login").await;
    server.signal(Signal::TERM);
    assert_eq!(server.wait_for_exit().await.unwrap().code(), Some(0));
    assert!(collector.span("GET /login").is_some());
}

#[tokio::test]
async fn stuck_collector_does_not_delay_requests_or_the_end() {
    let place = Place::new();
    // the kernel accepts connections, and nothing reads from them
    let (_listener, url) = listen().await;
    let mut server = place
        .serve_with(&[
            ("FORTNIGHT_OTLP_ENDPOINT", url.as_str()),
            ("OTEL_BSP_SCHEDULE_DELAY", "50"),
            ("OTEL_BSP_MAX_QUEUE_SIZE", "16"),
        ])
        .await;
    // more spans than may wait
    for _ in 0..40 {
        assert_eq!(server.get("/login").await.0, 200);
    }
    let asked = Instant::now();
    server.signal(Signal::TERM);
    assert_eq!(server.wait_for_exit().await.unwrap().code(), Some(0));
    let took = asked.elapsed();
    assert!(
        took < Duration::from_secs(9),
        "supervisors kill after ten: {took:?}"
    );
    let log = server.read_log();
    assert!(log.contains("the last traces were not sent"), "{log}");
}
