//! The viewer of a request, from its session cookie or API token.

use axum::{
    extract::{FromRequestParts, OptionalFromRequestParts},
    http::{HeaderMap, header, request::Parts},
};

use crate::{
    app::App,
    domain::{
        auth::secrets,
        error::{Problem, Result},
        policy::{
            actor::IdempotencyKey,
            viewer::{Credentials, Viewer, load_viewer, load_viewer_at_mcp},
        },
    },
    http::{
        cookies::{cookie, session_name},
        middleware::{auth_proxy, client_ip::ClientIp, request_log},
    },
};

/// The request's credentials, unchecked. A bearer token takes precedence over a cookie. Other schemes are those of a
/// proxy in front, which asked for a password of its own.
pub(crate) fn credentials(headers: &HeaderMap, https: bool) -> Option<Credentials> {
    let authorization = headers.get(header::AUTHORIZATION);
    let scheme_and_secret = authorization.and_then(|value| value.to_str().ok()?.split_once(' '));
    if let Some((_, secret)) =
        scheme_and_secret.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
    {
        return Some(Credentials {
            token_hash: secrets::digest(secret.trim()),
            cookie: false,
        });
    }
    let secret = cookie(headers, session_name(https)).filter(|secret| !secret.is_empty())?;
    Some(Credentials {
        token_hash: secrets::session_digest(secret, auth_proxy::user(headers)),
        cookie: true,
    })
}

/// The problem for unknown credentials: expired sessions and guesses. Counts against the rate limit of the client's IP
/// address.
pub(crate) fn reject_unknown(app: &App, from: ClientIp) -> Problem {
    app.request_limits
        .count_wrong_secret(from)
        .err()
        .unwrap_or(Problem::SignedOut)
}

/// Whether the request's credentials are valid. Nothing is counted against a rate limit.
pub(crate) async fn is_known(app: &App, parts: &Parts) -> bool {
    let Some(credentials) = credentials(&parts.headers, app.is_https()) else {
        return false;
    };
    let viewer = load_viewer(&app.db, credentials, app.clock.now()).await;
    viewer.is_ok_and(|viewer| viewer.is_some())
}

/// Loads the viewer of a request's credentials. Unknown ones count against a rate limit; missing ones do not.
async fn authenticate(parts: &Parts, app: &App) -> Result<Viewer> {
    let credentials = credentials(&parts.headers, app.is_https()).ok_or(Problem::SignedOut)?;
    let now = app.clock.now();
    load_viewer(&app.db, credentials, now)
        .await?
        .ok_or_else(|| reject_unknown(app, ClientIp::of(&app.trusted_proxies, parts)))
}

/// The person that an agent acts for, from its API token.
pub(crate) struct AgentViewer(pub(crate) Viewer);

impl FromRequestParts<App> for AgentViewer {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self> {
        // A page of another site could use a browser's session.
        let credentials = credentials(&parts.headers, app.is_https())
            .filter(|credentials| !credentials.cookie)
            .ok_or(Problem::SignedOut)?;
        let viewer = load_viewer_at_mcp(&app.db, credentials, app.clock.now())
            .await?
            .ok_or_else(|| reject_unknown(app, ClientIp::of(&app.trusted_proxies, parts)))?;
        viewer.for_request(app, parts).map(Self)
    }
}

impl FromRequestParts<App> for Viewer {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self> {
        authenticate(parts, app).await?.for_request(app, parts)
    }
}

impl OptionalFromRequestParts<App> for Viewer {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Option<Self>> {
        match authenticate(parts, app).await {
            Ok(viewer) => viewer.for_request(app, parts).map(Some),
            // A rate-limited client may still sign in.
            Err(Problem::SignedOut | Problem::TooMany { .. }) => Ok(None),
            Err(problem) => Err(problem),
        }
    }
}

/// What people can do who have to set up a second factor first.
const SET_UP_PATHS: [&str; 2] = ["/me/second-factor", "/logout"];

impl Viewer {
    /// Attaches the request's idempotency key, and counts the request if it is a write.
    pub(crate) fn for_request(mut self, app: &App, parts: &Parts) -> Result<Self> {
        request_log::note_account(self.person.id);
        if !SET_UP_PATHS
            .iter()
            .any(|path| parts.uri.path().starts_with(path))
        {
            self.require_second_factor()?;
        }
        if !parts.method.is_safe() {
            app.request_limits.count_write(self.person.id)?;
            app.request_limits
                .count_post(self.person.id, parts.uri.path())?;
        }
        self.idempotency_key = parts.extensions.get::<IdempotencyKey>().cloned();
        Ok(self)
    }
}
