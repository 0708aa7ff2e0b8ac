//! The tasks of a team as lists, with the filters of its board.

use axum::{
    Json,
    extract::{Path, Query, State},
};
use serde::{Deserialize, Serialize};

use crate::{
    app::App,
    domain::{
        boards::{
            filters::{FilterParams, terms::Filter},
            queries,
        },
        error::{Problem, Result},
        policy::{team_access, viewer::Viewer},
        sprints,
        tasks::{self, Card},
    },
    http::{
        api::v1::page::{Page, Paging},
        extract::path::TeamContext,
    },
};

/// Returns the tasks of a team that match a filter, by column and from top to bottom; of archived tasks at most the
/// newest 500.
#[utoipa::path(
    get,
    path = "/api/v1/teams/{slug}/tasks",
    operation_id = "list_tasks",
    tag = "tasks",
    params(
        ("sprint" = Option<String>, Query, description = "As for the board", example = "42"),
        ("owner" = Option<String>, Query, description = "As for the board", example = "elif"),
        ("label" = Option<String>, Query, description = "As for the board", example = "postgres"),
        ("goal" = Option<String>, Query, description = "As for the board", example = "1"),
        ("q" = Option<String>, Query, description = "As for the board", example = "owner:me is:blocked"),
        Paging,
    ),
    responses(
        (status = 200, description = "The tasks in order", body = Page<Card>),
        (status = 422, description = "The filter has an unknown term"),
    ),
)]
pub(crate) async fn list(
    State(app): State<App>,
    TeamContext { viewer, access }: TeamContext,
    Query(params): Query<FilterParams>,
    Query(paging): Query<Paging>,
) -> Result<Json<Page<Card>>> {
    let filter = Filter::parse(&params)?.for_reader(&viewer.person.handle);
    if !filter.unknown.is_empty() {
        return Err(Problem::field("q", filter.unknown.join(" ")));
    }
    let team = access.team;
    let sprints = sprints::queries::sprints_of(&app.db, team.id).await?;
    let (resolved, _) = sprints::queries::resolve(&sprints, filter.sprint)?;
    let now = app.clock.now();
    let cards = tasks::queries::cards(&app.db, &team, &filter, resolved, now, None).await?;
    Ok(Json(paging.cut(cards, |card| card.key.clone())?))
}

/// A part of a column.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct ColumnPart {
    after: String,
}

/// Tasks of a column.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct ColumnTasks {
    /// The number of the team's newest event.
    #[schema(example = 1308)]
    seq: i64,
    /// The tasks that match the filter, from top to bottom.
    tasks: Vec<Card>,
    /// Whether there are more: read on after the rank of the last one.
    #[schema(example = json!(true))]
    more: bool,
    /// Send it as `cursor` for the next part; null in the last one.
    #[schema(example = "YTFW")]
    next_cursor: Option<String>,
}

/// Returns the tasks of one column in parts, for boards that are too long to read at once.
#[utoipa::path(
    get,
    path = "/api/v1/teams/{slug}/columns/{column}/tasks",
    operation_id = "list_column_tasks",
    tag = "teams",
    params(
        ("slug" = String, Path, description = "The team's slug", example = "infrastructure"),
        ("column" = String, Path, description = "The column's slug", example = "in-progress"),
        (
            "after" = Option<String>,
            Query,
            description = "The rank of the task after which to read; by default from the top of the column",
            example = "a1V",
        ),
        (
            "limit" = Option<i64>,
            Query,
            description = "The most tasks to return: from 1 to 500, by default 100",
            example = 100,
        ),
        (
            "cursor" = Option<String>,
            Query,
            description = "`next_cursor` of the previous part, instead of `after`",
            example = "YTFW",
        ),
        ("sprint" = Option<String>, Query, description = "As for the board", example = "42"),
        ("owner" = Option<String>, Query, description = "As for the board", example = "elif"),
        ("label" = Option<String>, Query, description = "As for the board", example = "postgres"),
        ("goal" = Option<String>, Query, description = "As for the board", example = "1"),
        (
            "q" = Option<String>,
            Query,
            description = "As for the board, without `is:archived`",
            example = "owner:me is:blocked",
        ),
    ),
    responses(
        (status = 200, description = "The tasks in order", body = ColumnTasks),
        (status = 404, description = "There is no such team or column"),
        (status = 422, description = "The filter has an unknown term, or the limit is out of range"),
    ),
)]
pub(crate) async fn column_tasks(
    State(app): State<App>,
    viewer: Viewer,
    Path((slug, column)): Path<(String, String)>,
    Query(params): Query<FilterParams>,
    Query(part): Query<ColumnPart>,
    Query(paging): Query<Paging>,
) -> Result<Json<ColumnTasks>> {
    let team = team_access::team(&app.db, &viewer, &slug).await?.team;
    let filter = Filter::parse(&params)?.for_reader(&viewer.person.handle);
    if !filter.unknown.is_empty() {
        return Err(Problem::field("q", filter.unknown.join(" ")));
    }
    if filter.wants_archived() {
        return Err(Problem::field(
            "q",
            "Archived tasks have no place in a column. Read them from the board.",
        ));
    }
    let limit = paging.limit_within(100, 500)?;
    let after = paging.position(|rank| Some(rank.to_owned()))?;
    let after = after.unwrap_or(part.after);
    let columns = queries::columns(&app.db, team.id).await?;
    let column = columns.iter().find(|known| known.slug == column);
    let column = column.ok_or(Problem::NotFound)?;
    let sprints = sprints::queries::sprints_of(&app.db, team.id).await?;
    let (resolved, _) = sprints::queries::resolve(&sprints, filter.sprint)?;
    // One more, to know whether there are more.
    let part = (column.id, after.as_str(), limit as i64 + 1);
    let now = app.clock.now();
    let tasks =
        tasks::queries::cards_of_column(&app.db, &team, &filter, resolved, now, part).await?;
    let page = paging.page(tasks, limit, |card| card.rank.clone().unwrap_or_default());
    Ok(Json(ColumnTasks {
        seq: team.seq,
        more: page.next_cursor.is_some(),
        tasks: page.items,
        next_cursor: page.next_cursor,
    }))
}
