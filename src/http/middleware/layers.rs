//! Middleware around every request: cross-site protection, limits and security headers.

use std::{net::SocketAddr, time::Duration};

use axum::{
    extract::{ConnectInfo, Request, State},
    http::{HeaderName, HeaderValue, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use uuid::Uuid;

use crate::{
    app::App,
    db::pool::with_patience,
    domain::{
        error::Problem,
        events::{
            audit_log,
            committed::{Progress, noting_commits},
        },
    },
    http::{
        middleware::{
            auth_proxy,
            body_limits::{is_upload, limit_body},
            error_pages::{RequestInfo, render_error},
            idempotency,
            origin::{is_cross_site_write, is_own_host},
            request_log, request_span,
        },
        problem::ProblemBody,
    },
};

const CONTENT_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; \
     form-action 'self'; base-uri 'none'; object-src 'none'; frame-ancestors 'none'";

/// The largest request line and headers. Filters are in the URL, so it is not small.
pub(crate) const MAX_HEAD_BYTES: usize = 32 * 1024;

static HEADERS: [(HeaderName, HeaderValue); 7] = [
    (
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(CONTENT_POLICY),
    ),
    (
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    ),
    (
        header::REFERRER_POLICY,
        HeaderValue::from_static("same-origin"),
    ),
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        HeaderValue::from_static("same-origin"),
    ),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        HeaderValue::from_static("same-origin"),
    ),
    (
        HeaderName::from_static("permissions-policy"),
        HeaderValue::from_static("camera=(), geolocation=(), microphone=()"),
    ),
    (header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
];

/// All of this middleware as one layer: separate layers would each copy and box the others.
pub(crate) async fn wrap_request(
    State(app): State<App>,
    mut request: Request,
    next: Next,
) -> Response {
    auth_proxy::note_user(&app, &mut request);
    let id = Uuid::now_v7();
    let span = request_span::begin(id, &request);
    let method = request.method().clone();
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>();
    let client = peer.map(|ConnectInfo(peer)| {
        app.trusted_proxies
            .warn_if_unknown(peer.ip(), request.headers());
        app.trusted_proxies.client(peer.ip(), request.headers())
    });
    let response = audit_log::from_client(client, respond(app.clone(), id, request, next));
    request_log::logged(&app.metrics, id, method, span, response).await
}

/// How long the upload of a file may take.
const LONGEST_UPLOAD: Duration = Duration::from_secs(2 * 60 * 60);

/// Ends a request that takes longer than `longest`.
pub(crate) async fn limit_time(
    State(longest): State<Duration>,
    request: Request,
    next: Next,
) -> Response {
    let longest = if is_upload(request.uri().path()) {
        LONGEST_UPLOAD
    } else {
        longest
    };
    tokio::time::timeout(longest, next.run(request))
        .await
        .unwrap_or_else(|_| StatusCode::SERVICE_UNAVAILABLE.into_response())
}

async fn respond(app: App, id: Uuid, request: Request, next: Next) -> Response {
    let info = RequestInfo::of(&request);
    if head_size(&request) > MAX_HEAD_BYTES {
        return with_security_headers(
            &app,
            StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE.into_response(),
        );
    }
    let guests = ["/share/", "/public/"]
        .into_iter()
        .any(|start| request.uri().path().starts_with(start));
    let mut response = if !is_own_host(&app, &request) {
        misdirected(&app)
    } else if is_cross_site_write(&app, &request) {
        Problem::Forbidden("This request came from another site. Nothing was changed.".into())
            .into_response()
    } else {
        match limit_body(&app.bodies_in_use, &app.trusted_proxies, request) {
            Ok((request, _bytes)) => {
                match noting_commits(with_patience(idempotency::run(request, next))).await {
                    (response, progress) if response.status().is_server_error() => {
                        true_of(response, progress)
                    }
                    (response, _) => response,
                }
            }
            Err(_) => StatusCode::PAYLOAD_TOO_LARGE.into_response(),
        }
    };
    // Errors too: their URL contains the link's secret.
    if guests && response.extensions().get::<Audience>().is_none() {
        response.extensions_mut().insert(Audience::Guests);
    }
    with_security_headers(&app, render_error(&app, id, info, response))
}

/// An error, which must not say that nothing was changed if something was, or may have been.
fn true_of(mut response: Response, progress: Progress) -> Response {
    match progress {
        Progress::Nothing => return response,
        Progress::Committing => return Problem::UnknownOutcome.into_response(),
        Progress::Committed => {}
    }
    let body = ProblemBody {
        title: "Saved, but not shown".into(),
        detail: "Your change was saved, but its result could not be loaded. Reload the page."
            .into(),
        ..ProblemBody::of(response.status())
    };
    response.extensions_mut().insert(body);
    response
}

fn misdirected(app: &App) -> Response {
    let status = StatusCode::MISDIRECTED_REQUEST;
    let mut response = status.into_response();
    response.extensions_mut().insert(ProblemBody {
        detail: format!(
            "This server's address is {}. Nothing was changed. If you reach it by another one, set --public-url to that.",
            app.public_url
        ),
        ..ProblemBody::of(status)
    });
    response
}

/// The size of a request's line and headers. The HTTP parser reads in larger pieces than the limit,
/// so it is checked again here.
fn head_size(request: &Request) -> usize {
    let address = request
        .uri()
        .path_and_query()
        .map_or(0, |address| address.as_str().len());
    request
        .headers()
        .iter()
        .fold(address, |sum, (name, value)| {
            sum + name.as_str().len() + value.len() + 4
        })
}

/// Marks a response that is not only for signed-in readers, as a response extension.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Audience {
    /// Guests with a secret link: kept out of search indexes and referrers.
    Guests,
    /// As `Guests`, and other sites may embed the page.
    Frames,
}

