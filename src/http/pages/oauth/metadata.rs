//! What clients are told about the sign-in (RFC 9728, RFC 8414).

use axum::{Json, extract::State};
use serde_json::{Value, json};

use crate::app::App;

/// The address that tokens are for.
pub(super) fn resource(app: &App) -> String {
    format!("{}/mcp", app.public_url)
}

/// Whether a client names this server as what its token is for.
pub(super) fn is_resource(app: &App, sent: &str) -> bool {
    sent == resource(app) || sent.trim_end_matches('/') == app.public_url
}

/// `GET /.well-known/oauth-protected-resource` and the same with `/mcp`
pub(crate) async fn protected_resource(State(app): State<App>) -> Json<Value> {
    Json(json!({
        "resource": resource(&app),
        "resource_name": "Fortnight",
        "authorization_servers": [app.public_url],
        "scopes_supported": ["read", "write"],
        "bearer_methods_supported": ["header"],
    }))
}

/// `GET /.well-known/oauth-authorization-server`
pub(crate) async fn authorization_server(State(app): State<App>) -> Json<Value> {
    let at = |path: &str| format!("{}{path}", app.public_url);
    Json(json!({
        "issuer": app.public_url,
        "authorization_endpoint": at("/oauth/authorize"),
        "token_endpoint": at("/oauth/token"),
        "registration_endpoint": at("/oauth/register"),
        "scopes_supported": ["read", "write"],
        "response_types_supported": ["code"],
        "grant_types_supported": ["authorization_code"],
        "token_endpoint_auth_methods_supported": ["none"],
        "code_challenge_methods_supported": ["S256"],
        "authorization_response_iss_parameter_supported": true,
    }))
}
