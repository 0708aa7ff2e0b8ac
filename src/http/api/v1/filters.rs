//! Saved filters as JSON, with the same domain functions as the pages.

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
        boards::{
            filters::FilterParams,
            queries::{self, SavedFilter},
            saved_filters,
        },
        error::{Problem, Result},
    },
    http::{
        api::v1::{
            page::{Page, Paging},
            written::done,
        },
        extract::{
            form::JsonBody,
            path::{ObjectId, TeamContext},
        },
    },
};

/// A filter of a board, saved under a name.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct FilterResponse {
    /// The id, as in URLs.
    #[schema(example = "0193733e-8f2a-7cc1-b2a4-6d3c1f0e9a57")]
    id: Uuid,
    /// The name.
    #[schema(example = "Mine, blocked")]
    name: String,
    /// The query string, for the board on its page and in the API.
    #[schema(example = "?q=owner%3Ame+is%3Ablocked")]
    query: String,
    /// Whether it is one's own, and not the team's.
    #[schema(example = json!(true))]
    mine: bool,
}

impl From<SavedFilter> for FilterResponse {
    fn from(filter: SavedFilter) -> Self {
        Self {
            id: filter.id,
            name: filter.name,
            query: filter.query,
            mine: filter.mine,
        }
    }
}

/// A filter to save.
#[derive(Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct FilterIn {
    /// The name.
    #[schema(required, example = "Mine, blocked")]
    name: String,
    /// The terms, as for the board.
    #[schema(example = "owner:me is:blocked")]
    q: String,
    /// The sprint: a sprint's number, `this`, `next`, `none` or `all`; by default the board's.
    #[schema(example = "all")]
    sprint: String,
    /// How the board is grouped: `owner` or `goal`; by default not at all.
    #[schema(example = "owner")]
    lanes: String,
    /// Whether the whole team has it; by default it is one's own.
    #[schema(example = json!(false))]
    for_team: bool,
}

/// Returns the saved filters of a board: one's own and the team's.
#[utoipa::path(
    get,
    path = "/api/v1/teams/{slug}/filters",
    operation_id = "list_filters",
    tag = "teams",
    params(Paging),
    responses((status = 200, description = "The filters, by name, one's own first", body = Page<FilterResponse>)),
)]
pub(crate) async fn list(
    State(db): State<Pool>,
    TeamContext { viewer, access }: TeamContext,
    Query(paging): Query<Paging>,
) -> Result<Json<Page<FilterResponse>>> {
    let filters = queries::saved_filters(&db, access.team.id, viewer.person.id).await?;
    let page = paging.cut(filters, |filter| filter.id.to_string())?;
    Ok(Json(page.map(FilterResponse::from)))
}

/// Saves a filter under a name.
#[utoipa::path(
    post,
    path = "/api/v1/teams/{slug}/filters",
    operation_id = "create_filter",
    tag = "teams",
    request_body = FilterIn,
    responses(
        (status = 201, description = "The filter", body = FilterResponse),
        (status = 422, description = "A field is invalid"),
    ),
)]
pub(crate) async fn create(
    State(app): State<App>,
    at: TeamContext,
    JsonBody(sent): JsonBody<FilterIn>,
) -> Result<(StatusCode, Json<FilterResponse>)> {
    let (viewer, access) = at.require_comment()?;
    let access = if sent.for_team {
        access.require_edit()?
    } else {
        access
    };
    let params = FilterParams {
        sprint: sent.sprint,
        q: sent.q,
        lanes: sent.lanes,
        ..FilterParams::default()
    };
    let team = access.team;
    let created = app
        .store
        .change(&viewer.actor(), |change, _| {
            Box::pin(saved_filters::save_filter(
                change,
                &team,
                &sent.name,
                &params,
                sent.for_team,
            ))
        })
        .await?;
    let filters = queries::saved_filters(&app.db, team.id, viewer.person.id).await?;
    let mut filters = filters.into_iter();
    let filter = filters.find(|filter| filter.id == created.value);
    let filter = filter.ok_or(Problem::NotFound)?;
    Ok((StatusCode::CREATED, Json(filter.into())))
}

/// Deletes a saved filter: one's own, or as a member the team's.
#[utoipa::path(
    delete,
    path = "/api/v1/teams/{slug}/filters/{id}",
    operation_id = "delete_filter",
    tag = "teams",
    responses((status = 204, description = "The filter is deleted")),
)]
pub(crate) async fn remove(
    State(app): State<App>,
    at: TeamContext,
    ObjectId(filter): ObjectId,
) -> Result<StatusCode> {
    let (viewer, access) = at.require_comment()?;
    let (team, may_edit) = (access.team, access.may_edit);
    let outcome = app
        .store
        .change(&viewer.actor(), |change, _| {
            Box::pin(saved_filters::delete_filter(
                change, &team, filter, may_edit,
            ))
        })
        .await;
    done(outcome)?;
    Ok(StatusCode::NO_CONTENT)
}
