//! How programs ask people for a token.

use axum::{
    Router,
    routing::{get, post},
};

use crate::{app::App, http::pages::oauth};

/// The routes for these programs, and the page on which a person agrees.
pub(super) fn routes() -> Router<App> {
    Router::new()
        .route(
            "/.well-known/oauth-protected-resource",
            get(oauth::protected_resource),
        )
        .route(
            "/.well-known/oauth-protected-resource/mcp",
            get(oauth::protected_resource),
        )
        .route(
            "/.well-known/oauth-authorization-server",
            get(oauth::authorization_server),
        )
        .route(
            "/oauth/authorize",
            get(oauth::authorize).post(oauth::decide),
        )
        .route("/oauth/register", post(oauth::register))
        .route("/oauth/token", post(oauth::token))
}
