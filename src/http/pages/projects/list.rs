//! The list of projects and the form of a new one.

use std::collections::BTreeMap;

use askama::Template;
use axum::{
    extract::State,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Redirect, Response},
};
use uuid::Uuid;

use crate::{
    app::App,
    domain::{
        error::{Problem, Result},
        goals::contributions,
        measure::{Measure, part},
        policy::{
            team_access::{self, TeamAccess},
            viewer::Viewer,
        },
        projects::{
            combined_progress,
            edit::{self, Draft},
            queries::{self, Project},
            read_target,
        },
        team::Team,
    },
    http::{extract::form::Fields, layout::Layout, page},
};

#[derive(Template)]
#[template(path = "projects/projects.html")]
struct ProjectsPage {
    layout: Layout,
    rows: Vec<Row>,
    form: ProjectForm,
}

/// A row of the list.
struct Row {
    project: Project,
    team: Team,
    figure: String,
    is: i64,
}

/// The fields of the project form.
#[derive(Template)]
#[template(path = "projects/_project_form.html")]
pub(crate) struct ProjectForm {
    /// The form's action.
    pub(crate) action: String,
    pub(crate) current: Option<Project>,
    /// The teams that can lead a new project.
    pub(crate) teams: Vec<Team>,
    pub(crate) key_results: Vec<(Uuid, String)>,
    pub(crate) submitted: Fields,
    pub(crate) errors: BTreeMap<&'static str, String>,
}

// The template escapes its own text.
impl askama::filters::HtmlSafe for ProjectForm {}

impl ProjectForm {
    fn error(&self, field: &str) -> &str {
        self.errors.get(field).map_or("", String::as_str)
    }

    /// The entered value, or the current one.
    fn value(&self, field: &str) -> String {
        if !self.errors.is_empty() {
            return self.submitted.text(field).to_owned();
        }
        let Some(current) = &self.current else {
            return String::new();
        };
        match field {
            "name" => current.name.clone(),
            "about" => current.about.clone(),
            "measure" => current.measure.to_string(),
            "unit" => current.unit.clone(),
            "target" => current.target.to_string(),
            "manual_value" => current
                .manual_value
                .map_or(String::new(), |value| value.to_string()),
            "key_result" => current
                .key_result_id
                .map_or(String::new(), |id| id.to_string()),
            _ => String::new(),
        }
    }

    fn is(&self, field: &str, value: impl ToString) -> bool {
        self.value(field) == value.to_string()
    }
}

/// `GET /projects`
pub(crate) async fn projects(
    State(app): State<App>,
    viewer: Viewer,
    headers: HeaderMap,
) -> Result<Response> {
    page::page(&projects_page(&app, &viewer, &headers, Fields::default(), BTreeMap::new()).await?)
}

async fn projects_page(
    app: &App,
    viewer: &Viewer,
    headers: &HeaderMap,
    submitted: Fields,
    errors: BTreeMap<&'static str, String>,
) -> Result<ProjectsPage> {
    let teams = team_access::teams(&app.db, viewer).await?;
    let ids: Vec<Uuid> = teams.iter().map(|access| access.team.id).collect();
    let projects = queries::projects(&app.db, &ids).await?;
    let goals = contributions::load_contributions(
        &app.db,
        &projects
            .iter()
            .map(|project| project.id)
            .collect::<Vec<_>>(),
        &[],
        &ids,
    )
    .await?;
    let row = |project: Project| {
        let of_it = goals
            .iter()
            .filter(|goal| goal.project == Some(project.id))
            .map(contributions::Contribution::figure);
        let current = project
            .manual_value
            .unwrap_or_else(|| combined_progress(project.measure, of_it));
        let team = teams
            .iter()
            .find(|access| access.team.id == project.team_id)
            .map(|access| access.team.clone())?;
        Some(Row {
            figure: project.measure.figure(current, project.target),
            is: part(current, project.target),
            project,
            team,
        })
    };
    let form = ProjectForm {
        action: "/projects".to_owned(),
        current: None,
        key_results: queries::selectable_key_results(&app.db, &ids).await?,
        teams: may_lead(teams.clone()),
        submitted,
        errors,
    };
    let layout = Layout::new(app, viewer, headers, "Projects", "")
        .await?
        .at("projects");
    Ok(ProjectsPage {
        layout,
        rows: projects.into_iter().filter_map(row).collect(),
        form,
    })
}

fn may_lead(teams: Vec<TeamAccess>) -> Vec<Team> {
    teams
        .into_iter()
        .filter(|access| access.may_edit)
        .map(|access| access.team)
        .collect()
}

/// `POST /projects`
pub(crate) async fn add_project(
    State(app): State<App>,
    viewer: Viewer,
    headers: HeaderMap,
    fields: Fields,
) -> Result<Response> {
    let team = team_access::team(&app.db, &viewer, fields.text("team"))
        .await?
        .require_edit()?
        .team;
    let outcome = match read_draft(&fields) {
        Ok(draft) => {
            let actor = viewer.actor();
            app.store
                .change(&actor, |change, _| {
                    Box::pin(edit::add_project(change, &team, &draft))
                })
                .await
        }
        Err(problem) => Err(problem),
    };
    match outcome {
        Ok(changed) => Ok(Redirect::to(&format!("/projects/{}", changed.value)).into_response()),
        Err(Problem::Invalid(errors)) => {
            let page = projects_page(&app, &viewer, &headers, fields, errors).await?;
            page::with_errors(StatusCode::UNPROCESSABLE_ENTITY, &page)
        }
        Err(problem) => Err(problem),
    }
}

/// Reads a project from the form's fields.
pub(crate) fn read_draft(fields: &Fields) -> Result<Draft> {
    let measure = Measure::try_from(fields.get("measure").unwrap_or("count").to_owned())?;
    let result = fields.text("key_result").trim();
    let no_result = |_| Problem::field("key_result", "This key result no longer exists.");
    Ok(Draft {
        name: fields.text("name").to_owned(),
        about: crate::domain::text::plain_lines(fields.text("about")),
        measure,
        unit: fields.text("unit").to_owned(),
        target: read_target(measure, fields.text("target"))?,
        manual_value: fields.parse("manual_value", "Enter a whole number of 0 or more.")?,
        key_result: (!result.is_empty())
            .then(|| result.parse().map_err(no_result))
            .transpose()?,
    })
}
