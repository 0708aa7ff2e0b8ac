//! Single cards of a board, for an open board that updates itself.

use axum::{
    extract::{Path, Query, State},
    response::{Html, IntoResponse, Response},
};
use serde::Deserialize;
use sqlx::PgPool;

use crate::{
    domain::{
        boards::filters::{FilterParams, terms::Filter},
        clock::Clock,
        error::Result,
        keys,
        policy::{team_access, viewer::Viewer},
        sprints,
        tasks::{self, lookup},
    },
    http::pages::tasks::card::CardHtml,
};

#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Keys {
    keys: String,
}

/// `GET /teams/{slug}/cards?keys=…`: those of the tasks that match the filter, for an open board.
pub(crate) async fn cards(
    State(db): State<PgPool>,
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
