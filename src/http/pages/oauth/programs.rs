//! What programs send themselves: their registration, and the code for their token.

use axum::{
    Json,
    extract::State,
    http::{HeaderValue, StatusCode},
    response::{IntoResponse, Response},
};
use serde::Deserialize;
use serde_json::json;

use crate::{
    app::App,
    domain::{
        accounts::{
            oauth_clients,
            oauth_codes::{self, Exchange},
        },
        error::{Problem, Result},
    },
    http::{
        extract::form::{Fields, JsonBody},
        middleware::client_ip::ClientIp,
        page::EXPLAINED,
        pages::oauth::metadata::is_resource,
    },
};

/// A program that registers itself. Other fields of the standard are ignored.
#[derive(Debug, Deserialize)]
pub(crate) struct Registration {
    #[serde(default)]
    client_name: Option<String>,
    #[serde(default)]
    redirect_uris: Vec<String>,
}

/// An error as the standard wants it.
fn refusal(error: &str, why: &str) -> Response {
    let body = json!({ "error": error, "error_description": why });
    let mut response = (StatusCode::BAD_REQUEST, Json(body)).into_response();
    let headers = response.headers_mut();
    headers.insert(EXPLAINED, HeaderValue::from_static("1"));
    response
}

/// `POST /oauth/register`
pub(crate) async fn register(
    State(app): State<App>,
    from: ClientIp,
    JsonBody(sent): JsonBody<Registration>,
) -> Result<Response> {
    app.request_limits.count_registration(from)?;
    let name = sent.client_name.as_deref().unwrap_or("An agent");
    let now = app.clock.now();
    let registered = oauth_clients::register(&app.db, now, name, sent.redirect_uris).await;
    let client = match registered {
        Ok(client) => client,
        Err(Problem::Invalid(errors)) => {
            let error = match errors.keys().next() {
                Some(&"redirect_uris") => "invalid_redirect_uri",
                _ => "invalid_client_metadata",
            };
            let why: Vec<String> = errors.into_values().collect();
            return Ok(refusal(error, &why.join(" ")));
        }
        Err(problem) => return Err(problem),
    };
    let body = json!({
        "client_id": client.id,
        "client_id_issued_at": now.unix_timestamp(),
        "client_name": client.name,
        "redirect_uris": client.redirect_uris,
        "grant_types": ["authorization_code"],
        "response_types": ["code"],
        "token_endpoint_auth_method": "none",
    });
    Ok((StatusCode::CREATED, Json(body)).into_response())
}

/// `POST /oauth/token`
pub(crate) async fn token(
    State(app): State<App>,
    from: ClientIp,
    fields: Fields,
) -> Result<Response> {
    if fields.text("grant_type") != "authorization_code" {
        let why = "The grant type has to be authorization_code.";
        return Ok(refusal("unsupported_grant_type", why));
    }
    if fields
        .get("resource")
        .is_some_and(|sent| !is_resource(&app, sent))
    {
        let why = "Tokens of this server are for its own /mcp.";
        return Ok(refusal("invalid_target", why));
    }
    let sent = Exchange {
        code: fields.text("code"),
        client: fields.text("client_id"),
        redirect_uri: fields.text("redirect_uri"),
        verifier: fields.text("code_verifier"),
    };
    let Some(issued) = oauth_codes::exchange(&app.db, app.clock.now(), &sent).await? else {
        app.request_limits.count_wrong_secret(from)?;
        let why = "The code is not valid any more, or was made for another client, redirect or verifier. Ask for a new one.";
        return Ok(refusal("invalid_grant", why));
    };
    Ok(Json(json!({
        "access_token": issued.secret,
        "token_type": "Bearer",
        "expires_in": issued.lasts.whole_seconds(),
        "scope": issued.scope.as_str(),
    }))
    .into_response())
}
