//! The columns of a board as JSON, with the same domain functions as the pages.

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
        boards::{Column, columns, queries, wip_limits},
        column_state::ColumnState,
        error::{Problem, Result},
        tasks::delete_column,
    },
    http::{
        api::v1::{
            page::{Page, Paging},
            patch::{present, value},
            position::ColumnPositionIn,
            written::{created_slug, done},
        },
        extract::{
            form::JsonBody,
            path::{ColumnSlug, TeamContext},
        },
    },
};

/// A column of a board.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct ColumnResponse {
    /// The slug, which is the column of its tasks.
    #[schema(example = "in-progress")]
    slug: String,
    /// The name.
    #[schema(example = "In progress")]
    name: String,
    /// The state of its tasks: `todo`, `doing`, `blocked`, `review` or `done`.
    state: ColumnState,
    /// The number of tasks above which the board warns; null without a limit.
    #[schema(example = 6)]
    wip_limit: Option<i32>,
}

impl From<Column> for ColumnResponse {
    fn from(column: Column) -> Self {
        Self {
            slug: column.slug,
            name: column.name,
            state: column.state,
            wip_limit: column.wip_limit,
        }
    }
}

/// A new column.
#[derive(Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ColumnIn {
    /// The name.
    #[schema(required, example = "On staging")]
    name: String,
    /// The state of its tasks: `todo`, `doing`, `blocked`, `review` or `done`.
    #[schema(required, example = "review")]
    state: String,
}

/// The fields of a column to change. Fields that are left out stay as they are.
#[derive(Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ColumnPatch {
    /// The name. The slug stays.
    #[serde(deserialize_with = "value")]
    #[schema(example = "On staging")]
    name: Option<String>,
    /// The state of its tasks, which an empty column can change.
    #[serde(deserialize_with = "value")]
    #[schema(example = "review")]
    state: Option<String>,
    /// The number of tasks above which the board warns, 1 to 999; `null` for none.
    #[serde(deserialize_with = "present")]
    #[schema(value_type = Option<i32>, example = 6)]
    wip_limit: Option<Option<i32>>,
}

/// The column to which the tasks of a deleted one move.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
pub(crate) struct Into {
    /// The slug of the column to which its tasks move
    #[param(required, example = "in-progress")]
    into: String,
}

fn read_state(text: String) -> Result<ColumnState> {
    ColumnState::try_from(text)
        .map_err(|_| Problem::field("state", "Choose todo, doing, blocked, review or done."))
}

async fn one(db: &Pool, team: Uuid, slug: &str) -> Result<Column> {
    let mut columns = queries::columns(db, team).await?.into_iter();
    let found = columns.find(|column| column.slug == slug);
    found.ok_or(Problem::NotFound)
}

/// Returns the columns of a board, from left to right.
#[utoipa::path(
    get,
    path = "/api/v1/teams/{slug}/columns",
    operation_id = "list_columns",
    tag = "teams",
    params(Paging),
    responses((status = 200, description = "The columns, from left to right", body = Page<ColumnResponse>)),
)]
pub(crate) async fn list(
    State(db): State<Pool>,
    TeamContext { access, .. }: TeamContext,
    Query(paging): Query<Paging>,
) -> Result<Json<Page<ColumnResponse>>> {
    let columns = queries::columns(&db, access.team.id).await?;
    let page = paging.cut(columns, |column| column.slug.clone())?;
    Ok(Json(page.map(ColumnResponse::from)))
}

