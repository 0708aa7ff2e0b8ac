//! Idempotency keys: a client that lost the response can safely send the write again. Programs and our scripts send the
//! key as a header, forms without scripts as a hidden field.

use axum::{
    extract::Request,
    http::{HeaderMap, HeaderName, HeaderValue, Uri},
    middleware::Next,
    response::{Html, IntoResponse, Response},
};
use uuid::Uuid;

use crate::{
    domain::{error::Problem, policy::actor::IdempotencyKey},
    http::{middleware::form_recovery::referring_page, page, problem::Repeated},
};

/// Tells our scripts that the write had been made before, so that they reload the page.
const REPEATED: HeaderName = HeaderName::from_static("fortnight-repeated");
const CHANGE: HeaderName = HeaderName::from_static("fortnight-change");

/// Attaches the request's idempotency key, by which its changes are recognised as repeated. A repeated form is redirected
/// to the page that it was on; a script is told to reload that page.
pub(crate) async fn run(mut request: Request, next: Next) -> Response {
    if request.method().is_safe() {
        return next.run(request).await;
    }
    let (method, path) = (request.method().as_str(), request.uri().path());
    let is_api = path.starts_with("/api/");
    let key = match request.headers().get("idempotency-key") {
        None if is_api => return next.run(request).await,
        None => IdempotencyKey::of_form(method, path),
        Some(key) => match key.to_str() {
            Ok(key) if (1..=200).contains(&key.len()) => {
                IdempotencyKey::new(key.to_owned(), method, path)
            }
            _ => {
                return Problem::field(
                    "Idempotency-Key",
                    "The key must have 1 to 200 visible ASCII characters.",
                )
                .into_response();
            }
        },
    };
    request.extensions_mut().insert(key);
    if is_api {
        return next.run(request).await;
    }
    let form = Form::of(request.uri(), request.headers());
    let response = next.run(request).await;
    match response.extensions().get() {
        Some(Repeated { change }) => form.answer_repeat(*change),
        None => response,
    }
}

/// Where a form came from.
struct Form {
    page: String,
    is_sent_by_script: bool,
}

impl Form {
    fn of(uri: &Uri, headers: &HeaderMap) -> Self {
        // for browsers that send no Referer
        let own_page = || match uri.path().split('/').collect::<Vec<_>>()[..] {
            ["", "tasks", key, ..] => format!("/tasks/{key}"),
            _ => "/".to_owned(),
        };
        Self {
            page: referring_page(headers).unwrap_or_else(own_page),
            is_sent_by_script: page::fragment(headers).is_some(),
        }
    }

    fn answer_repeat(&self, change: Uuid) -> Response {
        if !self.is_sent_by_script {
            return page::back_to(&self.page, change);
        }
        let mut response = Html("").into_response();
        response
            .headers_mut()
            .insert(REPEATED, HeaderValue::from_static("1"));
        let change = HeaderValue::from_str(&change.to_string());
        response
            .headers_mut()
            .extend(change.ok().map(|change| (CHANGE, change)));
        response
    }
}

/// A key for a form that is sent without scripts: `{{ ui::form_key() }}` in a template.
pub(crate) fn form_key() -> String {
    Uuid::new_v4().simple().to_string()
}
