//! A team's labels as JSON, with the same domain functions as the pages.

use axum::{
    Json,
    extract::{Query, State},
    http::StatusCode,
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    app::App,
    db::pool::Pool,
    domain::{
        boards::labels::{self, Known},
        error::{Problem, Result},
    },
    http::{
        api::v1::{
            page::{Page, Paging},
            patch::value,
            written::done,
        },
        extract::{
            form::JsonBody,
            path::{ObjectId, TeamContext},
        },
    },
};

/// A label of a team.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct LabelResponse {
    /// The id, as in URLs.
    #[schema(example = "0193733e-8f2a-7cc1-b2a4-6d3c1f0e9a57")]
    id: Uuid,
    /// The name, as tasks have it.
    #[schema(example = "postgres")]
    name: String,
    /// The colour, from 0 to 11.
    #[schema(example = 3)]
    hue: i16,
    /// The number of tasks with the label, archived ones included.
    #[schema(example = 12)]
    tasks: i64,
}

impl From<Known> for LabelResponse {
    fn from(label: Known) -> Self {
        Self {
            id: label.id,
            name: label.name,
            hue: label.hue,
            tasks: label.tasks,
        }
    }
}

/// The fields of a label to change. Fields that are left out stay as they are.
#[derive(Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct LabelPatch {
    /// The name: 1 to 50 characters, without spaces, commas or quotes. It changes on every task.
    #[serde(deserialize_with = "value")]
    #[schema(example = "postgres")]
    name: Option<String>,
    /// The colour, from 0 to 11.
    #[serde(deserialize_with = "value")]
    #[schema(example = 3)]
    hue: Option<i16>,
}

async fn one(db: &Pool, team: Uuid, label: Uuid) -> Result<Known> {
    let mut labels = labels::known(db, team).await?.into_iter();
    labels
        .find(|known| known.id == label)
        .ok_or(Problem::NotFound)
}

/// Returns a team's labels, by name. A task's label that does not exist yet is created with the task.
#[utoipa::path(
    get,
    path = "/api/v1/teams/{slug}/labels",
    operation_id = "list_labels",
    tag = "teams",
    params(Paging),
    responses((status = 200, description = "The labels, by name", body = Page<LabelResponse>)),
)]
pub(crate) async fn list(
    State(db): State<Pool>,
    TeamContext { access, .. }: TeamContext,
    Query(paging): Query<Paging>,
) -> Result<Json<Page<LabelResponse>>> {
    let labels = labels::known(&db, access.team.id).await?;
    let page = paging.cut(labels, |label| label.id.to_string())?;
    Ok(Json(page.map(LabelResponse::from)))
}

/// Renames a label, on every task that has it, or changes its colour. Only leads may.
#[utoipa::path(
    patch,
    path = "/api/v1/teams/{slug}/labels/{id}",
    operation_id = "edit_label",
    tag = "teams",
    request_body = LabelPatch,
    responses(
        (status = 200, description = "The label", body = LabelResponse),
        (status = 422, description = "A field is invalid"),
    ),
)]
pub(crate) async fn edit(
    State(app): State<App>,
    at: TeamContext,
    ObjectId(label): ObjectId,
    JsonBody(sent): JsonBody<LabelPatch>,
) -> Result<Json<LabelResponse>> {
    let (viewer, team) = at.require_lead()?;
    let current = one(&app.db, team.id, label).await?;
    let name = sent.name.unwrap_or(current.name);
    let hue = sent.hue.unwrap_or(current.hue);
    if !(0..12).contains(&hue) {
        return Err(Problem::field("hue", "Enter a number from 0 to 11."));
    }
    let outcome = app
        .store
        .change(&viewer.actor(), |change, _| {
            Box::pin(labels::edit_label(change, &team, label, &name, hue))
        })
        .await;
    done(outcome)?;
    Ok(Json(one(&app.db, team.id, label).await?.into()))
}

/// Removes a label from every task and deletes it. Only leads may.
#[utoipa::path(
    delete,
    path = "/api/v1/teams/{slug}/labels/{id}",
    operation_id = "delete_label",
    tag = "teams",
    responses((status = 204, description = "The label is deleted")),
)]
pub(crate) async fn remove(
    State(app): State<App>,
    at: TeamContext,
    ObjectId(label): ObjectId,
) -> Result<StatusCode> {
    let (viewer, team) = at.require_lead()?;
    let outcome = app
        .store
        .change(&viewer.actor(), |change, _| {
            Box::pin(labels::remove_label(change, &team, label))
        })
        .await;
    done(outcome)?;
    Ok(StatusCode::NO_CONTENT)
}
