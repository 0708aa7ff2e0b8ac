//! One line in the log per request: its id, method, route, status, duration and account. The route is the pattern of the
//! URL, never the URL itself: paths hold the secrets of links, and queries hold what people search for.

use std::{cell::RefCell, time::Instant};

use axum::{
    extract::{MatchedPath, Request},
    http::{Method, StatusCode},
    middleware::Next,
    response::Response,
};
use uuid::Uuid;

tokio::task_local! {
    static ENTRY: RefCell<Entry>;
}

/// What is learned of a request on its way to the handler.
#[derive(Default)]
struct Entry {
    route: Option<MatchedPath>,
    account: Option<Uuid>,
}

/// Runs the rest of a request and writes its line.
pub(crate) async fn logged(
    id: Uuid,
    method: Method,
    respond: impl Future<Output = Response>,
) -> Response {
    let started = Instant::now();
    ENTRY
        .scope(RefCell::default(), async move {
            let response = respond.await;
            ENTRY.with(|entry| write(id, &method, response.status(), started, &entry.borrow()));
            response
        })
        .await
}

fn write(id: Uuid, method: &Method, status: StatusCode, started: Instant, entry: &Entry) {
    let route = entry.route.as_ref().map_or("-", MatchedPath::as_str);
    // supervisors ask every few seconds, and files say nothing about people
    if matches!(route, "/healthz" | "/readyz") || route.starts_with("/static/") {
        return;
    }
    tracing::info!(
        target: "fortnight::request",
        %id,
        %method,
        route,
        status = status.as_u16(),
        ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
        account = entry.account.map(tracing::field::display),
        "request"
    );
}

/// Notes which route a request was matched to. A layer of the routes: those around the router do not know it.
pub(crate) async fn note_route(request: Request, next: Next) -> Response {
    if let Some(route) = request.extensions().get::<MatchedPath>() {
        let _ = ENTRY.try_with(|entry| entry.borrow_mut().route = Some(route.clone()));
    }
    next.run(request).await
}

/// Notes whose request it is, once that is known. Outside a request there is nothing to note it for.
pub(crate) fn note_account(account: Uuid) {
    let _ = ENTRY.try_with(|entry| entry.borrow_mut().account = Some(account));
}
