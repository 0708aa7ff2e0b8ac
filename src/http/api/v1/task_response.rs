//! The responses of the task operations.

use axum::{
    Json,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};
use sqlx::PgPool;
use uuid::Uuid;

use crate::{
    app::App,
    domain::{
        error::{Problem, Result},
        events::Changed,
        tasks::queries,
        team::Team,
    },
};

/// A task as JSON, with everything that its page shows.
pub(crate) async fn task_json(db: &PgPool, team: &Team, task: Uuid) -> Result<Value> {
    let whole = queries::load_task(db, team, task).await?;
    let mut body = serde_json::to_value(&whole.card).map_err(anyhow::Error::from)?;
    body["description"] = json!(whole.description);
    body["project"] = json!(whole.project);
    body["checklist"] = whole
        .steps
        .iter()
        .map(|step| json!({ "text": step.text, "done": step.done }))
        .collect();
    Ok(body)
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
            let touched = queries::touched_by(&app.db, team.id, change)
                .await?
                .map(|(task, _)| task);
            touched.or(task).ok_or(Problem::DoneBefore { change })?
        }
        (Err(problem), _) => return Err(problem),
        (Ok(_), None) => return Err(Problem::NotFound),
    };
    Ok((status, Json(task_json(&app.db, team, task).await?)).into_response())
}
