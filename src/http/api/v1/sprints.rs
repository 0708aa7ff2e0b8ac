//! Sprints as JSON.

use axum::{Json, extract::State};
use serde_json::{Value, json};

use crate::{
    app::App,
    domain::{error::Result, policy::viewer::Viewer, sprints::queries},
};

/// The sprints of the workspace, the newest first.
#[utoipa::path(get, path = "/api/v1/sprints", tag = "sprints", responses((status = 200, description = "All sprints, the newest first")))]
pub async fn list(State(app): State<App>, _viewer: Viewer) -> Result<Json<Value>> {
    Ok(Json(json!({ "sprints": queries::sprints(&app.db).await? })))
}
