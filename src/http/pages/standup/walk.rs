//! The board walk-through: card by card, from right to left, the oldest first. It stores nothing.

use std::cmp::Reverse;

use askama::Template;
use axum::{
    extract::{Path, Query, State},
    http::HeaderMap,
    response::Response,
};
use serde::Deserialize;
use time::OffsetDateTime;

use crate::{
    app::App,
    domain::{
        boards::{self, filters::terms::Filter},
        column_state::ColumnState,
        error::Result,
        humanize,
        policy::{team_access, viewer::Viewer},
        sprints::{self, Sprint},
        standup::queries::open_cards,
        tasks::{Blocker, Card},
        team::Team,
    },
    http::{layout::Layout, page},
};

#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Place {
    /// The current card.
    at: String,
    /// The current card's position, used if it has left the open columns meanwhile.
    index: usize,
}

#[derive(Template)]
#[template(path = "standup/walk.html")]
struct WalkPage {
    layout: Layout,
    team: Team,
    may_edit: bool,
    sprint: Option<Sprint>,
    /// The previous sprint, if it is not closed yet.
    unclosed: Option<Sprint>,
    cards: Vec<Card>,
    /// The index of the current card.
    index: usize,
    now: OffsetDateTime,
}

impl WalkPage {
    fn card(&self) -> Option<&Card> {
        self.cards.get(self.index)
    }

    fn next(&self) -> Option<String> {
        self.url(self.index + 1)
    }

    fn back(&self) -> Option<String> {
        self.index.checked_sub(1).and_then(|index| self.url(index))
    }

    fn url(&self, index: usize) -> Option<String> {
        let card = self.cards.get(index)?;
        Some(format!(
            "/teams/{}/standup/walk?at={}&index={index}",
            self.team.slug, card.key
        ))
    }

    fn current_url(&self) -> String {
        self.url(self.index)
            .unwrap_or_else(|| format!("/teams/{}/standup/walk", self.team.slug))
    }

    /// The position of the current card, as `3 of 12`.
    fn place(&self) -> String {
        format!("{} of {}", self.index + 1, self.cards.len())
    }

    fn age(&self, card: &Card) -> String {
        humanize::age(self.now, card.column_since)
    }

    fn blocked_reason(&self, blocker: &Blocker) -> String {
        blocker.text(self.now)
    }

    fn due(&self, card: &Card) -> String {
        card.due.map_or(String::new(), humanize::day)
    }
}

/// `GET /teams/{slug}/standup/walk?at=INF-42&index=3`
pub(crate) async fn walk(
    State(app): State<App>,
    viewer: Viewer,
    Path(slug): Path<String>,
    Query(place): Query<Place>,
    headers: HeaderMap,
) -> Result<Response> {
    let access = team_access::team(&app.db, &viewer, &slug).await?;
    let (team, now) = (access.team, app.clock.now());
    let sprints = sprints::queries::sprints_of(&app.db, team.id).await?;
    let (resolved, sprint) = sprints::queries::resolve(&sprints, Filter::default().sprint)?;
    let unclosed = sprints::queries::unclosed(&sprints);
    let asked = (team.clone(), resolved, unclosed.map(|over| over.id));
    let cards = open_cards(&app.db, &[asked], now).await?;
    let mut cards: Vec<Card> = cards.into_iter().flatten().collect();
    let columns = boards::queries::columns(&app.db, team.id).await?;
    let column = |card: &Card| columns.iter().position(|column| column.slug == card.column);
    cards.sort_by_key(|card| (Reverse(column(card)), card.column_since));
    let position = cards.iter().position(|card| card.key == place.at);
    let index = position
        .unwrap_or(place.index)
        .min(cards.len().saturating_sub(1));
    page::page(&WalkPage {
        layout: Layout::new(
            &app,
            &viewer,
            &headers,
            format!("{} board walk-through", team.name),
            &slug,
        )
        .await?
        .at("standup"),
        may_edit: access.may_edit,
        sprint: sprint.cloned(),
        unclosed: unclosed.cloned(),
        team,
        cards,
        index,
        now,
    })
}
