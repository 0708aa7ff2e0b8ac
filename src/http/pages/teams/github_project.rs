//! A connected project of GitHub: what connecting it would do, what is kept in sync, and how that goes.

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
        boards::{self, Column},
        error::{Problem, Result},
        github_projects::{
            api::Api,
            connect::{self, Choices},
            connected::{self, ConnectedProject, ItemProblem, State as ProjectState},
            defaults, mapping,
            preview::Preview,
            remote::{FieldOption, ProjectField},
            remote_items::FieldIds,
        },
        humanize,
        policy::viewer::Viewer,
        team::Team,
    },
    http::{
        extract::form::{self, Fields},
        layout::Layout,
        page,
        pages::teams::github_projects::{find, led, state_in_words, tasks_in_words, token},
    },
};

#[derive(Template)]
#[template(path = "teams/github_project.html")]
struct ProjectPage {
    layout: Layout,
    team: Team,
    project: ConnectedProject,
    columns: Vec<Column>,
    /// Connections to GitHub, by which people are known.
    sources: Vec<(Uuid, String)>,
    /// As the form shows them.
    choices: Choices,
    problems: Vec<ItemProblem>,
    errors: BTreeMap<&'static str, String>,
    now: OffsetDateTime,
}

/// The part of the URL that chooses the field whose options are shown.
#[derive(Deserialize)]
pub(crate) struct StatusField {
    #[serde(default)]
    status: String,
}

impl ProjectPage {
    fn error(&self, field: &str) -> &str {
        self.errors.get(field).map_or("", String::as_str)
    }

    fn path(&self) -> String {
        let (slug, id) = (&self.team.slug, self.project.id);
        format!("/teams/{slug}/settings/github-projects/{id}")
    }

    fn key(&self, number: &i64) -> String {
        format!("{}-{number}", self.team.key)
    }

    fn preview(&self) -> Option<&Preview> {
        self.project.preview.as_ref().map(|preview| &preview.0)
    }

    fn is_on(&self) -> bool {
        self.project.state == ProjectState::On
    }

    fn is_off(&self) -> bool {
        self.project.state == ProjectState::Off
    }

    fn tasks(&self) -> String {
        tasks_in_words(&self.project)
    }

    fn state(&self) -> String {
        let state = state_in_words(&self.project);
        match self.project.synced_at {
            Some(at) if self.is_on() => {
                format!("{state} · last look {}", humanize::ago(self.now, at))
            }
            _ => state.to_owned(),
        }
    }

    fn count(&self, count: &usize, what: &str) -> String {
        humanize::counted(*count, what)
    }

    fn hidden(&self) -> String {
        humanize::counted(self.project.hidden_items, "item")
    }

    /// How the last comparison of all items went: "2 h ago: 96 items compared, none differed".
    fn comparison(&self) -> String {
        let Some(at) = self.project.compared_at else {
            return "not finished yet".to_owned();
        };
        let different = self.project.different_items;
        let compared = humanize::counted(self.project.equal_items + different, "item");
        let differed = match different {
            0 => "none differed".to_owned(),
            count => format!("{count} differed before"),
        };
        let ago = humanize::ago(self.now, at);
        format!("{ago}: {compared} compared, {differed}")
    }

    /// Fields with values of one kind.
    fn fields<'p>(&'p self, kind: &'p str) -> impl Iterator<Item = &'p ProjectField> {
        self.project
            .fields
            .iter()
            .filter(move |field| field.data_type == kind)
    }

    fn has_several_statuses(&self) -> bool {
        self.fields("SINGLE_SELECT").count() > 1
    }

    fn status(&self) -> Option<&ProjectField> {
        self.project.field(self.choices.fields.status.as_deref())
    }

    fn options(&self) -> &[FieldOption] {
        self.status().map_or(&[], |field| field.options.as_slice())
    }

    fn is_status(&self, field: &ProjectField) -> bool {
        self.choices.fields.status.as_ref() == Some(&field.id)
    }

