//! Errors as pages for browsers, and as problem+json for programs.

use askama::Template;
use axum::{
    body::Body,
    extract::Request,
    http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header},
    response::Response,
};
use uuid::Uuid;

use crate::{
    app::App,
    http::{
        layout::Layout,
        middleware::form_recovery::{Field, FormRetry},
        page::{EXPLAINED, redirect_to_sign_in, redirect_with_next, theme},
        problem::{InternalError, NOT_SAVED, ProblemBody, SetUpFirst},
    },
};

#[derive(Template)]
#[template(path = "error.html")]
struct ErrorPage {
    layout: Layout,
    status: u16,
    problem: ProblemBody,
    request_id: String,
}

#[derive(Template)]
#[template(path = "form_retry.html")]
struct FormRetryPage {
    layout: Layout,
    status: u16,
    problem: ProblemBody,
    request_id: String,
    form: FormRetry,
}

impl FormRetryPage {
    fn error(&self, field: &Field) -> &str {
        self.problem
            .errors
            .get(field.name)
            .map_or("", String::as_str)
    }

    /// Whether every error belongs to a field that is shown.
    fn is_shown_beside_fields(&self) -> bool {
        let is_shown = |name: &&str| self.form.shown.iter().any(|field| field.name == *name);
        !self.problem.errors.is_empty() && self.problem.errors.keys().all(is_shown)
    }
}

/// What the rendering of an error depends on.
pub(super) struct RequestInfo {
    uri: Uri,
    /// Whether it asked to change nothing.
    reads: bool,
    wants_json: bool,
    /// A full page is wanted, not a fragment.
    wants_page: bool,
    theme: &'static str,
}

impl RequestInfo {
    pub(super) fn of(request: &Request) -> Self {
        let headers = request.headers();
        let accepts = headers
            .get(header::ACCEPT)
            .and_then(|value| value.to_str().ok())
            .unwrap_or("");
        Self {
            uri: request.uri().clone(),
            reads: request.method().is_safe(),
            wants_json: request.uri().path().starts_with("/api/") || accepts.contains("json"),
            // an API client or a stream cannot fill in the sign-in form
            wants_page: request.method() == Method::GET
                && !headers.contains_key("fortnight-fragment")
                && !has_token(headers)
                && !accepts.contains("event-stream"),
            theme: theme(headers),
        }
    }
}

/// Whether the request has an API token. Other schemes are those of a proxy in front.
fn has_token(headers: &HeaderMap) -> bool {
    let authorization = headers.get(header::AUTHORIZATION);
    let scheme = authorization.and_then(|value| value.as_bytes().get(..6));
    scheme.is_some_and(|scheme| scheme.eq_ignore_ascii_case(b"bearer"))
}

/// Removes secrets from a URL before it is logged: a log reader could open the link otherwise.
fn redact_url(address: &str) -> &str {
    let secret = [
        "/share/",
        "/join/",
        "/reset/",
        "/enter/",
        "/confirm/",
        "/unsubscribe/",
        "/setup",
        "/settings/connections/github-app",
        // their `next` may be the path of such a link
        "/login",
        "/me/second-factor",
    ]
    .into_iter()
    .find(|start| address.starts_with(start));
    secret.unwrap_or(address)
}

/// What a program needs to be let in. Agents learn where they can ask a person for a token.
fn how_to_authenticate(app: &App, info: &RequestInfo) -> HeaderValue {
    let bearer = HeaderValue::from_static("Bearer");
    if info.uri.path() != "/mcp" {
        return bearer;
    }
    let described = format!(
        "Bearer resource_metadata=\"{}/.well-known/oauth-protected-resource/mcp\", scope=\"read write\"",
        app.public_url
    );
    HeaderValue::from_str(&described).unwrap_or(bearer)
}

/// Renders every error: a page for browsers, problem+json for programs.
pub(super) fn render_error(
    app: &App,
    id: Uuid,
    info: RequestInfo,
    mut response: Response,
) -> Response {
    let status = response.status();
    if !(status.is_client_error() || status.is_server_error())
        || response.headers_mut().remove(EXPLAINED).is_some()
    {
        return response;
    }
    let address = info
        .uri
        .path_and_query()
        .map_or("/", |address| address.as_str());
    if status == StatusCode::UNAUTHORIZED && info.wants_page && !info.wants_json {
        return redirect_to_sign_in(address);
    }
    let must_set_up = response.extensions().get::<SetUpFirst>().is_some();
    if must_set_up && info.wants_page && !info.wants_json {
        return redirect_with_next("/me/second-factor", address);
    }
    let (mut parts, _) = response.into_parts();
    let mut problem = parts
        .extensions
        .remove::<ProblemBody>()
        .unwrap_or_else(|| ProblemBody::of(status));
    if info.reads && problem.title == NOT_SAVED {
        problem.title = "Invalid request".into();
    }
    let request_id = id.to_string();
    if status.is_server_error() {
        let reason = match parts.extensions.remove::<InternalError>() {
            Some(InternalError(reason)) => reason,
            None if status == StatusCode::SERVICE_UNAVAILABLE => "no answer in time".to_owned(),
            // a panic, which is in the log already
            None => String::new(),
        };
        let address = redact_url(address);
        tracing::error!(request_id, address, status = status.as_u16(), "{reason}");
        if let Ok(id) = HeaderValue::from_str(&request_id) {
            parts.headers.insert("x-request-id", id);
        }
    }
    // An extractor's own refusal may have been compressed.
    parts.headers.remove(header::CONTENT_LENGTH);
    parts.headers.remove(header::CONTENT_ENCODING);
    if status == StatusCode::SERVICE_UNAVAILABLE {
        parts
            .headers
            .entry(header::RETRY_AFTER)
            .or_insert(HeaderValue::from_static("1"));
    }
    if status == StatusCode::UNAUTHORIZED {
        parts
            .headers
            .insert(header::WWW_AUTHENTICATE, how_to_authenticate(app, &info));
    }
    let (kind, body) = if info.wants_json {
        (
            "application/problem+json",
            problem.as_json(status, &request_id).to_string(),
        )
    } else {
        let layout = Layout::bare(app, problem.title.clone().into_owned(), info.theme);
        let status = status.as_u16();
        let page = match parts.extensions.remove::<FormRetry>() {
            Some(form) => FormRetryPage {
                layout,
                status,
                problem,
                request_id,
                form,
            }
            .render(),
            None => ErrorPage {
                layout,
                status,
                problem,
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
    use crate::http::middleware::error_pages::redact_url;

    #[test]
    fn secrets_in_urls_are_not_logged() {
        for address in [
            "/share/s3cret",
            "/share/s3cret/badge.svg",
            "/join/s3cret",
            "/reset/s3cret?x=1",
            "/enter/s3cret",
            "/setup?key=s3cret",
            "/settings/connections/github-app/created?code=s3cret&state=s3cret",
            "/me/second-factor?next=%2Fjoin%2Fs3cret",
            "/login?next=%2Fjoin%2Fs3cret",
        ] {
            assert!(!redact_url(address).contains("s3cret"), "{address}");
        }
        assert_eq!(
            redact_url("/teams/infrastructure?q=x"),
            "/teams/infrastructure?q=x"
        );
    }
}
