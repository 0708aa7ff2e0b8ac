//! Boards as JSON.

use std::collections::HashMap;

use axum::{
    Json,
    extract::{Path, Query, State},
    http::{HeaderMap, HeaderValue, StatusCode, Uri, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;

use crate::{
    app::App,
    domain::{
        boards::{
            filters::{FilterParams, terms::Filter},
            queries,
        },
        column_state::ColumnState,
        error::{Problem, Result},
        sprints,
        tasks::{self, Card},
    },
    http::{cache::page_cache::if_none_match, middleware::client_ip::ClientIp},
};

/// A team's board.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct BoardResponse {
    /// The team.
    team: BoardTeam,
    /// The number of the team's newest event.
    #[schema(example = 1308)]
    seq: i64,
    /// The columns from left to right.
    columns: Vec<BoardColumn>,
    /// Whether there are more archived tasks than the board has.
    #[schema(example = json!(false))]
    more: bool,
}

/// The team of a board.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct BoardTeam {
    /// The slug, as in URLs.
    #[schema(example = "infrastructure")]
    slug: String,
    /// The name.
    #[schema(example = "Infrastructure")]
    name: String,
    /// The prefix of its tasks' keys.
    #[schema(example = "INF")]
    key: String,
}

/// A column of a board, with its tasks.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct BoardColumn {
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
    /// The tasks that match the filter, from top to bottom.
    tasks: Vec<Card>,
}

/// Returns a team's board with filters; of archived tasks at most the newest 500.
#[utoipa::path(
    get,
    path = "/api/v1/teams/{slug}/board",
    operation_id = "get_board",
    tag = "teams",
    params(
        ("slug" = String, Path, description = "The team's slug", example = "infrastructure"),
        (
            "sprint" = Option<String>,
            Query,
            description = "The sprint whose tasks are returned: a sprint's number, `this` (the current one, which is the default), `next`, `none` (the backlog) or `all`",
            example = "42",
        ),
        (
            "owner" = Option<String>,
            Query,
            description = "Only tasks of this owner: a username, or `me`",
            example = "elif",
        ),
        (
            "label" = Option<String>,
            Query,
            description = "Only tasks with this label",
            example = "postgres",
        ),
        (
            "goal" = Option<String>,
            Query,
            description = "Only tasks of this goal: its number in the sprint, or `none`",
            example = "1",
        ),
        (
            "q" = Option<String>,
            Query,
            description = "Only tasks that match all terms: `owner:`, `label:` and `goal:` with the values above, `is:` with `blocked`, `unowned`, `overdue`, `done` or `archived`, `age:` with a time in the column such as `>3d`, or words of the title; a leading `-` negates a term",
            example = "owner:me label:postgres -label:docs is:blocked age:>3d \"exact words\"",
        ),
    ),
    responses(
        (status = 200, description = "The columns, with their tasks in order", body = BoardResponse),
        (status = 304, description = "The board is unchanged since the ETag in If-None-Match"),
        (status = 422, description = "The filter has an unknown term"),
    ),
)]
pub(crate) async fn board(
    State(app): State<App>,
    from: ClientIp,
    Path(slug): Path<String>,
    Query(params): Query<FilterParams>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response> {
    let auth = crate::http::extract::board::open(&app, from, &headers, &slug).await?;
    let team = &auth.access.team;
    let filter = Filter::parse(&params)?.for_reader(&auth.viewer.person.handle);
    if !filter.unknown.is_empty() {
        return Err(Problem::field("q", filter.unknown.join(" ")));
    }
    let now = app.clock.now();
    let time_bucket = if filter.depends_on_time() {
        now.unix_timestamp() / 60
    } else {
        0
    };
    let etag = format!(
        "\"{}-{}-{time_bucket}-{:x}\"",
        team.seq,
        auth.workspace_seq,
        digest(&(
            uri.to_string(),
            auth.viewer.person.id,
            app.timeline.current()
        ))
    );
    let mut response = if if_none_match(&headers, &etag) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        let sprints = sprints::queries::sprints_of(&app.db, team.id).await?;
        let (resolved, _) = sprints::queries::resolve(&sprints, filter.sprint)?;
        let cards = tasks::queries::cards(&app.db, team, &filter, resolved, now, None).await?;
        let more = tasks::queries::archived_beyond(&app.db, team, &filter, resolved, now, &cards)
            .await?
            > 0;
        let mut by_column: HashMap<String, Vec<Card>> = HashMap::new();
        for card in cards {
            by_column.entry(card.column.clone()).or_default().push(card);
        }
        let columns = queries::columns(&app.db, team.id).await?;
        let columns = columns
            .into_iter()
            .map(|column| BoardColumn {
                tasks: by_column.remove(&column.slug).unwrap_or_default(),
                slug: column.slug,
                name: column.name,
                state: column.state,
                wip_limit: column.wip_limit,
            })
            .collect();
        Json(BoardResponse {
            team: BoardTeam {
                slug: team.slug.clone(),
                name: team.name.clone(),
                key: team.key.clone(),
            },
            seq: team.seq,
            columns,
            more,
        })
        .into_response()
    };
    if let Ok(etag) = HeaderValue::from_str(&etag) {
        response.headers_mut().insert(header::ETAG, etag);
    }
    response.headers_mut().insert(
        header::CACHE_CONTROL,
        HeaderValue::from_static("private, no-cache"),
    );
    response.headers_mut().insert(
        header::VARY,
        HeaderValue::from_static("cookie, authorization"),
    );
    Ok(response)
}

fn digest(of: &impl std::hash::Hash) -> u64 {
    use std::hash::{DefaultHasher, Hasher};
    let mut hasher = DefaultHasher::new();
    of.hash(&mut hasher);
    hasher.finish()
}
