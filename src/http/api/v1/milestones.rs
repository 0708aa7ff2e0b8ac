//! Milestones of projects as JSON, with the same domain functions as the pages.

use axum::{
    Json,
    extract::{Query, State},
    http::StatusCode,
};
use serde::{Deserialize, Serialize};
use time::{Date, OffsetDateTime};
use uuid::Uuid;

use crate::{
    app::App,
    db::pool::Pool,
    domain::{
        dates::parse_date,
        error::{Problem, Result},
        projects::{
            milestones,
            queries::{self, Milestone},
        },
    },
    http::{
        api::v1::{
            page::{Page, Paging},
            patch::{present, value},
            position::PositionIn,
            written::{created, done},
        },
        extract::{
            form::JsonBody,
            path::{ObjectId, ProjectContext},
        },
    },
};

/// A milestone of a project.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct MilestoneResponse {
    /// The id, as in URLs.
    #[schema(example = "0193733e-8f2a-7cc1-b2a4-6d3c1f0e9a58")]
    id: Uuid,
    /// The title.
    #[schema(example = "Payments moved")]
    title: String,
    /// The due date; null without one.
    #[schema(example = "2026-12-18")]
    due: Option<String>,
    /// When it was reached; null while it is not.
    #[serde(with = "time::serde::rfc3339::option")]
    #[schema(example = "2026-11-24T09:12:30Z")]
    reached_at: Option<OffsetDateTime>,
}

impl From<Milestone> for MilestoneResponse {
    fn from(milestone: Milestone) -> Self {
        Self {
            id: milestone.id,
            title: milestone.title,
            due: milestone.due_on.map(|day| day.to_string()),
            reached_at: milestone.reached_at,
        }
    }
}

/// A new milestone.
#[derive(Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct MilestoneIn {
    /// The title.
    #[schema(required, example = "Payments moved")]
    title: String,
    /// The due date as YYYY-MM-DD; by default none.
    #[schema(example = "2026-12-18")]
    due: Option<String>,
}

/// The fields of a milestone to change. Fields that are left out stay as they are.
#[derive(Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct MilestonePatch {
    /// The title.
    #[serde(deserialize_with = "value")]
    #[schema(example = "Payments moved")]
    title: Option<String>,
    /// The due date as YYYY-MM-DD; `null` for none.
    #[serde(deserialize_with = "present")]
    #[schema(value_type = Option<String>, example = "2026-12-18")]
    due: Option<Option<String>>,
}

fn read_due(text: Option<String>) -> Result<Option<Date>> {
    text.map(|text| {
        parse_date(&text).ok_or_else(|| Problem::field("due", "Enter a date as YYYY-MM-DD."))
    })
    .transpose()
}

async fn of_project(db: &Pool, team: Uuid, project: Uuid) -> Result<Vec<Milestone>> {
    let mut projects = queries::projects(db, &[team]).await?.into_iter();
    let project = projects.find(|found| found.id == project);
    queries::milestones(db, &project.ok_or(Problem::NotFound)?).await
}

async fn one(db: &Pool, team: Uuid, project: Uuid, milestone: Uuid) -> Result<Milestone> {
    let mut milestones = of_project(db, team, project).await?.into_iter();
    let found = milestones.find(|found| found.id == milestone);
    found.ok_or(Problem::NotFound)
}

/// Returns a project's milestones, in order.
#[utoipa::path(
    get,
    path = "/api/v1/projects/{slug}/milestones",
    operation_id = "list_milestones",
    tag = "projects",
    params(Paging),
    responses((status = 200, description = "The milestones, in order", body = Page<MilestoneResponse>)),
)]
pub(crate) async fn list(
    State(db): State<Pool>,
    at: ProjectContext,
    Query(paging): Query<Paging>,
) -> Result<Json<Page<MilestoneResponse>>> {
    let milestones = of_project(&db, at.access.team.id, at.project).await?;
    let page = paging.cut(milestones, |milestone| milestone.id.to_string())?;
    Ok(Json(page.map(MilestoneResponse::from)))
}

/// Adds a milestone as the last of its project.
#[utoipa::path(
    post,
    path = "/api/v1/projects/{slug}/milestones",
    operation_id = "create_milestone",
    tag = "projects",
    request_body = MilestoneIn,
    responses(
        (status = 201, description = "The created milestone", body = MilestoneResponse),
        (status = 422, description = "A field is invalid"),
    ),
)]
pub(crate) async fn create(
    State(app): State<App>,
    at: ProjectContext,
    JsonBody(sent): JsonBody<MilestoneIn>,
) -> Result<(StatusCode, Json<MilestoneResponse>)> {
    let (viewer, team, project) = at.require_edit()?;
    let due = read_due(sent.due)?;
    let outcome = app
        .store
        .change(&viewer.actor(), |change, _| {
            Box::pin(milestones::add_milestone(
                change,
                &team,
                project,
                &sent.title,
                due,
            ))
        })
        .await;
    let milestone = created(&app.db, team.id, "milestone", outcome).await?;
    let milestone = one(&app.db, team.id, project, milestone).await?;
    Ok((StatusCode::CREATED, Json(milestone.into())))
}

