//! A team's settings → GitHub Projects: the connected ones, and connecting another.

use std::collections::BTreeMap;

use askama::Template;
use axum::{
    extract::{Path, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Redirect, Response},
};
use uuid::Uuid;

use crate::{
    app::App,
    config::secret_text::SecretText,
    domain::{
        error::{Problem, Result},
        github_projects::{
            address,
            api::{Api, ApiError},
            connect::{self, NewConnection},
            connected::{self, ConnectedProject, State as ProjectState},
            preview::{self, MOST_PREVIEWED},
            remote::{self, RemoteProject},
        },
        policy::{team_access, viewer::Viewer},
        projects::{self, queries::Project},
        team::Team,
    },
    http::{extract::form::Fields, layout::Layout, page},
};

#[derive(Template)]
#[template(path = "teams/github_projects.html")]
struct ProjectsPage {
    layout: Layout,
    team: Team,
    connected: Vec<ConnectedProject>,
    /// The team's own projects.
    projects: Vec<Project>,
    submitted: Fields,
    errors: BTreeMap<&'static str, String>,
}

impl ProjectsPage {
    fn error(&self, field: &str) -> &str {
        self.errors.get(field).map_or("", String::as_str)
    }

    fn about(&self, project: &ConnectedProject) -> String {
        format!("{}, {}", project.name(), tasks_in_words(project))
    }

    fn state(&self, project: &ConnectedProject) -> &'static str {
        state_in_words(project)
    }
}

/// What is kept in sync with it, in words.
pub(super) fn tasks_in_words(project: &ConnectedProject) -> String {
    match &project.project {
        Some(name) => format!("the tasks of {name}"),
        None => "all tasks of the team".to_owned(),
    }
}

/// How it stands, in words.
pub(super) fn state_in_words(project: &ConnectedProject) -> &'static str {
    match project.state {
        ProjectState::Preview => "not confirmed yet",
        ProjectState::On if project.problem.is_empty() => "connected",
        ProjectState::On => "has a problem",
        ProjectState::Off => "disconnected",
    }
}

pub(super) async fn led(app: &App, viewer: &Viewer, slug: &str) -> Result<Team> {
    let access = team_access::team(&app.db, viewer, slug).await?;
    Ok(access.require_lead()?.team)
}

/// `GET /teams/{slug}/settings/github-projects`
pub(crate) async fn github_projects(
    State(app): State<App>,
    viewer: Viewer,
    Path(slug): Path<String>,
    headers: HeaderMap,
) -> Result<Response> {
    let team = led(&app, &viewer, &slug).await?;
    let nothing = (Fields::default(), BTreeMap::new());
    page::page(&projects_page(&app, &viewer, &headers, team, nothing).await?)
}

async fn projects_page(
    app: &App,
    viewer: &Viewer,
    headers: &HeaderMap,
    team: Team,
    (submitted, errors): (Fields, BTreeMap<&'static str, String>),
) -> Result<ProjectsPage> {
    let title = format!("{}: GitHub Projects", team.name);
    let layout = Layout::new(app, viewer, headers, title, &team.slug).await?;
    let mut projects = projects::queries::projects(&app.db, &[team.id]).await?;
    projects.retain(|project| project.finished_at.is_none());
    Ok(ProjectsPage {
        layout: layout.at("settings"),
        connected: connected::of_team(&app.db, team.id).await?,
        projects,
        team,
        submitted,
        errors,
    })
}

/// `POST /teams/{slug}/settings/github-projects`: finds the project, and shows what connecting it would do.
pub(crate) async fn preview_github_project(
    State(app): State<App>,
    viewer: Viewer,
    Path(slug): Path<String>,
    headers: HeaderMap,
    fields: Fields,
) -> Result<Response> {
    let team = led(&app, &viewer, &slug).await?;
    viewer.require_session_for_links()?;
    match connect(&app, &viewer, &team, &fields).await {
        Ok(id) => {
            let to = format!("/teams/{slug}/settings/github-projects/{id}");
            Ok(Redirect::to(&to).into_response())
        }
        Err(Problem::Invalid(errors)) => {
            let shown = (fields, errors);
            let page = projects_page(&app, &viewer, &headers, team, shown).await?;
            page::with_errors(StatusCode::UNPROCESSABLE_ENTITY, &page)
        }
        Err(problem) => Err(problem),
    }
}

async fn connect(app: &App, viewer: &Viewer, team: &Team, fields: &Fields) -> Result<Uuid> {
    let address = address::parse(fields.text("address"))?;
    let token = token(fields)?;
    let project = project_of(app, team, fields.text("project")).await?;
    app.outgoing
        .check(&address.api_url)
        .await
        .map_err(|error| Problem::field("address", format!("{error}.")))?;
    let (api_url, owner) = (address.api_url.as_str(), address.owner.as_str());
    let mut api = Api::new(&app.outgoing, api_url, &token, app.clock.now()).map_err(refused)?;
    let found = find(&mut api, owner, address.number).await?;
    let items = remote::list(&mut api, &found.id, MOST_PREVIEWED)
        .await
        .map_err(refused)?;
    let preview = preview::preview(&app.db, team, project, &items).await?;
    let new = NewConnection {
        api_url: address.api_url.clone(),
        token,
        owner: address.owner.clone(),
        number: address.number,
        project,
    };
    let added = app
        .store
        .change(&viewer.actor(), |change, _| {
            Box::pin(connect::add(change, team, &new, &found, &preview))
        })
        .await?;
    Ok(added.value)
}

/// The token that was entered.
pub(super) fn token(fields: &Fields) -> Result<SecretText> {
    match fields.text("token").trim() {
        token if !token.is_empty() && token.len() <= 500 && token.is_ascii() => {
            Ok(SecretText::from(token.to_owned()))
        }
        _ => Err(Problem::field(
            "token",
            "Enter a token, as GitHub shows it.",
        )),
    }
}

/// Finds a project that the token may change.
pub(super) async fn find(api: &mut Api<'_>, owner: &str, number: i32) -> Result<RemoteProject> {
    let found = remote::find_project(api, owner, number)
        .await
        .map_err(refused)?;
    let Some(found) = found else {
        let message = "GitHub shows no such project with this token. Check the address, and that the token has access to \
                       projects of this organization.";
        return Err(Problem::field("address", message));
    };
    if !found.may_edit {
        let message =
            "This token may only read the project. Enter one that may also write projects.";
        return Err(Problem::field("token", message));
    }
    Ok(found)
}

fn refused(error: ApiError) -> Problem {
    Problem::field("token", format!("{}.", error.message.trim_end_matches('.')))
}

/// The team's project with this slug; `None` for the whole board.
async fn project_of(app: &App, team: &Team, slug: &str) -> Result<Option<Uuid>> {
    if slug.is_empty() {
        return Ok(None);
    }
    let projects = projects::queries::projects(&app.db, &[team.id]).await?;
    let chosen = projects.into_iter().find(|project| project.slug == slug);
    let chosen = chosen.ok_or_else(|| {
        Problem::field(
            "project",
            "The team has no such project. Choose another one.",
        )
    })?;
    Ok(Some(chosen.id))
}
