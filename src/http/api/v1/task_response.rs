//! The responses of the task operations.

use axum::{
    Json,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde::Serialize;
use uuid::Uuid;

use crate::{
    app::App,
    db::pool::Pool,
    domain::{
        error::{Problem, Result},
        events::Changed,
        tasks::{Card, lookup, task_details},
        team::Team,
    },
    http::api::v1::step_response::StepResponse,
};

/// A task, with everything that its page shows.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct TaskResponse {
    #[serde(flatten)]
    card: Card,
    /// The description in Markdown.
    #[schema(example = "Copy and swap, table by table. The runbook is in the wiki.")]
    description: String,
    /// The slug of the project that the task itself belongs to; null without one.
    #[schema(example = "postgres-17")]
    project: Option<String>,
    /// The steps of the checklist, in order.
    checklist: Vec<StepResponse>,
}

/// Loads a task for a response.
pub(crate) async fn task_response(db: &Pool, team: &Team, task: Uuid) -> Result<TaskResponse> {
    let task = task_details::load_task(db, team, task).await?;
    Ok(TaskResponse {
        card: task.card,
        description: task.description,
        project: task.project,
        checklist: task.steps.into_iter().map(StepResponse::from).collect(),
    })
}

/// The response to a write: the task. A repeated write returns the current state of what the first
/// one created.
pub(crate) async fn respond<T>(
    app: &App,
    team: &Team,
    task: Option<Uuid>,
    outcome: Result<Changed<T>>,
    status: StatusCode,
) -> Result<Response> {
    let task = match (outcome, task) {
        (Ok(_), Some(task)) => task,
        (Err(Problem::DoneBefore { change }), task) => {
            let touched = lookup::touched_by(&app.db, team.id, change)
                .await?
                .map(|(task, _)| task);
            touched.or(task).ok_or(Problem::DoneBefore { change })?
        }
        (Err(problem), _) => return Err(problem),
        (Ok(_), None) => return Err(Problem::NotFound),
    };
    Ok((status, Json(task_response(&app.db, team, task).await?)).into_response())
}
