//! Where a request comes from: one of our own pages, or another site; and whether it is for this server.

use axum::{
    extract::Request,
    http::{HeaderMap, HeaderName, header},
};

use crate::{app::App, http::middleware::body_limits::is_open};

/// Whether a request is for this server: another site can make a name of its own lead here, and its scripts would then
/// count as ours. Health checks come by any name.
pub(crate) fn is_own_host(app: &App, request: &Request) -> bool {
    let host = match request.uri().authority() {
        Some(authority) => Some(authority.as_str()),
        None => request
            .headers()
            .get(header::HOST)
            .map(|host| host.to_str().unwrap_or("?")),
    };
    host.is_none_or(|host| app.hosts.has(host))
        || matches!(request.uri().path(), "/healthz" | "/readyz")
}

/// Whether another site made the browser send this write (CSRF). Requests with a bearer token do not rely on cookies,
/// except on routes that are open to everyone: those would answer whatever the token is.
pub(crate) fn is_cross_site_write(app: &App, request: &Request) -> bool {
    let has_token = || {
        let authorization = request.headers().get(header::AUTHORIZATION);
        authorization.is_some_and(|value| {
            value
                .as_bytes()
                .get(..7)
                .is_some_and(|scheme| scheme.eq_ignore_ascii_case(b"bearer "))
        })
    };
    !request.method().is_safe()
        && is_cross_site(app, request.headers())
        && (!has_token() || is_open(request.uri().path()))
}

fn is_cross_site(app: &App, headers: &HeaderMap) -> bool {
    let text = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    match text(HeaderName::from_static("sec-fetch-site")) {
        Some(site) => !matches!(site, "same-origin" | "none"),
        // Older browsers send only Origin; other programs send neither, and have no cookie.
        None => is_foreign_origin(app, headers),
    }
}

/// Whether a browser says that a page of another site sent the request.
pub(crate) fn is_foreign_origin(app: &App, headers: &HeaderMap) -> bool {
    let text = |name: HeaderName| headers.get(name).map(|value| value.to_str().unwrap_or("?"));
    text(header::ORIGIN).is_some_and(|origin| {
        let host = origin.split_once("://").map_or(origin, |(_, host)| host);
        origin != app.public_url && Some(host) != text(header::HOST)
    })
}