/// Edits a milestone.
#[utoipa::path(
    patch,
    path = "/api/v1/projects/{slug}/milestones/{id}",
    operation_id = "edit_milestone",
    tag = "projects",
    request_body = MilestonePatch,
    responses(
        (status = 200, description = "The milestone", body = MilestoneResponse),
        (status = 422, description = "A field is invalid"),
    ),
)]
pub(crate) async fn edit(
    State(app): State<App>,
    at: ProjectContext,
    ObjectId(milestone): ObjectId,
    JsonBody(sent): JsonBody<MilestonePatch>,
) -> Result<Json<MilestoneResponse>> {
    let (viewer, team, project) = at.require_edit()?;
    let current = one(&app.db, team.id, project, milestone).await?;
    let title = sent.title.unwrap_or(current.title);
    let due = match sent.due {
        Some(due) => read_due(due)?,
        None => current.due_on,
    };
    let outcome = app
        .store
        .change(&viewer.actor(), |change, _| {
            Box::pin(milestones::edit_milestone(
                change, &team, milestone, &title, due,
            ))
        })
        .await;
    done(outcome)?;
    let milestone = one(&app.db, team.id, project, milestone).await?;
    Ok(Json(milestone.into()))
}

/// Moves a milestone one place up or down in its project.
#[utoipa::path(
    put,
    path = "/api/v1/projects/{slug}/milestones/{id}/position",
    operation_id = "move_milestone",
    tag = "projects",
    request_body = PositionIn,
    responses((status = 200, description = "The milestone", body = MilestoneResponse)),
)]
pub(crate) async fn reorder(
    State(app): State<App>,
    at: ProjectContext,
    ObjectId(milestone): ObjectId,
    JsonBody(sent): JsonBody<PositionIn>,
) -> Result<Json<MilestoneResponse>> {
    let (viewer, team, project) = at.require_edit()?;
    one(&app.db, team.id, project, milestone).await?;
    let up = sent.is_up()?;
    let outcome = app
        .store
        .change(&viewer.actor(), |change, _| {
            Box::pin(milestones::reorder_milestone(change, &team, milestone, up))
        })
        .await;
    done(outcome)?;
    let milestone = one(&app.db, team.id, project, milestone).await?;
    Ok(Json(milestone.into()))
}

/// Marks a milestone as reached.
#[utoipa::path(
    put,
    path = "/api/v1/projects/{slug}/milestones/{id}/reached",
    operation_id = "reach_milestone",
    tag = "projects",
    responses((status = 200, description = "The milestone", body = MilestoneResponse)),
)]
pub(crate) async fn reach(
    State(app): State<App>,
    at: ProjectContext,
    ObjectId(milestone): ObjectId,
) -> Result<Json<MilestoneResponse>> {
    set_reached(app, at, milestone, true).await
}

/// Marks a milestone as not reached.
#[utoipa::path(
    delete,
    path = "/api/v1/projects/{slug}/milestones/{id}/reached",
    operation_id = "reopen_milestone",
    tag = "projects",
    responses((status = 200, description = "The milestone", body = MilestoneResponse)),
)]
pub(crate) async fn reopen(
    State(app): State<App>,
    at: ProjectContext,
    ObjectId(milestone): ObjectId,
) -> Result<Json<MilestoneResponse>> {
    set_reached(app, at, milestone, false).await
}

async fn set_reached(
    app: App,
    at: ProjectContext,
    milestone: Uuid,
    reached: bool,
) -> Result<Json<MilestoneResponse>> {
    let (viewer, team, project) = at.require_edit()?;
    one(&app.db, team.id, project, milestone).await?;
    let outcome = app
        .store
        .change(&viewer.actor(), |change, _| {
            Box::pin(milestones::reach_milestone(
                change, &team, milestone, reached,
            ))
        })
        .await;
    done(outcome)?;
    let milestone = one(&app.db, team.id, project, milestone).await?;
    Ok(Json(milestone.into()))
}

/// Deletes a milestone. Its goals stay with the project.
#[utoipa::path(
    delete,
    path = "/api/v1/projects/{slug}/milestones/{id}",
    operation_id = "delete_milestone",
    tag = "projects",
    responses((status = 204, description = "The milestone is deleted")),
)]
pub(crate) async fn remove(
    State(app): State<App>,
    at: ProjectContext,
    ObjectId(milestone): ObjectId,
) -> Result<StatusCode> {
    let (viewer, team, project) = at.require_edit()?;
    one(&app.db, team.id, project, milestone).await?;
    let outcome = app
        .store
        .change(&viewer.actor(), |change, _| {
            Box::pin(milestones::delete_milestone(change, &team, milestone))
        })
        .await;
    done(outcome)?;
    Ok(StatusCode::NO_CONTENT)
}
