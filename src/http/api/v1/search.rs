//! The search as JSON.

use axum::{
    Json,
    extract::{Query, State},
};
use serde::{Deserialize, Serialize};

use crate::{
    app::App,
    domain::{
        column_state::ColumnState,
        error::{Problem, Result},
        policy::{team_access, viewer::Viewer},
        search::tasks::{FoundTask, TaskFilter},
    },
    http::{
        api::v1::page::{Page, Paging, encoded},
        pages::search::find_tasks,
    },
};

/// A task that was found.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct FoundResponse {
    /// The key.
    #[schema(example = "INF-42")]
    key: String,
    /// The title.
    #[schema(example = "Move the payment database to Postgres 17")]
    title: String,
    /// The slug of its team.
    #[schema(example = "infrastructure")]
    team: String,
    /// The state of its column.
    state: ColumnState,
    /// Whether it is archived.
    #[schema(example = json!(false))]
    archived: bool,
}

impl From<FoundTask> for FoundResponse {
    fn from(task: FoundTask) -> Self {
        Self {
            key: task.key,
            title: task.title,
            team: task.team_slug,
            state: task.state,
            archived: task.is_archived,
        }
    }
}

/// What is searched for.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
pub(crate) struct SearchQuery {
    /// The words, or the key of a task
    #[param(required, example = "postgres 17")]
    q: String,
    /// Only tasks of this team, by its slug
    #[param(value_type = Option<String>, example = "infrastructure")]
    team: String,
    /// `open`: only tasks that are neither done nor archived
    #[param(value_type = Option<String>, example = "open")]
    only: String,
}

/// No part begins after this task: the search reads no more than the best.
const LAST_OFFSET: i64 = 570;

/// Returns the tasks whose title, description, steps or comments have all words, the best first; at most 600.
#[utoipa::path(
    get,
    path = "/api/v1/search",
    operation_id = "search",
    tag = "search",
    params(SearchQuery, Paging),
    responses((status = 200, description = "The tasks, the best first", body = Page<FoundResponse>)),
)]
pub(crate) async fn search(
    State(app): State<App>,
    viewer: Viewer,
    Query(query): Query<SearchQuery>,
    Query(paging): Query<Paging>,
) -> Result<Json<Page<FoundResponse>>> {
    let team = match query.team.as_str() {
        "" => None,
        slug => match team_access::team(&app.db, &viewer, slug).await {
            Err(Problem::NotFound) => return Err(Problem::field("team", "There is no such team.")),
            access => Some(access?.team.id),
        },
    };
    let is_open = match query.only.as_str() {
        "" => false,
        "open" => true,
        _ => return Err(Problem::field("only", "Enter open, or leave it out.")),
    };
    let limit = paging.limit()? as i64;
    let offset = paging.position(|text| text.parse().ok())?;
    let offset = offset.unwrap_or(0).clamp(0, LAST_OFFSET);
    let filter = TaskFilter {
        team,
        is_open,
        offset,
        limit: limit + 1,
    };
    let mut tasks = find_tasks(&app, &viewer, &query.q, filter).await?;
    let has_more = tasks.len() as i64 > limit && offset + limit <= LAST_OFFSET;
    tasks.truncate(limit as usize);
    Ok(Json(Page {
        items: tasks.into_iter().map(FoundResponse::from).collect(),
        next_cursor: has_more.then(|| encoded(&(offset + limit).to_string())),
    }))
}
