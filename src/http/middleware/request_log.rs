//! One line in the log per request: its id, method, route, status, duration and account. The route is the pattern of the
//! URL, never the URL itself: paths hold the secrets of links, and queries hold what people search for. Other lines of
//! the same request, such as of a slow query, have its id and route from a span.

use std::{cell::RefCell, time::Instant};

use axum::{
    extract::{MatchedPath, Request},
    http::{Method, StatusCode},
    middleware::Next,
    response::Response,
};
use tracing::{Instrument, Span};
use uuid::Uuid;

use crate::http::{metrics::requests::Metrics, middleware::request_span};

tokio::task_local! {
    static ENTRY: RefCell<Entry>;
}

/// What is learned of a request on its way to the handler.
#[derive(Default)]
struct Entry {
    route: Option<MatchedPath>,
    account: Option<Uuid>,
}

impl Entry {
    fn pattern(&self) -> &str {
        self.route.as_ref().map_or("-", MatchedPath::as_str)
    }
}

/// Runs the rest of a request, writes its line and counts it.
pub(crate) async fn logged(
    metrics: &Metrics,
    id: Uuid,
    method: Method,
    span: Span,
    respond: impl Future<Output = Response>,
) -> Response {
    let started = Instant::now();
    ENTRY
        .scope(RefCell::default(), async move {
            let response = ended(&method, respond).instrument(span).await;
            let status = response.status();
            ENTRY.with(|entry| {
                let entry = entry.borrow();
                let route = entry.pattern();
                metrics.count_request(&method, route, status, started.elapsed());
                write(id, &method, route, status, started, entry.account);
            });
            response
        })
        .await
}

/// Runs the rest of a request and completes its span.
async fn ended(method: &Method, respond: impl Future<Output = Response>) -> Response {
    let response = respond.await;
    ENTRY.with(|entry| {
        let entry = entry.borrow();
        request_span::end(method, entry.pattern(), response.status(), entry.account);
    });
    response
}

fn write(
    id: Uuid,
    method: &Method,
    route: &str,
    status: StatusCode,
    started: Instant,
    account: Option<Uuid>,
) {
    if request_span::is_routine(route) {
        return;
    }
    tracing::info!(
        target: "fortnight::request",
        %id,
        %method,
        route,
        status = status.as_u16(),
        ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
        account = account.map(tracing::field::display),
        "request"
    );
}

/// Notes which route a request was matched to. A layer of the routes: those around the router do not know it.
pub(crate) async fn note_route(request: Request, next: Next) -> Response {
    if let Some(route) = request.extensions().get::<MatchedPath>() {
        Span::current().record("route", route.as_str());
        let _ = ENTRY.try_with(|entry| entry.borrow_mut().route = Some(route.clone()));
    }
    next.run(request).await
}

/// Notes whose request it is, once that is known. Outside a request there is nothing to note it for.
pub(crate) fn note_account(account: Uuid) {
    let _ = ENTRY.try_with(|entry| entry.borrow_mut().account = Some(account));
}