/// Adds a column at the right end of a board. Only leads may.
#[utoipa::path(
    post,
    path = "/api/v1/teams/{slug}/columns",
    operation_id = "create_column",
    tag = "teams",
    request_body = ColumnIn,
    responses(
        (status = 201, description = "The created column", body = ColumnResponse),
        (status = 422, description = "A field is invalid"),
    ),
)]
pub(crate) async fn create(
    State(app): State<App>,
    at: TeamContext,
    JsonBody(sent): JsonBody<ColumnIn>,
) -> Result<(StatusCode, Json<ColumnResponse>)> {
    let (viewer, team) = at.require_lead()?;
    let state = read_state(sent.state)?;
    let outcome = app
        .store
        .change(&viewer.actor(), |change, _| {
            Box::pin(columns::add_column(change, &team, &sent.name, state))
        })
        .await;
    let slug = created_slug(&app.db, team.id, "column", outcome).await?;
    let column = one(&app.db, team.id, &slug).await?;
    Ok((StatusCode::CREATED, Json(column.into())))
}

/// Edits a column. Only leads change its name and state; all members set its limit.
#[utoipa::path(
    patch,
    path = "/api/v1/teams/{slug}/columns/{column}",
    operation_id = "edit_column",
    tag = "teams",
    request_body = ColumnPatch,
    responses(
        (status = 200, description = "The column", body = ColumnResponse),
        (status = 422, description = "A field is invalid, or a column with tasks would change its state"),
    ),
)]
pub(crate) async fn edit(
    State(app): State<App>,
    at: TeamContext,
    ColumnSlug(column): ColumnSlug,
    JsonBody(sent): JsonBody<ColumnPatch>,
) -> Result<Json<ColumnResponse>> {
    let (viewer, team) = if sent.name.is_some() || sent.state.is_some() {
        at.require_lead()?
    } else {
        at.require_edit()?
    };
    let current = one(&app.db, team.id, &column).await?;
    let name = sent.name.unwrap_or(current.name);
    let state = match sent.state {
        Some(state) => read_state(state)?,
        None => current.state,
    };
    let limit = sent.wip_limit.unwrap_or(current.wip_limit);
    let outcome = app
        .store
        .change(&viewer.actor(), |change, _| {
            Box::pin(async {
                columns::edit_column(change, &team, &column, &name, state).await?;
                wip_limits::set_limit(change, &team, &column, limit).await
            })
        })
        .await;
    done(outcome)?;
    Ok(Json(one(&app.db, team.id, &column).await?.into()))
}

/// Swaps a column with the one next to it. Only leads may.
#[utoipa::path(
    put,
    path = "/api/v1/teams/{slug}/columns/{column}/position",
    operation_id = "move_column",
    tag = "teams",
    request_body = ColumnPositionIn,
    responses((status = 200, description = "The column", body = ColumnResponse)),
)]
pub(crate) async fn reorder(
    State(app): State<App>,
    at: TeamContext,
    ColumnSlug(column): ColumnSlug,
    JsonBody(sent): JsonBody<ColumnPositionIn>,
) -> Result<Json<ColumnResponse>> {
    let (viewer, team) = at.require_lead()?;
    let right = sent.is_right()?;
    let outcome = app
        .store
        .change(&viewer.actor(), |change, _| {
            Box::pin(columns::move_column(change, &team, &column, right))
        })
        .await;
    done(outcome)?;
    Ok(Json(one(&app.db, team.id, &column).await?.into()))
}

/// Deletes a column. Its tasks move to the end of another one. Only leads may.
#[utoipa::path(
    delete,
    path = "/api/v1/teams/{slug}/columns/{column}",
    operation_id = "delete_column",
    tag = "teams",
    params(Into),
    responses(
        (status = 204, description = "The column is deleted"),
        (status = 422, description = "Its tasks cannot move to that column"),
    ),
)]
pub(crate) async fn remove(
    State(app): State<App>,
    at: TeamContext,
    ColumnSlug(column): ColumnSlug,
    Query(to): Query<Into>,
) -> Result<StatusCode> {
    let (viewer, team) = at.require_lead()?;
    let outcome = app
        .store
        .change(&viewer.actor(), |change, _| {
            Box::pin(delete_column::remove_column(
                change, &team, &column, &to.into,
            ))
        })
        .await;
    done(outcome)?;
    Ok(StatusCode::NO_CONTENT)
}
