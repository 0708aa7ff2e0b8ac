//! A proxy in front that has signed people in, and names them in a header.

use std::net::SocketAddr;

use axum::{
    extract::{ConnectInfo, Request},
    http::{HeaderMap, HeaderName},
};

use crate::app::App;

/// Where the user is kept within this program. No client can set it.
static USER: HeaderName = HeaderName::from_static("x-fortnight-proxy-user");

/// Notes the user that a trusted proxy has named. What anyone else sends is no user.
pub(super) fn note_user(app: &App, request: &mut Request) {
    request.headers_mut().remove(&USER);
    let Some(header) = &app.auth_proxy_header else {
        return;
    };
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>();
    let is_trusted =
        peer.is_some_and(|ConnectInfo(peer)| app.trusted_proxies.has(peer.ip().to_canonical()));
    let mut named = request.headers().get_all(header).iter();
    // Of two, one may be the client's.
    if let (true, Some(user), None) = (is_trusted, named.next(), named.next()) {
        let user = user.clone();
        request.headers_mut().insert(USER.clone(), user);
    }
}

/// The user that a trusted proxy has named.
pub(crate) fn user(headers: &HeaderMap) -> Option<&str> {
    let user = headers.get(&USER)?.to_str().ok()?.trim();
    Some(user).filter(|user| !user.is_empty())
}
