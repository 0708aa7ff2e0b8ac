//! What happens around every request: its id, its headers, who may send it, and errors as pages or as JSON.

use askama::Template;
use axum::{
    body::Body,
    extract::{Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::{
    error::{Inside, Problem, Told},
    page::{EXPLAINED, Frame, sign_in_first, theme},
};
use crate::{activity::Repeat, app::App};

const CONTENT_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; \
     form-action 'self'; base-uri 'none'; object-src 'none'; frame-ancestors 'none'";

/// The largest body that any address takes.
pub const LARGEST_BODY: usize = 1024 * 1024;

const HEADERS: [(HeaderName, &str); 7] = [
    (header::CONTENT_SECURITY_POLICY, CONTENT_POLICY),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "same-origin"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (HeaderName::from_static("permissions-policy"), "camera=(), geolocation=(), microphone=()"),
    (header::X_FRAME_OPTIONS, "DENY"),
];

/// Sets the headers that protect a reader, and keeps pages out of shared caches.
pub async fn protect(State(app): State<App>, request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if app.is_https() {
        headers.insert(header::STRICT_TRANSPORT_SECURITY, HeaderValue::from_static("max-age=31536000"));
    }
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

/// Refuses writes that another site made the browser send. A request with a bearer token carries no cookie's power.
pub async fn same_site_only(State(app): State<App>, request: Request, next: Next) -> Response {
    let safe = matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
    if !safe && !request.headers().contains_key(header::AUTHORIZATION) && is_cross_site(&app, request.headers()) {
        return Problem::Forbidden("Another site sent this request. Nothing was changed.".into()).into_response();
    }
    next.run(request).await
}

fn is_cross_site(app: &App, headers: &HeaderMap) -> bool {
    let text = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    match text(HeaderName::from_static("sec-fetch-site")) {
        Some(site) => !matches!(site, "same-origin" | "none"),
        // Older browsers say where a form was; other programs say nothing, and have no cookie.
        None => match text(header::ORIGIN) {
            Some(origin) => {
                let host = origin.split_once("://").map_or(origin, |(_, host)| host);
                origin != &*app.public_url && Some(host) != text(header::HOST)
            }
            None => false,
        },
    }
}

/// Recognises a repeated API write by its `Idempotency-Key`, and what it was by a digest.
pub async fn recognise_repeats(request: Request, next: Next) -> Response {
    let Some(key) = request.headers().get("idempotency-key") else { return next.run(request).await };
    let Some(key) = key.to_str().ok().filter(|key| !key.is_empty() && key.len() <= 200).map(str::to_owned) else {
        return Problem::field("Idempotency-Key", "The key has 1 to 200 plain characters.").into_response();
    };
    let (mut parts, body) = request.into_parts();
    let Ok(body) = axum::body::to_bytes(body, LARGEST_BODY).await else {
        return StatusCode::PAYLOAD_TOO_LARGE.into_response();
    };
    let fingerprint = Sha256::new()
        .chain_update(parts.method.as_str())
        .chain_update(parts.uri.path())
        .chain_update(&body)
        .finalize()
        .to_vec();
    parts.extensions.insert(Repeat { key, fingerprint });
    next.run(Request::from_parts(parts, Body::from(body))).await
}

#[derive(Template)]
#[template(path = "error.html")]
struct ErrorPage {
    frame: Frame,
    status: u16,
    told: Told,
    request_id: String,
}

/// Gives every error its words: a page for readers, problem+json for programs.
pub async fn explain_errors(State(app): State<App>, request: Request, next: Next) -> Response {
    let headers = request.headers();
    let accepts = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or("");
    let wants_json = request.uri().path().starts_with("/api/") || accepts.contains("json");
    let theme = theme(headers);
    let visits = request.method() == Method::GET && !headers.contains_key("fortnight-fragment");
    let address = request.uri().path_and_query().map_or("/", |address| address.as_str()).to_owned();
    let mut response = next.run(request).await;
    let status = response.status();
    if !(status.is_client_error() || status.is_server_error()) || response.headers_mut().remove(EXPLAINED).is_some() {
        return response;
    }
    if status == StatusCode::UNAUTHORIZED && visits && !wants_json {
        return sign_in_first(&address);
    }
    let (mut parts, _) = response.into_parts();
    let told = parts.extensions.remove::<Told>().unwrap_or_else(|| Told::of(status));
    let request_id = Uuid::now_v7().to_string();
    if status.is_server_error() {
        let inside = parts.extensions.remove::<Inside>().map_or_else(String::new, |inside| inside.0);
        tracing::error!(request_id, address, status = status.as_u16(), "{inside}");
        if let Ok(id) = HeaderValue::from_str(&request_id) {
            parts.headers.insert("x-request-id", id);
        }
    }
    parts.headers.remove(header::CONTENT_LENGTH);
    let (kind, body) = if wants_json {
        ("application/problem+json", told.as_json(status, &request_id).to_string())
    } else {
        let frame = Frame::bare(&app, told.title.clone().into_owned(), theme);
        (
            "text/html; charset=utf-8",
            ErrorPage { frame, status: status.as_u16(), told, request_id }.render().unwrap_or_default(),
        )
    };
    parts.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    Response::from_parts(parts, Body::from(body))
}