/// Marks a page with a form that leads to another site, by its origin, such as `https://github.com`.
#[derive(Clone, Debug)]
pub(crate) struct FormsTo(pub(crate) String);

/// Marks a response whose contents were uploaded by a user.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sandboxed;

/// The policy of uploaded files: as a page they are of no site, and load and run nothing.
const SANDBOXED_POLICY: &str = "default-src 'none'; sandbox; frame-ancestors 'none'";

/// The policy of pages that other sites may embed: they have no forms and no sessions.
const FRAMED_POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self' data:; base-uri 'none'; object-src 'none'; form-action 'none'; frame-ancestors *";

/// Adds the security headers and keeps pages out of shared caches.
fn with_security_headers(app: &App, mut response: Response) -> Response {
    let audience = response.extensions().get::<Audience>().copied();
    let is_uploaded = response.extensions().get::<Sandboxed>().is_some();
    let forms_to = response.extensions_mut().remove::<FormsTo>();
    let headers = response.headers_mut();
    headers.reserve(HEADERS.len() + 2);
    for (name, value) in &HEADERS {
        headers.insert(name, value.clone());
    }
    if let Some(FormsTo(site)) = forms_to {
        let policy =
            CONTENT_POLICY.replace("form-action 'self'", &format!("form-action 'self' {site}"));
        if let Ok(policy) = HeaderValue::from_str(&policy) {
            headers.insert(header::CONTENT_SECURITY_POLICY, policy);
        }
    }
    if audience.is_some() {
        headers.insert(
            header::REFERRER_POLICY,
            HeaderValue::from_static("no-referrer"),
        );
        headers.insert(
            "x-robots-tag",
            HeaderValue::from_static("noindex, nofollow"),
        );
    }
    if audience == Some(Audience::Frames) {
        headers.insert(
            header::CONTENT_SECURITY_POLICY,
            HeaderValue::from_static(FRAMED_POLICY),
        );
        headers.insert(
            "cross-origin-resource-policy",
            HeaderValue::from_static("cross-origin"),
        );
        headers.remove(header::X_FRAME_OPTIONS);
    }
    if is_uploaded {
        headers.insert(
            header::CONTENT_SECURITY_POLICY,
            HeaderValue::from_static(SANDBOXED_POLICY),
        );
    }
    if app.is_https() {
        headers.insert(
            header::STRICT_TRANSPORT_SECURITY,
            HeaderValue::from_static("max-age=31536000"),
        );
    }
    headers
        .entry(header::CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
    response
}
