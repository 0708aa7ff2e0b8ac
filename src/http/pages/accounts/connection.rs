//! Settings → Connections → one of them: its address, repositories and log.

use std::collections::BTreeMap;

use askama::Template;
use axum::{
    extract::{Path, Query, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Redirect, Response},
};
use serde::Deserialize;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{
    app::App,
    domain::{
        dates::instant,
        error::{Problem, Result},
        humanize,
        policy::{team_access, viewer::Viewer},
        pull_requests::{
            Forge,
            connections::{self, Listed, Repository},
            log::{self, Entry, EntryTask, FILTERS},
            test_delivery::TestOutcome,
        },
        team::Team,
    },
    http::{
        extract::form::{Fields, id},
        layout::Layout,
        page,
    },
};

#[derive(Template)]
#[template(path = "accounts/connection.html")]
struct ConnectionPage {
    layout: Layout,
    listed: Listed,
    /// Where deliveries are sent.
    address: String,
    repositories: Vec<Repository>,
    teams: Vec<Team>,
    entries: Vec<Entry>,
    has_older: bool,
    filter: String,
    /// A secret that was just made; it is shown only once.
    secret: String,
    /// How a test went that was just sent.
    test_outcome: Option<TestOutcome>,
    /// What was just done: `created` or `disconnected`.
    did: String,
    submitted: Fields,
    errors: BTreeMap<&'static str, String>,
    time_zone: String,
    now: OffsetDateTime,
}

impl ConnectionPage {
    fn error(&self, field: &str) -> &str {
        self.errors.get(field).map_or("", String::as_str)
    }

    fn health(&self) -> String {
        match self.listed.connection.disconnected_at {
            Some(at) => format!("disconnected {}", humanize::ago(self.now, at)),
            None => self.listed.health.in_words(self.now),
        }
    }

    fn moment(&self, at: &OffsetDateTime) -> String {
        humanize::moment(*at, &self.time_zone)
    }

    fn detail(&self, task: &EntryTask, entry: &Entry) -> String {
        task.detail(entry.received_at, &self.time_zone)
    }

    fn iso(&self, at: &OffsetDateTime) -> String {
        instant(*at)
    }

    /// Until when the old secret is accepted, if there is one.
    fn old_secret_until(&self) -> Option<OffsetDateTime> {
        let until = self.listed.connection.old_secret_until;
        until.filter(|until| *until > self.now)
    }

    /// The name in its form: what was entered, if it was refused.
    fn entered_name(&self) -> &str {
        match self.errors.contains_key("name") {
            true => self.submitted.text("name"),
            false => &self.listed.connection.name,
        }
    }

    /// The GitHub App that sends the deliveries, if one does.
    fn app_url(&self) -> Option<&str> {
        Some(self.listed.connection.app_url.as_str()).filter(|url| !url.is_empty())
    }

    /// What to choose at the forge.
    fn steps(&self) -> &'static str {
        match self.listed.connection.forge {
            Forge::GitHub if self.app_url().is_some() => {
                "The GitHub App sends the deliveries of every repository in which it is installed. If you renew the secret, \
                 enter the new one in the settings of the App: Webhook → Secret."
            }
            Forge::GitHub => {
                "In the repository or organization: Settings → Webhooks → Add webhook. Content type: application/json. \
                 Events: pull requests, pushes, check suites, statuses and issue comments."
            }
            Forge::Forgejo => {
                "In the repository or organization: Settings → Webhooks → Add webhook → Forgejo or Gitea. Content type: \
                 application/json. Events: pull requests, pushes, statuses and pull request comments."
            }
            Forge::GitLab => {
                "In the project or group: Settings → Webhooks → Add new webhook. Paste the secret as its secret token, or \
                 as its signing token. Events: merge requests, pushes, pipelines and comments."
            }
        }
    }

    fn older(&self) -> Option<String> {
        let last = self.entries.last().filter(|_| self.has_older)?;
        let id = self.listed.connection.id;
        Some(format!(
            "/settings/connections/{id}?result={}&before={}#deliveries",
            self.filter, last.number
        ))
    }
}

/// Which part of the log is shown.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct LogQuery {
    result: String,
    before: String,
    did: String,
}

/// `GET /settings/connections/{id}`
pub(crate) async fn connection(
    State(app): State<App>,
    viewer: Viewer,
    Path(connection): Path<String>,
    Query(part): Query<LogQuery>,
    headers: HeaderMap,
) -> Result<Response> {
    team_access::require_workspace_admin(&viewer)?;
    page::page(&connection_page(&app, &viewer, &headers, id(&connection)?, part).await?)
}

