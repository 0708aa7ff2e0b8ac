//! Sprints as JSON.

use axum::{Json, extract::State};
use serde::Serialize;

use crate::{
    db::pool::Pool,
    domain::{
        error::Result,
        policy::viewer::Viewer,
        sprints::{Sprint, queries},
    },
};

/// The sprints of the workspace.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct SprintList {
    /// All sprints, the newest first.
    sprints: Vec<Sprint>,
}

/// Returns the sprints of the workspace, the newest first.
#[utoipa::path(
    get,
    path = "/api/v1/sprints",
    operation_id = "list_sprints",
    tag = "sprints",
    responses((status = 200, description = "All sprints, the newest first", body = SprintList)),
)]
pub async fn list(State(db): State<Pool>, _viewer: Viewer) -> Result<Json<SprintList>> {
    Ok(Json(SprintList {
        sprints: queries::sprints(&db).await?,
    }))
}
