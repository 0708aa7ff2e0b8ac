//! Sprints as JSON.

use axum::{Json, extract::State};
use serde_json::{Value, json};
use sqlx::PgPool;

use crate::domain::{error::Result, policy::viewer::Viewer, sprints::queries};

/// The sprints of the workspace, the newest first.
#[utoipa::path(get, path = "/api/v1/sprints", tag = "sprints", responses((status = 200, description = "All sprints, the newest first")))]
pub async fn list(State(db): State<PgPool>, _viewer: Viewer) -> Result<Json<Value>> {
    Ok(Json(json!({ "sprints": queries::sprints(&db).await? })))
}
