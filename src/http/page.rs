//! Turns templates into responses: pages, refused forms, redirects.

use askama::Template;
use axum::{
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::{Html, IntoResponse, Redirect, Response},
};
use uuid::Uuid;

use crate::{
    domain::{
        error::{Problem, Result},
        markdown,
    },
    http::cookies::cookie,
};

/// The theme that the reader chose: `light`, `dark`, or empty for the system's.
pub(crate) fn theme(headers: &HeaderMap) -> &'static str {
    match cookie(headers, "theme") {
        Some("light") => "light",
        Some("dark") => "dark",
        _ => "",
    }
}

/// A page with status 200.
pub(crate) fn page(template: &impl Template) -> Result<Response> {
    Ok(Html(rendered(template)?).into_response())
}

/// A page that shows a refused form again, with the reasons and the values that were entered.
pub(crate) fn with_errors(status: StatusCode, template: &impl Template) -> Result<Response> {
    let mut response = (status, Html(rendered(template)?)).into_response();
    response
        .headers_mut()
        .insert(EXPLAINED, HeaderValue::from_static("1"));
    Ok(response)
}

/// Marks an error response that already explains itself, so that the error page does not replace
/// it.
pub(crate) const EXPLAINED: HeaderName = HeaderName::from_static("fortnight-explained");

/// HTML from one of our templates, which another template includes unescaped: all text in it was
/// escaped when it was rendered.
#[derive(Clone, Debug, Default)]
pub struct Rendered(String);

impl Rendered {
    pub(crate) fn of(template: &impl Template) -> Result<Self> {
        rendered(template).map(Self)
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }
}

impl std::fmt::Display for Rendered {
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        to.write_str(&self.0)
    }
}

impl askama::filters::HtmlSafe for Rendered {}

// Sanitised by the Markdown renderer.
impl askama::filters::HtmlSafe for markdown::Html {}

/// Renders a template to a string.
pub(crate) fn rendered(template: &impl Template) -> Result<String> {
    template
        .render()
        .map_err(|error| Problem::InternalError(error.into()))
}

/// The part of a page that a script requests, from its `fortnight-fragment` header.
pub(crate) fn fragment(headers: &HeaderMap) -> Option<&str> {
    headers.get("fortnight-fragment")?.to_str().ok()
}

/// Redirects to a page after a form, with the message that offers to undo the change.
pub(crate) fn back_to(path: &str, change: Uuid) -> Response {
    let (path, anchor) = path.split_once('#').unwrap_or((path, ""));
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let other_params = form_urlencoded::parse(query.as_bytes()).filter(|(name, _)| name != "did");
    let query = form_urlencoded::Serializer::new(String::new())
        .extend_pairs(other_params)
        .append_pair("did", &change.to_string())
        .finish();
    let anchor = if anchor.is_empty() {
        String::new()
    } else {
        format!("#{anchor}")
    };
    Redirect::to(&format!("{path}?{query}{anchor}")).into_response()
}

/// Redirects to the sign-in page, which leads back to the requested page.
pub(crate) fn redirect_to_sign_in(path: &str) -> Response {
    redirect_with_next("/login", path)
}

/// Redirects to a page that leads on to another one.
pub(crate) fn redirect_with_next(to: &str, path: &str) -> Response {
    let next: String = form_urlencoded::byte_serialize(path.as_bytes()).collect();
    let mut response = Redirect::to(&format!("{to}?next={next}")).into_response();
    response
        .headers_mut()
        .insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
