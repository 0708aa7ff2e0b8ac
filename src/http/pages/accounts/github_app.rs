//! Settings → Connections → Create a GitHub App: the page that leads to GitHub, and the way back.

use std::collections::BTreeMap;

use askama::Template;
use axum::{
    extract::{Query, State},
    http::HeaderMap,
    response::{IntoResponse, Redirect, Response},
};
use serde::Deserialize;

use crate::{
    app::App,
    domain::{
        error::{Problem, Result},
        policy::{team_access, viewer::Viewer},
        pull_requests::{
            GitHubSite,
            github_app::{self, ManifestForm, PERMISSIONS},
        },
    },
    http::{
        extract::form::Fields, layout::Layout, middleware::layers::FormsTo, page,
        pages::accounts::connections::refused,
    },
};

#[derive(Template)]
#[template(path = "accounts/github_app.html")]
struct GitHubAppPage {
    layout: Layout,
    /// The host of GitHub.
    host: String,
    /// The organization that it is created for; empty: the person's own account.
    organization: String,
    form: ManifestForm,
}

impl GitHubAppPage {
    fn name(&self) -> &str {
        self.form.manifest["name"].as_str().unwrap_or_default()
    }

    fn address(&self) -> &str {
        let address = &self.form.manifest["hook_attributes"]["url"];
        address.as_str().unwrap_or_default()
    }

    fn reads(&self) -> String {
        let reads: Vec<&str> = PERMISSIONS.iter().map(|(_, what)| *what).collect();
        reads.join(", ")
    }
}

/// `POST /settings/connections/github-app`: shows what is to be created, with a button that leads to GitHub.
pub(crate) async fn begin_github_app(
    State(app): State<App>,
    viewer: Viewer,
    headers: HeaderMap,
    fields: Fields,
) -> Result<Response> {
    team_access::require_workspace_admin(&viewer)?;
    viewer.require_session_for_links()?;
    match begin(&app, &viewer, &fields).await {
        Ok((site, form)) => {
            let mut response = page::page(&GitHubAppPage {
                layout: Layout::new(&app, &viewer, &headers, "Create GitHub App", "")
                    .await?
                    .at("settings-connections"),
                host: site.host().to_owned(),
                organization: fields.text("organization").trim().to_owned(),
                form,
            })?;
            let to = FormsTo(site.origin().to_owned());
            response.extensions_mut().insert(to);
            Ok(response)
        }
        Err(Problem::Invalid(errors)) => refused(&app, &viewer, &headers, fields, errors).await,
        Err(problem) => Err(problem),
    }
}

async fn begin(app: &App, viewer: &Viewer, fields: &Fields) -> Result<(GitHubSite, ManifestForm)> {
    // The field has a name of its own, because another form of the page has one too.
    let renamed = |problem: Problem| match problem {
        Problem::Invalid(mut errors) => {
            if let Some(words) = errors.remove("name") {
                errors.insert("app_name", words);
            }
            Problem::Invalid(errors)
        }
        problem => problem,
    };
    let site = GitHubSite::parse(fields.text("site"))?;
    // Before anyone is sent there: without the API, the App would be of no use.
    let reachable = app.outgoing.check(site.api()).await;
    reachable.map_err(|error| Problem::field("site", format!("{error}.")))?;
    let named = (fields.text("app_name"), fields.text("organization"));
    let form = app
        .store
        .change(&viewer.actor(), |change, _| {
            let account = viewer.person.id;
            Box::pin(github_app::begin(
                change,
                account,
                named,
                &site,
                &app.public_url,
            ))
        })
        .await
        .map_err(renamed)?
        .value;
    Ok((site, form))
}

/// What GitHub sends the browser back with.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct ReturnQuery {
    code: String,
    state: String,
}

/// `GET /settings/connections/github-app/created`: the browser comes back from GitHub. The state makes sure that this person
/// has been sent there.
pub(crate) async fn github_app_created(
    State(app): State<App>,
    viewer: Viewer,
    headers: HeaderMap,
    Query(returned): Query<ReturnQuery>,
) -> Result<Response> {
    team_access::require_workspace_admin(&viewer)?;
    viewer.require_session_for_links()?;
    if returned.state.is_empty() && returned.code.is_empty() {
        return Ok(Redirect::to("/settings/connections#github-app").into_response());
    }
    match finish(&app, &viewer, &returned).await? {
        Ok(connection) => {
            let page = format!("/settings/connections/{connection}?did=created");
            Ok(Redirect::to(&page).into_response())
        }
        Err(words) => {
            let errors = BTreeMap::from([("app", words)]);
            refused(&app, &viewer, &headers, Fields::default(), errors).await
        }
    }
}

async fn finish(
    app: &App,
    viewer: &Viewer,
    returned: &ReturnQuery,
) -> Result<std::result::Result<uuid::Uuid, String>> {
    let actor = viewer.actor();
    let (account, state) = (viewer.person.id, returned.state.as_str());
    let found = github_app::find(&app.db, account, state, app.clock.now()).await?;
    let Some(request) = found else {
        let words = "This way back from GitHub was used before, is more than an hour old, or was form by another person. \
                     Nothing was added. Begin again below.";
        return Ok(Err(words.to_owned()));
    };
    let site = GitHubSite::parse(&request.site)?;
    match site.exchange(&app.outgoing, &returned.code).await {
        Ok(created) => {
            let added = app
                .store
                .change(&actor, |change, _| {
                    Box::pin(github_app::finish(change, &request, &created))
                })
                .await;
            match added {
                Ok(added) => Ok(Ok(added.value)),
                Err(Problem::Invalid(errors)) => Ok(Err(not_added(
                    &errors.into_values().collect::<Vec<_>>().join(" "),
                ))),
                Err(problem) => Err(problem),
            }
        }
        Err(reason) => Ok(Err(not_added(&format!("{reason}.")))),
    }
}

fn not_added(reason: &str) -> String {
    format!(
        "The GitHub App was not connected: {reason} Nothing was added here. Reload this page to try again within the hour. \
         Otherwise, delete the App at GitHub in its settings, under Advanced, and begin again below."
    )
}
