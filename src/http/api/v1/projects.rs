//! Projects as JSON, with the same domain functions as the pages.

use std::collections::HashMap;

use axum::{
    Json,
    extract::{Query, State},
    http::StatusCode,
};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{
    app::App,
    domain::{
        error::{Problem, Result},
        goals::contributions::{Contribution, load_contributions},
        measure::{Measure, part},
        policy::{team_access, viewer::Viewer},
        projects::{
            combined_progress,
            edit::{self, Draft},
            queries::{self, Project},
            read_target,
        },
        text::plain_lines,
    },
    http::{
        api::v1::{
            page::{Page, Paging},
            patch::{present, value},
            written::{created, done},
        },
        extract::{form::JsonBody, path::ProjectContext},
    },
};

/// A project, which spans sprints.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct ProjectResponse {
    #[serde(skip)]
    id: Uuid,
    /// The slug, as in URLs.
    #[schema(example = "postgres-17")]
    slug: String,
    /// The name.
    #[schema(example = "Postgres 17")]
    name: String,
    /// The slug of the team that leads it.
    #[schema(example = "infrastructure")]
    team: String,
    /// The description in Markdown.
    #[schema(example = "All databases on one version.")]
    about: String,
    /// What is measured: `count`, `share` (percent) or `yes-no`.
    #[schema(example = "count")]
    measure: &'static str,
    /// The unit of a count.
    #[schema(example = "databases")]
    unit: String,
    /// The value to reach.
    #[schema(example = 12)]
    target: i64,
    /// The current value.
    #[schema(example = 5)]
    current: i64,
    /// Both in words.
    #[schema(example = "5 / 12")]
    figure: String,
    /// The progress, in percent.
    #[schema(example = 41)]
    progress: i64,
    /// The current value if it is entered manually; null if the goals' progress is added up.
    #[schema(example = 5)]
    manual_value: Option<i64>,
    /// The id of the key result that it contributes to; null without one.
    #[schema(example = "0193733e-8f2a-7cc1-b2a4-6d3c1f0e9a59")]
    key_result: Option<Uuid>,
    /// When it was finished; null while it goes on.
    #[serde(with = "time::serde::rfc3339::option")]
    #[schema(example = "2026-11-24T09:12:30Z")]
    finished_at: Option<OffsetDateTime>,
}

/// The projects that the viewer can see; unfinished ones first.
async fn visible(app: &App, viewer: &Viewer) -> Result<Vec<ProjectResponse>> {
    let seen = team_access::teams(&app.db, viewer).await?;
    let slugs: HashMap<Uuid, String> = seen
        .into_iter()
        .map(|access| (access.team.id, access.team.slug))
        .collect();
    let ids: Vec<Uuid> = slugs.keys().copied().collect();
    let projects = queries::projects(&app.db, &ids).await?;
    let of: Vec<Uuid> = projects.iter().map(|project| project.id).collect();
    let goals = load_contributions(&app.db, &of, &[], &ids).await?;
    let results: Vec<Uuid> = projects
        .iter()
        .filter_map(|project| project.key_result_id)
        .collect();
    let results = queries::key_results_of(&app.db, &results, &ids).await?;
    let response = |project: Project| {
        let figures = goals
            .iter()
            .filter(|goal| goal.project == Some(project.id))
            .map(Contribution::figure);
        let current = project
            .manual_value
            .unwrap_or_else(|| combined_progress(project.measure, figures));
        ProjectResponse {
            team: slugs.get(&project.team_id).cloned().unwrap_or_default(),
            figure: project.measure.figure(current, project.target),
            progress: part(current, project.target),
            id: project.id,
            slug: project.slug,
            name: project.name,
            about: project.about,
            measure: project.measure.as_str(),
            unit: project.unit,
            target: project.target,
            current,
            manual_value: project.manual_value,
            key_result: project.key_result_id.filter(|id| results.contains(id)),
            finished_at: project.finished_at,
        }
    };
    Ok(projects.into_iter().map(response).collect())
}

