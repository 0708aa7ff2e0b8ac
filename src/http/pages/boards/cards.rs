//! Cards of a board, for an open board that updates itself or loads more of a long list.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, Query, State},
    http::HeaderMap,
    response::{Html, IntoResponse, Response},
};
use serde::Deserialize;

use crate::{
    app::App,
    db::pool::Pool,
    domain::{
        boards::filters::{FilterParams, terms::Filter},
        clock::Clock,
        error::Result,
        keys,
        policy::{team_access, viewer::Viewer},
        sprints,
        tasks::{self, lookup},
    },
    http::{
        cache::{
            columns::{ColumnCount, ListPart},
            rendered_board::{BoardView, RenderedBoard},
            revision::Revision,
        },
        middleware::client_ip::ClientIp,
        pages::tasks::card::CardHtml,
    },
};

#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Keys {
    keys: String,
}

/// `GET /teams/{slug}/cards?keys=…`: those of the tasks that match the filter, for an open board.
pub(crate) async fn cards(
    State(db): State<Pool>,
    State(clock): State<Clock>,
    viewer: Viewer,
    Path(slug): Path<String>,
    Query(params): Query<FilterParams>,
    Query(keys): Query<Keys>,
) -> Result<Response> {
    let team = team_access::team(&db, &viewer, &slug).await?.team;
    let numbers: Vec<i64> = keys
        .keys
        .split(',')
        .filter_map(keys::split_key)
        .filter(|(key, _)| *key == team.key)
        .map(|(_, number)| number)
        .take(300)
        .collect();
    let ids = lookup::ids_of(&db, team.id, &numbers).await?;
    let filter = Filter::parse(&params)?.for_reader(&viewer.person.handle);
    let sprints = sprints::queries::sprints_of(&db, team.id).await?;
    let (resolved, _) = sprints::queries::resolve(&sprints, filter.sprint)?;
    let now = clock.now();
    let cards = tasks::queries::cards(&db, &team, &filter, resolved, now, Some(&ids)).await?;
    let html: String = cards
        .iter()
        .map(|card| CardHtml::with_column(card, now).to_string())
        .collect();
    Ok(Html(html).into_response())
}

/// `GET /teams/{slug}/cards/more?column=…&after=…`: the next cards of a list, or all up to the rank `until`.
pub(crate) async fn further_cards(
    State(app): State<App>,
    from: ClientIp,
    Path(slug): Path<String>,
    Query(params): Query<FilterParams>,
    Query(part): Query<ListPart>,
    headers: HeaderMap,
) -> Result<Response> {
    with_board(&app, from, &slug, &params, &headers, |view, board| {
        Ok(Html(view.further_cards_html(board, &part)?.to_string()))
    })
    .await
}

/// `GET /teams/{slug}/cards/counts`: the number of cards in each column, for a board that shows only some of them.
pub(crate) async fn counts(
    State(app): State<App>,
    from: ClientIp,
    Path(slug): Path<String>,
    Query(params): Query<FilterParams>,
    headers: HeaderMap,
) -> Result<Response> {
    let counts = |view: &BoardView<'_>, board: &RenderedBoard| -> Result<Json<Vec<ColumnCount>>> {
        Ok(Json(view.counts(board)))
    };
    with_board(&app, from, &slug, &params, &headers, counts).await
}

/// Answers from the rendered board, which is shared by all its readers.
async fn with_board<T: IntoResponse>(
    app: &App,
    from: ClientIp,
    slug: &str,
    params: &FilterParams,
    headers: &HeaderMap,
    answer: impl FnOnce(&BoardView<'_>, &RenderedBoard) -> Result<T>,
) -> Result<Response> {
    let auth = crate::http::extract::board::open(app, from, headers, slug).await?;
    let now = app.clock.now();
    let filter = Filter::parse(params)?.for_reader(&auth.viewer.person.handle);
    let context = app.page_cache.context(&app.db, &auth).await?;
    let (resolved, sprint) = sprints::queries::resolve(&context.sprints, filter.sprint)?;
    let view = BoardView {
        team: &auth.access.team,
        columns: &context.columns,
        filter: &filter,
        resolved,
        sprint,
        lanes: params.known_lanes(),
        revision: Revision::of(auth.access.team.seq, auth.workspace_seq, now),
        now,
    };
    let reader = auth.viewer.person.id;
    let board: Arc<RenderedBoard> = app.page_cache.rendered(&app.db, reader, &view).await?;
    Ok(answer(&view, &board)?.into_response())
}