async fn connection_page(
    app: &App,
    viewer: &Viewer,
    headers: &HeaderMap,
    id: Uuid,
    part: LogQuery,
) -> Result<ConnectionPage> {
    let now = app.clock.now();
    let listed = connections::connection(&app.db, id, now).await?;
    let reader = viewer.person.id;
    let is_known = FILTERS.iter().any(|(name, _)| *name == part.result);
    let filter = if is_known { part.result } else { String::new() };
    let shown = (filter.as_str(), part.before.parse().ok());
    let (entries, has_older) = log::entries(&app.db, id, reader, shown).await?;
    Ok(ConnectionPage {
        layout: Layout::new(app, viewer, headers, listed.connection.name.clone(), "")
            .await?
            .at("settings-connections"),
        address: format!("{}/hooks/forge/{id}", app.public_url),
        repositories: connections::repositories(&app.db, id, reader).await?,
        teams: team_access::seen_teams(&app.db, viewer).await?,
        listed,
        entries,
        has_older,
        filter,
        secret: String::new(),
        test_outcome: None,
        did: part.did,
        submitted: Fields::default(),
        errors: BTreeMap::new(),
        time_zone: viewer.time_zone.clone(),
        now,
    })
}

/// The page with a secret that was just made.
pub(super) async fn with_secret(
    app: &App,
    viewer: &Viewer,
    headers: &HeaderMap,
    id: Uuid,
    secret: String,
) -> Result<Response> {
    let mut page = connection_page(app, viewer, headers, id, LogQuery::default()).await?;
    page.secret = secret;
    page::page(&page)
}

/// The page after a test, with what came of it.
pub(super) async fn with_test_outcome(
    app: &App,
    viewer: &Viewer,
    headers: &HeaderMap,
    id: Uuid,
    test_outcome: TestOutcome,
) -> Result<Response> {
    let mut page = connection_page(app, viewer, headers, id, LogQuery::default()).await?;
    page.test_outcome = Some(test_outcome);
    page::page(&page)
}

/// The page with a form that was refused.
pub(super) async fn with_refused(
    app: &App,
    viewer: &Viewer,
    headers: &HeaderMap,
    id: Uuid,
    (submitted, errors): (Fields, BTreeMap<&'static str, String>),
) -> Result<Response> {
    let mut page = connection_page(app, viewer, headers, id, LogQuery::default()).await?;
    (page.submitted, page.errors) = (submitted, errors);
    page::with_errors(StatusCode::UNPROCESSABLE_ENTITY, &page)
}

/// `POST /settings/connections/{id}/secret`: makes another secret, and shows it once.
pub(crate) async fn renew_secret(
    State(app): State<App>,
    viewer: Viewer,
    Path(connection): Path<String>,
    headers: HeaderMap,
    // Read for its key, so that a form that is sent twice makes one secret.
    _: Fields,
) -> Result<Response> {
    team_access::require_workspace_admin(&viewer)?;
    viewer.require_session_for_links()?;
    let id = id(&connection)?;
    let renewed = app
        .store
        .change(&viewer.actor(), |change, _| {
            Box::pin(connections::renew_secret(change, id))
        })
        .await?;
    with_secret(&app, &viewer, &headers, id, renewed.value).await
}

/// `POST /settings/connections/{id}/repositories`
pub(crate) async fn add_repository(
    State(app): State<App>,
    viewer: Viewer,
    Path(connection): Path<String>,
    headers: HeaderMap,
    fields: Fields,
) -> Result<Response> {
    team_access::require_workspace_admin(&viewer)?;
    let id = id(&connection)?;
    let team = team_access::team(&app.db, &viewer, fields.text("team"))
        .await?
        .team;
    let name = fields.text("repository");
    let outcome = app
        .store
        .change(&viewer.actor(), |change, _| {
            Box::pin(connections::add_repository(change, id, name, &team))
        })
        .await;
    match outcome {
        Ok(_) => Ok(back(id, "repositories")),
        Err(Problem::Invalid(errors)) => {
            with_refused(&app, &viewer, &headers, id, (fields, errors)).await
        }
        Err(problem) => Err(problem),
    }
}

/// `POST /settings/connections/{id}/repositories/remove`
pub(crate) async fn remove_repository(
    State(app): State<App>,
    viewer: Viewer,
    Path(connection): Path<String>,
    fields: Fields,
) -> Result<Response> {
    team_access::require_workspace_admin(&viewer)?;
    let (of, repository) = (id(&connection)?, id(fields.text("repository"))?);
    app.store
        .change(&viewer.actor(), |change, _| {
            Box::pin(connections::remove_repository(change, of, repository))
        })
        .await?;
    Ok(back(of, "repositories"))
}

/// Back to a section of the page.
pub(super) fn back(id: Uuid, section: &str) -> Response {
    let to = match section {
        "" => format!("/settings/connections/{id}"),
        section => format!("/settings/connections/{id}#{section}"),
    };
    Redirect::to(&to).into_response()
}