async fn one(app: &App, viewer: &Viewer, project: Uuid) -> Result<Json<ProjectResponse>> {
    let mut projects = visible(app, viewer).await?.into_iter();
    let found = projects.find(|found| found.id == project);
    found.map(Json).ok_or(Problem::NotFound)
}

/// Returns the projects that the token's owner can see; unfinished ones first.
#[utoipa::path(
    get,
    path = "/api/v1/projects",
    operation_id = "list_projects",
    tag = "projects",
    params(Paging),
    responses((status = 200, description = "The projects, by name", body = Page<ProjectResponse>)),
)]
pub(crate) async fn list(
    State(app): State<App>,
    viewer: Viewer,
    Query(paging): Query<Paging>,
) -> Result<Json<Page<ProjectResponse>>> {
    let projects = visible(&app, &viewer).await?;
    Ok(Json(paging.cut(projects, |project| project.slug.clone())?))
}

/// Returns a project.
#[utoipa::path(
    get,
    path = "/api/v1/projects/{slug}",
    operation_id = "get_project",
    tag = "projects",
    responses((status = 200, description = "The project", body = ProjectResponse)),
)]
pub(crate) async fn get(
    State(app): State<App>,
    at: ProjectContext,
) -> Result<Json<ProjectResponse>> {
    one(&app, &at.viewer, at.project).await
}

/// A new project.
#[derive(Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ProjectIn {
    /// The slug of the team that leads it.
    #[schema(required, example = "infrastructure")]
    team: String,
    /// The name.
    #[schema(required, example = "Postgres 17")]
    name: String,
    /// The description in Markdown.
    #[schema(example = "All databases on one version.")]
    about: String,
    /// What is measured: `count` (which is the default), `share` (percent) or `yes-no`.
    #[schema(example = "count")]
    measure: Option<String>,
    /// The unit of a count.
    #[schema(example = "databases")]
    unit: String,
    /// The value to reach; not needed for `yes-no`.
    #[schema(example = 12)]
    target: Option<i64>,
    /// The current value, entered manually; without it, the goals' progress is added up.
    #[schema(example = 5)]
    manual_value: Option<i64>,
    /// The id of the key result that it contributes to.
    #[schema(example = "0193733e-8f2a-7cc1-b2a4-6d3c1f0e9a59")]
    key_result: Option<Uuid>,
}

fn checked_target(measure: Measure, target: Option<i64>) -> Result<i64> {
    read_target(
        measure,
        &target.map_or(String::new(), |target| target.to_string()),
    )
}

/// Creates a project, which one team leads.
#[utoipa::path(
    post,
    path = "/api/v1/projects",
    operation_id = "create_project",
    tag = "projects",
    request_body = ProjectIn,
    responses(
        (status = 201, description = "The created project", body = ProjectResponse),
        (status = 422, description = "A field is invalid"),
    ),
)]
pub(crate) async fn create(
    State(app): State<App>,
    viewer: Viewer,
    JsonBody(sent): JsonBody<ProjectIn>,
) -> Result<(StatusCode, Json<ProjectResponse>)> {
    let team = team_access::team(&app.db, &viewer, &sent.team)
        .await?
        .require_edit()?
        .team;
    let measure = Measure::try_from(sent.measure.unwrap_or_else(|| "count".to_owned()))?;
    let draft = Draft {
        name: sent.name,
        about: plain_lines(&sent.about),
        measure,
        unit: sent.unit,
        target: checked_target(measure, sent.target)?,
        manual_value: sent.manual_value,
        key_result: sent.key_result,
    };
    let outcome = app
        .store
        .change(&viewer.actor(), |change, _| {
            Box::pin(edit::add_project(change, &team, &draft))
        })
        .await;
    let project = match outcome {
        Ok(changed) => {
            team_access::project(&app.db, &viewer, &changed.value)
                .await?
                .1
        }
        Err(problem) => created(&app.db, team.id, "project", Err(problem)).await?,
    };
    Ok((StatusCode::CREATED, one(&app, &viewer, project).await?))
}