    /// The other choices: name, label, kind, and the id that is chosen.
    fn others(&self) -> [(&'static str, &'static str, &'static str, Option<&str>); 3] {
        let fields = &self.choices.fields;
        [
            (
                "sprint",
                "Sprint, read only",
                "ITERATION",
                fields.sprint.as_deref(),
            ),
            ("estimate", "Estimate", "NUMBER", fields.estimate.as_deref()),
            ("due", "Due date", "DATE", fields.due.as_deref()),
        ]
    }

    fn is_source(&self, connection: &Uuid) -> bool {
        self.choices.connection.as_ref() == Some(connection)
    }

    fn is_column_of(&self, option: &FieldOption, column: &Column) -> bool {
        let is = |(of, slug): &(String, String)| *of == option.id && *slug == column.slug;
        self.choices.columns.iter().any(is)
    }
}

/// `GET /teams/{slug}/settings/github-projects/{id}`
pub(crate) async fn github_project(
    State(app): State<App>,
    viewer: Viewer,
    Path((slug, id)): Path<(String, String)>,
    Query(wanted): Query<StatusField>,
    headers: HeaderMap,
) -> Result<Response> {
    let team = led(&app, &viewer, &slug).await?;
    let page = project_page(
        &app,
        &viewer,
        &headers,
        (team, form::id(&id)?),
        &wanted.status,
    );
    page::page(&page.await?)
}

async fn project_page(
    app: &App,
    viewer: &Viewer,
    headers: &HeaderMap,
    (team, id): (Team, Uuid),
    status: &str,
) -> Result<ProjectPage> {
    let project = connected::one(&app.db, team.id, id).await?;
    let title = format!("{}: {}", team.name, project.title);
    let layout = Layout::new(app, viewer, headers, title, &team.slug).await?;
    let columns = boards::queries::columns(&app.db, team.id).await?;
    let choices = choices(app, &project, &columns, status).await?;
    Ok(ProjectPage {
        layout: layout.at("settings"),
        sources: connected::login_sources(&app.db).await?,
        problems: connected::problems(&app.db, &project).await?,
        now: app.clock.now(),
        errors: BTreeMap::new(),
        team,
        project,
        columns,
        choices,
    })
}

/// What is chosen, or what is probably meant.
async fn choices(
    app: &App,
    project: &ConnectedProject,
    columns: &[Column],
    status: &str,
) -> Result<Choices> {
    let is_other = !status.is_empty() && project.field_ids.status.as_deref() != Some(status);
    if project.state == ProjectState::Preview || is_other {
        let defaults = defaults::choices(&project.fields, Some(status), columns);
        let fields = match project.state {
            ProjectState::Preview => defaults.fields,
            _ => FieldIds {
                status: defaults.fields.status,
                ..project.field_ids.clone()
            },
        };
        return Ok(Choices {
            fields,
            columns: defaults.columns,
            connection: project.connection_id,
        });
    }
    let chosen = mapping::columns(&mut *app.db.acquire().await?, project.id).await?;
    Ok(Choices {
        fields: project.field_ids.clone(),
        columns: chosen
            .into_iter()
            .map(|of| (of.option_id, of.slug))
            .collect(),
        connection: project.connection_id,
    })
}

/// `POST /teams/{slug}/settings/github-projects/{id}`: confirms it, or changes what is kept in sync.
pub(crate) async fn confirm_github_project(
    State(app): State<App>,
    viewer: Viewer,
    Path((slug, id)): Path<(String, String)>,
    headers: HeaderMap,
    fields: Fields,
) -> Result<Response> {
    let team = led(&app, &viewer, &slug).await?;
    viewer.require_session_for_links()?;
    let project = connected::one(&app.db, team.id, form::id(&id)?).await?;
    let choices = submitted(&project, &fields)?;
    let outcome = app
        .store
        .change(&viewer.actor(), |change, _| {
            Box::pin(connect::confirm(change, &team, project.id, &choices))
        })
        .await;
    match outcome {
        Ok(_) => Ok(back(&slug, project.id)),
        Err(Problem::Invalid(errors)) => {
            let of = (team, project.id);
            let status = choices.fields.status.clone().unwrap_or_default();
            let mut page = project_page(&app, &viewer, &headers, of, &status).await?;
            (page.choices, page.errors) = (choices, errors);
            page::with_errors(StatusCode::UNPROCESSABLE_ENTITY, &page)
        }
        Err(problem) => Err(problem),
    }
}

fn submitted(project: &ConnectedProject, fields: &Fields) -> Result<Choices> {
    let chosen = |name: &str| {
        let id = fields.text(name);
        (!id.is_empty()).then(|| id.to_owned())
    };
    let status = chosen("status");
    let options = project.field(status.as_deref());
    let columns = options
        .iter()
        .flat_map(|field| &field.options)
        .filter_map(|option| {
            let slug = fields.text(&format!("column-{}", option.id));
            (!slug.is_empty()).then(|| (option.id.clone(), slug.to_owned()))
        })
        .collect();
    Ok(Choices {
        fields: FieldIds {
            status,
            sprint: chosen("sprint"),
            estimate: chosen("estimate"),
            due: chosen("due"),
        },
        columns,
        connection: match fields.text("people") {
            "" => None,
            id => Some(form::id(id)?),
        },
    })
}

fn back(slug: &str, id: Uuid) -> Response {
    Redirect::to(&format!("/teams/{slug}/settings/github-projects/{id}")).into_response()
}

/// `POST /teams/{slug}/settings/github-projects/{id}/token`: replaces the token, after trying it.
pub(crate) async fn replace_github_token(
    State(app): State<App>,
    viewer: Viewer,
    Path((slug, id)): Path<(String, String)>,
    headers: HeaderMap,
    fields: Fields,
) -> Result<Response> {
    let team = led(&app, &viewer, &slug).await?;
    viewer.require_session_for_links()?;
    let project = connected::one(&app.db, team.id, form::id(&id)?).await?;
    match replace_token(&app, &viewer, &team, &project, &fields).await {
        Ok(()) => Ok(back(&slug, project.id)),
        Err(Problem::Invalid(errors)) => {
            let of = (team, project.id);
            let mut page = project_page(&app, &viewer, &headers, of, "").await?;
            // Whatever field it is about, the form has one.
            let words: Vec<String> = errors.into_values().collect();
            page.errors = BTreeMap::from([("token", words.join(" "))]);
            page::with_errors(StatusCode::UNPROCESSABLE_ENTITY, &page)
        }
        Err(problem) => Err(problem),
    }
}

async fn replace_token(
    app: &App,
    viewer: &Viewer,
    team: &Team,
    project: &ConnectedProject,
    fields: &Fields,
) -> Result<()> {
    let token = token(fields)?;
    let mut api = Api::new(&app.outgoing, &project.api_url, &token, app.clock.now())
        .map_err(|error| Problem::field("token", error.message))?;
    let found = find(&mut api, &project.owner, project.number).await?;
    if found.id != project.node_id {
        let message = "With this token, GitHub shows another project at this address.";
        return Err(Problem::field("token", message));
    }
    app.store
        .change(&viewer.actor(), |change, _| {
            Box::pin(connect::set_token(change, team, project.id, &token))
        })
        .await?;
    Ok(())
}

/// `POST /teams/{slug}/settings/github-projects/{id}/compare`: compares all items now.
pub(crate) async fn compare_github_project(
    State(app): State<App>,
    viewer: Viewer,
    Path((slug, id)): Path<(String, String)>,
) -> Result<Response> {
    let team = led(&app, &viewer, &slug).await?;
    let id = form::id(&id)?;
    app.store
        .change(&viewer.actor(), |change, _| {
            Box::pin(connect::compare_now(change, &team, id))
        })
        .await?;
    Ok(back(&slug, id))
}

/// `POST /teams/{slug}/settings/github-projects/{id}/disconnect`
pub(crate) async fn disconnect_github_project(
    State(app): State<App>,
    viewer: Viewer,
    Path((slug, id)): Path<(String, String)>,
) -> Result<Response> {
    let team = led(&app, &viewer, &slug).await?;
    let id = form::id(&id)?;
    app.store
        .change(&viewer.actor(), |change, _| {
            Box::pin(connect::disconnect(change, &team, id))
        })
        .await?;
    let to = format!("/teams/{slug}/settings/github-projects");
    Ok(Redirect::to(&to).into_response())
}
