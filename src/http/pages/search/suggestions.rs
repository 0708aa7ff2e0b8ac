//! `GET /teams/{slug}/suggestions`: what can complete the word that is being typed.

use askama::Template;
use axum::{
    extract::{Path, Query, State},
    response::Response,
};
use serde::Deserialize;

use crate::{
    db::pool::Pool,
    domain::{
        error::Result,
        policy::{team_access, viewer::Viewer},
        search::suggestions::{Suggestion, complete_filter, complete_text},
        text::check_length,
    },
    http::page,
};

/// The word, and where it is typed.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct SuggestionQuery {
    q: String,
    /// `filter`, or `text` for mentions and keys.
    r#for: String,
}

#[derive(Template)]
#[template(path = "search/suggestions.html")]
struct Suggestions {
    suggestions: Vec<Suggestion>,
}

pub(crate) async fn suggest(
    State(db): State<Pool>,
    viewer: Viewer,
    Path(slug): Path<String>,
    Query(query): Query<SuggestionQuery>,
) -> Result<Response> {
    let team = team_access::team(&db, &viewer, &slug).await?.team;
    check_length("q", &query.q, 100)?;
    let suggestions = match query.r#for.as_str() {
        "filter" => complete_filter(&db, &team, &query.q).await?,
        _ => complete_text(&db, &team, &query.q).await?,
    };
    page::page(&Suggestions { suggestions })
}
