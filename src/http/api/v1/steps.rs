//! The steps of a task's checklist as JSON, with the same domain functions as the pages.

use axum::{
    Json,
    extract::{Query, State},
    http::StatusCode,
};
use serde::Deserialize;
use uuid::Uuid;

use crate::{
    app::App,
    db::pool::Pool,
    domain::{
        error::{Problem, Result},
        policy::task_access::TaskAccess,
        tasks::{checklist, task_details::load_task},
    },
    http::{
        api::v1::{
            page::{Page, Paging},
            step_response::StepResponse,
            written::{created, done},
        },
        extract::{form::JsonBody, path::ObjectId, task::TaskContext},
    },
};

/// A new step.
#[derive(Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct StepIn {
    /// The text, not empty.
    #[schema(required, example = "Announce the read-only window")]
    text: String,
}

/// Whether a step is done.
#[derive(Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct StepPatch {
    /// Whether the step is done.
    #[schema(required, value_type = bool, example = json!(true))]
    done: Option<bool>,
}

async fn one(db: &Pool, access: &TaskAccess, step: Uuid) -> Result<Json<StepResponse>> {
    let task = load_task(db, &access.team, access.id).await?;
    let mut steps = task.steps.into_iter();
    let found = steps.find(|found| found.id == step);
    Ok(Json(found.ok_or(Problem::NotFound)?.into()))
}

/// Returns the steps of a task's checklist, in order.
#[utoipa::path(
    get,
    path = "/api/v1/tasks/{key}/steps",
    operation_id = "list_steps",
    tag = "tasks",
    params(Paging),
    responses((status = 200, description = "The steps, in order", body = Page<StepResponse>)),
)]
pub(crate) async fn list(
    State(db): State<Pool>,
    TaskContext { access, .. }: TaskContext,
    Query(paging): Query<Paging>,
) -> Result<Json<Page<StepResponse>>> {
    let task = load_task(&db, &access.team, access.id).await?;
    let page = paging.cut(task.steps, |step| step.id.to_string())?;
    Ok(Json(page.map(StepResponse::from)))
}

/// Adds a step at the end of a task's checklist.
#[utoipa::path(
    post,
    path = "/api/v1/tasks/{key}/steps",
    operation_id = "add_step",
    tag = "tasks",
    request_body = StepIn,
    responses(
        (status = 201, description = "The step", body = StepResponse),
        (status = 422, description = "The text is empty or too long"),
    ),
)]
pub(crate) async fn add(
    State(app): State<App>,
    at: TaskContext,
    JsonBody(sent): JsonBody<StepIn>,
) -> Result<(StatusCode, Json<StepResponse>)> {
    let TaskContext { viewer, access } = at.require_edit()?;
    let outcome = app
        .store
        .change(&viewer.actor(), |change, _| {
            Box::pin(checklist::add_step(
                change,
                &access.team,
                access.id,
                &sent.text,
            ))
        })
        .await;
    let step = created(&app.db, access.team.id, "id", outcome).await?;
    Ok((StatusCode::CREATED, one(&app.db, &access, step).await?))
}

/// Completes or reopens a step.
#[utoipa::path(
    patch,
    path = "/api/v1/tasks/{key}/steps/{id}",
    operation_id = "edit_step",
    tag = "tasks",
    request_body = StepPatch,
    responses(
        (status = 200, description = "The step", body = StepResponse),
        (status = 422, description = "The field is invalid"),
    ),
)]
pub(crate) async fn edit(
    State(app): State<App>,
    at: TaskContext,
    ObjectId(step): ObjectId,
    JsonBody(sent): JsonBody<StepPatch>,
) -> Result<Json<StepResponse>> {
    let TaskContext { viewer, access } = at.require_edit()?;
    let is_done = sent
        .done
        .ok_or_else(|| Problem::field("done", "Enter true or false."))?;
    let outcome = app
        .store
        .change(&viewer.actor(), |change, _| {
            Box::pin(checklist::set_step_done(
                change,
                &access.team,
                access.id,
                step,
                is_done,
            ))
        })
        .await;
    done(outcome)?;
    one(&app.db, &access, step).await
}

/// Deletes a step.
#[utoipa::path(
    delete,
    path = "/api/v1/tasks/{key}/steps/{id}",
    operation_id = "delete_step",
    tag = "tasks",
    responses((status = 204, description = "The step is deleted")),
)]
pub(crate) async fn remove(
    State(app): State<App>,
    at: TaskContext,
    ObjectId(step): ObjectId,
) -> Result<StatusCode> {
    let TaskContext { viewer, access } = at.require_edit()?;
    let outcome = app
        .store
        .change(&viewer.actor(), |change, _| {
            Box::pin(checklist::remove_step(
                change,
                &access.team,
                access.id,
                step,
            ))
        })
        .await;
    done(outcome)?;
    Ok(StatusCode::NO_CONTENT)
}
