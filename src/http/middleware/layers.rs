//! What happens around every request: its id, its headers, who may send it, and errors as pages or as JSON.

use askama::Template;
use axum::{
    body::Body,
    extract::{Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use uuid::Uuid;

use crate::{app::App, http::layout::Layout};
use crate::{
    domain::error::Problem,
    http::{
        middleware::{
            form_recovery::{Field, FormRetry},
            request_log,
        },
        page::{EXPLAINED, sign_in_first, theme},
        problem::{InternalError, ProblemBody},
    },
};

const CONTENT_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; \
     form-action 'self'; base-uri 'none'; object-src 'none'; frame-ancestors 'none'";

/// A request's line and headers. Filters are in the URL, so it is not the smallest.
pub const LONGEST_HEAD: usize = 32 * 1024;

/// The largest body that any address takes.
pub const LARGEST_BODY: usize = 1024 * 1024;

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

/// Everything of ours that stands around a request, as one layer: each of its own would copy and box the rest of them.
pub async fn around(State(app): State<App>, request: Request, next: Next) -> Response {
    let id = Uuid::now_v7();
    let method = request.method().clone();
    request_log::logged(id, method, respond(app, id, request, next)).await
}

async fn respond(app: App, id: Uuid, request: Request, next: Next) -> Response {
    let asked = Asked::of(&request);
    if head_of(&request) > LONGEST_HEAD {
        return protected(
            &app,
            StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE.into_response(),
        );
    }
    let guests = ["/share/", "/public/"]
        .into_iter()
        .any(|start| request.uri().path().starts_with(start));
    let mut response = if is_from_elsewhere(&app, &request) {
        Problem::Forbidden("Another site sent this request. Nothing was changed.".into())
            .into_response()
    } else {
        next.run(request).await
    };
    // Errors, too: a link's secret stands in their address.
    if guests && response.extensions().get::<Audience>().is_none() {
        response.extensions_mut().insert(Audience::Guests);
    }
    protected(&app, explained(&app, id, asked, response))
}

/// How long a request's head is: the reader of the socket has read it whole, in larger pieces than it is allowed.
fn head_of(request: &Request) -> usize {
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

/// Who a page is for, where it is not for whoever is signed in: an extension of its response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Audience {
    /// Whoever has a link that is nobody else's business: it is in no index, and in no referrer.
    Guests,
    /// The same, and other sites may show it within their pages.
    Frames,
}

/// Other sites may show this one within theirs: it asks nobody who they are, and has nothing to press.
const FRAMED_POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self' data:; base-uri 'none'; object-src 'none'; form-action 'none'; frame-ancestors *";

/// Sets the headers that protect a reader, and keeps pages out of shared caches.
fn protected(app: &App, mut response: Response) -> Response {
    let audience = response.extensions().get::<Audience>().copied();
    let headers = response.headers_mut();
    headers.reserve(HEADERS.len() + 2);
    for (name, value) in &HEADERS {
        headers.insert(name, value.clone());
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

/// Whether this is a write that another site made the browser send. A request with a bearer token carries no
/// cookie's power.
fn is_from_elsewhere(app: &App, request: &Request) -> bool {
    let safe = matches!(
        *request.method(),
        Method::GET | Method::HEAD | Method::OPTIONS
    );
    !safe
        && !request.headers().contains_key(header::AUTHORIZATION)
        && is_cross_site(app, request.headers())
}

fn is_cross_site(app: &App, headers: &HeaderMap) -> bool {
    let text = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    match text(HeaderName::from_static("sec-fetch-site")) {
        Some(site) => !matches!(site, "same-origin" | "none"),
        // Older browsers say where a form was; other programs say nothing, and have no cookie.
        None => match text(header::ORIGIN) {
            Some(origin) => {
                let host = origin.split_once("://").map_or(origin, |(_, host)| host);
                origin != app.public_url && Some(host) != text(header::HOST)
            }
            None => false,
        },
    }
}

#[derive(Template)]
#[template(path = "error.html")]
struct ErrorPage {
    frame: Layout,
    status: u16,
    told: ProblemBody,
    request_id: String,
}

#[derive(Template)]
#[template(path = "form_retry.html")]
struct GivenBackPage {
    frame: Layout,
    status: u16,
    told: ProblemBody,
    request_id: String,
    form: FormRetry,
}

impl GivenBackPage {
    fn error(&self, field: &Field) -> &str {
        self.told.errors.get(field.name).map_or("", String::as_str)
    }

    /// Whether every reason stands beside a field that is shown.
    fn is_told_beside(&self) -> bool {
        let is_shown = |name: &&str| self.form.shown.iter().any(|field| field.name == *name);
        !self.told.errors.is_empty() && self.told.errors.keys().all(is_shown)
    }
}

/// What an error's words go by.
struct Asked {
    uri: Uri,
    wants_json: bool,
    /// A page is wanted, and not a part of one.
    visits: bool,
    theme: &'static str,
}

impl Asked {
    fn of(request: &Request) -> Self {
        let headers = request.headers();
        let accepts = headers
            .get(header::ACCEPT)
            .and_then(|value| value.to_str().ok())
            .unwrap_or("");
        Self {
            uri: request.uri().clone(),
            wants_json: request.uri().path().starts_with("/api/") || accepts.contains("json"),
            // a program that says who it is, or a stream, cannot fill in a form
            visits: request.method() == Method::GET
                && ["fortnight-fragment", "authorization"]
                    .into_iter()
                    .all(|name| !headers.contains_key(name))
                && !accepts.contains("event-stream"),
            theme: theme(headers),
        }
    }
}

/// An address as a log may have it: whoever reads a link's secret there could open what it is for.
fn for_the_log(address: &str) -> &str {
    let secret = ["/share/", "/join/", "/reset/", "/enter/", "/setup"]
        .into_iter()
        .find(|start| address.starts_with(start));
    secret.unwrap_or(address)
}

/// Gives every error its words: a page for readers, problem+json for programs.
fn explained(app: &App, id: Uuid, asked: Asked, mut response: Response) -> Response {
    let status = response.status();
    if !(status.is_client_error() || status.is_server_error())
        || response.headers_mut().remove(EXPLAINED).is_some()
    {
        return response;
    }
    let address = asked
        .uri
        .path_and_query()
        .map_or("/", |address| address.as_str());
    if status == StatusCode::UNAUTHORIZED && asked.visits && !asked.wants_json {
        return sign_in_first(address);
    }
    let (mut parts, _) = response.into_parts();
    let told = parts
        .extensions
        .remove::<ProblemBody>()
        .unwrap_or_else(|| ProblemBody::of(status));
    let request_id = id.to_string();
    if status.is_server_error() {
        let inside = parts
            .extensions
            .remove::<InternalError>()
            .map_or_else(String::new, |inside| inside.0);
        let address = for_the_log(address);
        tracing::error!(request_id, address, status = status.as_u16(), "{inside}");
        if let Ok(id) = HeaderValue::from_str(&request_id) {
            parts.headers.insert("x-request-id", id);
        }
    }
    parts.headers.remove(header::CONTENT_LENGTH);
    if status == StatusCode::SERVICE_UNAVAILABLE {
        parts
            .headers
            .entry(header::RETRY_AFTER)
            .or_insert(HeaderValue::from_static("1"));
    }
    if status == StatusCode::UNAUTHORIZED {
        parts
            .headers
            .insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    let (kind, body) = if asked.wants_json {
        (
            "application/problem+json",
            told.as_json(status, &request_id).to_string(),
        )
    } else {
        let frame = Layout::bare(app, told.title.clone().into_owned(), asked.theme);
        let status = status.as_u16();
        let page = match parts.extensions.remove::<FormRetry>() {
            Some(form) => GivenBackPage {
                frame,
                status,
                told,
                request_id,
                form,
            }
            .render(),
            None => ErrorPage {
                frame,
                status,
                told,
                request_id,
            }
            .render(),
        };
        ("text/html; charset=utf-8", page.unwrap_or_default())
    };
    parts
        .headers
        .insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    Response::from_parts(parts, Body::from(body))
}

#[cfg(test)]
mod tests {
    use crate::http::middleware::layers::for_the_log;

    #[test]
    fn no_links_secret_stands_in_a_log() {
        for address in [
            "/share/s3cret",
            "/share/s3cret/badge.svg",
            "/join/s3cret",
            "/reset/s3cret?x=1",
            "/enter/s3cret",
            "/setup?key=s3cret",
        ] {
            assert!(!for_the_log(address).contains("s3cret"), "{address}");
        }
        assert_eq!(
            for_the_log("/teams/infrastructure?q=x"),
            "/teams/infrastructure?q=x"
        );
    }
}
