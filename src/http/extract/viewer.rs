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
            viewer::{AuthRow, Credentials, Viewer, known_by_digest},
        },
    },
    http::{
        cookies::cookie,
        middleware::{client_ip::ClientIp, request_log},
    },
};

/// What the request brings to prove itself with, unchecked. A bearer token goes before a cookie.
pub fn brought(headers: &HeaderMap, https: bool) -> Option<Credentials> {
    if let Some(value) = headers.get(header::AUTHORIZATION) {
        let (scheme, secret) = value.to_str().ok()?.split_once(' ')?;
        if !scheme.eq_ignore_ascii_case("bearer") {
            return None;
        }
        return Some(Credentials {
            token_hash: secrets::digest(secret.trim()),
            cookie: false,
        });
    }
    let secret = cookie(headers, crate::http::cookies::cookie_name(https))
        .filter(|secret| !secret.is_empty())?;
    Some(Credentials {
        token_hash: secrets::digest(secret),
        cookie: true,
    })
}

/// What is told to who brings what nobody has: ended sessions, and guesses.
pub fn unknown(app: &App, from: ClientIp) -> Problem {
    app.requests
        .count_wrong_secret(from)
        .err()
        .unwrap_or(Problem::SignedOut)
}

/// Who brings what a request has with it. It is told to wait only for having brought too much that nobody has.
async fn recognised(parts: &Parts, app: &App) -> Result<Viewer> {
    let brought = brought(&parts.headers, app.is_https()).ok_or(Problem::SignedOut)?;
    let now = app.clock.now();
    let known: Option<AuthRow> = sqlx::query_as(known_by_digest!())
        .bind(&brought.token_hash)
        .bind(now)
        .bind(brought.cookie)
        .fetch_optional(&app.db)
        .await?;
    match known {
        Some(known) => known.into_viewer(&app.db, brought, now).await,
        None => Err(unknown(app, ClientIp::of(&app.trusted, parts))),
    }
}

impl FromRequestParts<App> for Viewer {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self> {
        recognised(parts, app).await?.asking(app, parts)
    }
}

impl OptionalFromRequestParts<App> for Viewer {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Option<Self>> {
        match recognised(parts, app).await {
            Ok(viewer) => viewer.asking(app, parts).map(Some),
            // Who has to wait before their cookie is looked at again may sign in meanwhile.
            Err(Problem::SignedOut | Problem::TooMany { .. }) => Ok(None),
            Err(problem) => Err(problem),
        }
    }
}

impl Viewer {
    /// The same with what the request is: a write is counted, and one that comes again is recognised.
    pub fn asking(mut self, app: &App, parts: &Parts) -> Result<Self> {
        request_log::note_account(self.person.id);
        if !parts.method.is_safe() {
            app.requests.count_write(self.person.id)?;
        }
        self.repeat = parts.extensions.get::<IdempotencyKey>().cloned();
        Ok(self)
    }
}
