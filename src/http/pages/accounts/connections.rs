//! Settings → Connections: the forges whose pull requests move tasks.

use std::collections::BTreeMap;

use askama::Template;
use axum::{
    extract::State,
    http::{HeaderMap, StatusCode},
    response::Response,
};
use time::OffsetDateTime;

use crate::{
    app::App,
    domain::{
        error::{Problem, Result},
        humanize,
        policy::{team_access, viewer::Viewer},
        pull_requests::{
            Forge,
            connections::{self, Listed},
        },
    },
    http::{extract::form::Fields, layout::Layout, page, pages::accounts::connection},
};

#[derive(Template)]
#[template(path = "accounts/connections.html")]
struct ConnectionsPage {
    layout: Layout,
    listed: Vec<Listed>,
    submitted: Fields,
    errors: BTreeMap<&'static str, String>,
    now: OffsetDateTime,
}

impl ConnectionsPage {
    fn error(&self, field: &str) -> &str {
        self.errors.get(field).map_or("", String::as_str)
    }

    /// The address of GitHub in the form.
    fn site(&self) -> &str {
        match self.submitted.text("site") {
            "" => "github.com",
            site => site,
        }
    }

    fn health(&self, listed: &Listed) -> String {
        match listed.connection.disconnected_at {
            Some(at) => format!("disconnected {}", humanize::ago(self.now, at)),
            None => listed.health.in_words(self.now),
        }
    }
}

/// `GET /settings/connections`
pub(crate) async fn connections(
    State(app): State<App>,
    viewer: Viewer,
    headers: HeaderMap,
) -> Result<Response> {
    let page = connections_page(&app, &viewer, &headers, Fields::default(), BTreeMap::new());
    page::page(&page.await?)
}

async fn connections_page(
    app: &App,
    viewer: &Viewer,
    headers: &HeaderMap,
    submitted: Fields,
    errors: BTreeMap<&'static str, String>,
) -> Result<ConnectionsPage> {
    team_access::require_workspace_admin(viewer)?;
    let now = app.clock.now();
    Ok(ConnectionsPage {
        layout: Layout::new(app, viewer, headers, "Connections", "")
            .await?
            .at("settings-connections"),
        listed: connections::list(&app.db, now).await?,
        submitted,
        errors,
        now,
    })
}

/// `POST /settings/connections`: adds one, and shows its secret once.
pub(crate) async fn add_connection(
    State(app): State<App>,
    viewer: Viewer,
    headers: HeaderMap,
    fields: Fields,
) -> Result<Response> {
    team_access::require_workspace_admin(&viewer)?;
    viewer.require_session_for_links()?;
    let name = fields.text("name");
    let outcome = match Forge::parse(fields.text("forge")) {
        Ok(forge) => app
            .store
            .change(&viewer.actor(), |change, _| {
                Box::pin(connections::create(change, name, forge))
            })
            .await
            .map(|created| created.value),
        Err(problem) => Err(problem),
    };
    match outcome {
        Ok((id, secret)) => connection::with_secret(&app, &viewer, &headers, id, secret).await,
        Err(Problem::Invalid(errors)) => refused(&app, &viewer, &headers, fields, errors).await,
        Err(problem) => Err(problem),
    }
}

/// The page with a form that was refused.
pub(super) async fn refused(
    app: &App,
    viewer: &Viewer,
    headers: &HeaderMap,
    submitted: Fields,
    errors: BTreeMap<&'static str, String>,
) -> Result<Response> {
    let page = connections_page(app, viewer, headers, submitted, errors).await?;
    page::with_errors(StatusCode::UNPROCESSABLE_ENTITY, &page)
}
