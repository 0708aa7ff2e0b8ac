//! The page on which a person agrees that a program gets a token.

use askama::Template;
use axum::{
    extract::{Query, State},
    http::HeaderMap,
    response::{IntoResponse, Redirect, Response},
};
use serde::Deserialize;
use url::Url;

use crate::{
    app::App,
    domain::{
        accounts::{
            oauth_clients::{self, OAuthClient},
            oauth_codes::{self, Grant, TOKEN_DAYS, read_challenge},
        },
        error::{Problem, Result},
        policy::viewer::{Scope, Viewer},
    },
    http::{
        extract::form::Fields, layout::Layout, middleware::layers::FormsTo, page,
        pages::oauth::metadata::is_resource,
    },
};

/// What a program asks for, in the URL and then in the form.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Asked {
    response_type: String,
    client_id: String,
    redirect_uri: String,
    scope: String,
    state: String,
    code_challenge: String,
    code_challenge_method: String,
    resource: Option<String>,
}

#[derive(Template)]
#[template(path = "oauth/authorize.html")]
struct AuthorizePage {
    layout: Layout,
    client: OAuthClient,
    /// Where the answer goes, without its path.
    goes_to: String,
    may_write: bool,
    days: i64,
    asked: Asked,
}

/// A request that can be answered: its program is registered, and its redirect is one of the program's.
struct Known {
    client: OAuthClient,
    redirect: Url,
}

impl Asked {
    fn of(fields: &Fields) -> Self {
        let text = |name| fields.text(name).to_owned();
        Self {
            response_type: text("response_type"),
            client_id: text("client_id"),
            redirect_uri: text("redirect_uri"),
            scope: text("scope"),
            state: text("state"),
            code_challenge: text("code_challenge"),
            code_challenge_method: text("code_challenge_method"),
            resource: fields.get("resource").map(str::to_owned),
        }
    }

    /// Finds the program. Anyone could have written the link, so that nothing is sent to an address that the program has
    /// not registered.
    async fn known(&self, app: &App) -> Result<Known> {
        let client = oauth_clients::find(&app.db, &self.client_id).await?;
        let client = client.ok_or_else(|| {
            Problem::BadRequest(
                "This program is not registered here, or its registration has expired. Connect it again.".into(),
            )
        })?;
        let redirect = Url::parse(&self.redirect_uri).ok();
        let redirect = redirect.filter(|_| client.may_redirect_to(&self.redirect_uri));
        let redirect = redirect.ok_or_else(|| {
            Problem::BadRequest(
                "This program has not registered the address that it wants you sent back to. Nothing was sent there.".into(),
            )
        })?;
        Ok(Known { client, redirect })
    }

    /// Why the program cannot have a token, as the standard calls it.
    fn error(&self, app: &App) -> Option<&'static str> {
        if self.response_type != "code" {
            return Some("unsupported_response_type");
        }
        if self.code_challenge_method != "S256" || read_challenge(&self.code_challenge).is_none() {
            return Some("invalid_request");
        }
        if self
            .resource
            .as_ref()
            .is_some_and(|sent| !is_resource(app, sent))
        {
            return Some("invalid_target");
        }
        let is_known = |scope: &str| matches!(scope, "read" | "write");
        (!self.scope.split_whitespace().all(is_known)).then_some("invalid_scope")
    }

    /// Whether it asks to write; without a scope it does.
    fn may_write(&self) -> bool {
        let mut scopes = self.scope.split_whitespace().peekable();
        scopes.peek().is_none() || scopes.any(|scope| scope == "write")
    }
}

impl Known {
    /// The origin that the answer goes to.
    fn origin(&self) -> String {
        self.redirect.origin().ascii_serialization()
    }

    /// Sends the person back, with the answer.
    fn answer(mut self, app: &App, asked: &Asked, (name, value): (&str, &str)) -> Response {
        let state = Some(("state", asked.state.as_str())).filter(|(_, state)| !state.is_empty());
        self.redirect
            .query_pairs_mut()
            .append_pair(name, value)
            .extend_pairs(state)
            .append_pair("iss", &app.public_url);
        Redirect::to(self.redirect.as_str()).into_response()
    }
}

/// `GET /oauth/authorize`
pub(crate) async fn authorize(
    State(app): State<App>,
    viewer: Viewer,
    headers: HeaderMap,
    Query(asked): Query<Asked>,
) -> Result<Response> {
    viewer.require_session()?;
    let known = asked.known(&app).await?;
    if let Some(error) = asked.error(&app) {
        // Anyone can register a program, so that an answer without asking would send people to any site.
        return if oauth_clients::is_loopback(&known.redirect) {
            Ok(known.answer(&app, &asked, ("error", error)))
        } else {
            Err(Problem::BadRequest(
                format!(
                    "{} asks in a way that Fortnight does not understand ({error}). Connect it again, or tell its makers. \
                     Nothing was sent to it.",
                    known.client.name
                )
                .into(),
            ))
        };
    }
    let goes_to = known.origin();
    let title = format!("Connect {}", known.client.name);
    let mut response = page::page(&AuthorizePage {
        layout: Layout::new(&app, &viewer, &headers, title, "").await?,
        client: known.client,
        may_write: asked.may_write() && viewer.may_write(),
        days: TOKEN_DAYS,
        goes_to: goes_to.clone(),
        asked,
    })?;
    response.extensions_mut().insert(FormsTo(goes_to));
    Ok(response)
}

/// `POST /oauth/authorize`: the person agrees, or does not.
pub(crate) async fn decide(
    State(app): State<App>,
    viewer: Viewer,
    fields: Fields,
) -> Result<Response> {
    viewer.require_session()?;
    let asked = Asked::of(&fields);
    let known = asked.known(&app).await?;
    if let Some(error) = asked.error(&app) {
        return Ok(known.answer(&app, &asked, ("error", error)));
    }
    let challenge = read_challenge(&asked.code_challenge).unwrap_or_default();
    let scope = match fields.text("allow") {
        "read" => Scope::Read,
        "write" if asked.may_write() && viewer.may_write() => Scope::Write,
        _ => return Ok(known.answer(&app, &asked, ("error", "access_denied"))),
    };
    let grant = Grant {
        client: known.client.id,
        account: viewer.person.id,
        scope,
        redirect_uri: &asked.redirect_uri,
        challenge: &challenge,
    };
    let code = oauth_codes::create(&app.db, app.clock.now(), &grant).await?;
    Ok(known.answer(&app, &asked, ("code", &code)))
}