/// The fields of a project to change. Fields that are left out stay as they are.
#[derive(Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ProjectPatch {
    /// The name. The slug stays.
    #[serde(deserialize_with = "value")]
    #[schema(example = "Postgres 17")]
    name: Option<String>,
    /// The description in Markdown.
    #[serde(deserialize_with = "value")]
    #[schema(example = "All databases on one version.")]
    about: Option<String>,
    /// What is measured: `count`, `share` (percent) or `yes-no`.
    #[serde(deserialize_with = "value")]
    #[schema(example = "count")]
    measure: Option<String>,
    /// The unit of a count.
    #[serde(deserialize_with = "value")]
    #[schema(example = "databases")]
    unit: Option<String>,
    /// The value to reach.
    #[serde(deserialize_with = "value")]
    #[schema(example = 14)]
    target: Option<i64>,
    /// The current value, entered manually; `null` to add up the goals' progress.
    #[serde(deserialize_with = "present")]
    #[schema(value_type = Option<i64>, example = 5)]
    manual_value: Option<Option<i64>>,
    /// The id of the key result that it contributes to; `null` for none.
    #[serde(deserialize_with = "present")]
    #[schema(value_type = Option<Uuid>, example = "0193733e-8f2a-7cc1-b2a4-6d3c1f0e9a59")]
    key_result: Option<Option<Uuid>>,
}

/// Edits a project.
#[utoipa::path(
    patch,
    path = "/api/v1/projects/{slug}",
    operation_id = "edit_project",
    tag = "projects",
    request_body = ProjectPatch,
    responses(
        (status = 200, description = "The project", body = ProjectResponse),
        (status = 422, description = "A field is invalid"),
    ),
)]
pub(crate) async fn edit(
    State(app): State<App>,
    at: ProjectContext,
    JsonBody(sent): JsonBody<ProjectPatch>,
) -> Result<Json<ProjectResponse>> {
    let (viewer, team, project) = at.require_edit()?;
    // A key result that the viewer cannot see is kept as one that was not sent.
    let Json(current) = one(&app, &viewer, project).await?;
    let measure = sent.measure.unwrap_or_else(|| current.measure.to_owned());
    let measure = Measure::try_from(measure)?;
    let draft = Draft {
        name: sent.name.unwrap_or(current.name),
        about: plain_lines(&sent.about.unwrap_or(current.about)),
        measure,
        unit: sent.unit.unwrap_or(current.unit),
        target: checked_target(measure, sent.target.or(Some(current.target)))?,
        manual_value: sent.manual_value.unwrap_or(current.manual_value),
        key_result: sent.key_result.unwrap_or(current.key_result),
    };
    let outcome = app
        .store
        .change(&viewer.actor(), |change, _| {
            Box::pin(edit::edit_project(change, &team, project, &draft))
        })
        .await;
    done(outcome)?;
    one(&app, &viewer, project).await
}

/// Finishes a project: lists have it after those that go on.
#[utoipa::path(
    put,
    path = "/api/v1/projects/{slug}/finished",
    operation_id = "finish_project",
    tag = "projects",
    responses((status = 200, description = "The project", body = ProjectResponse)),
)]
pub(crate) async fn finish(
    State(app): State<App>,
    at: ProjectContext,
) -> Result<Json<ProjectResponse>> {
    set_finished(app, at, true).await
}

/// Resumes a finished project.
#[utoipa::path(
    delete,
    path = "/api/v1/projects/{slug}/finished",
    operation_id = "resume_project",
    tag = "projects",
    responses((status = 200, description = "The project", body = ProjectResponse)),
)]
pub(crate) async fn resume(
    State(app): State<App>,
    at: ProjectContext,
) -> Result<Json<ProjectResponse>> {
    set_finished(app, at, false).await
}

async fn set_finished(
    app: App,
    at: ProjectContext,
    finished: bool,
) -> Result<Json<ProjectResponse>> {
    let (viewer, team, project) = at.require_edit()?;
    let outcome = app
        .store
        .change(&viewer.actor(), |change, _| {
            Box::pin(edit::finish_project(change, &team, project, finished))
        })
        .await;
    done(outcome)?;
    one(&app, &viewer, project).await
}
