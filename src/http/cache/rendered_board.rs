//! A board and its cards, as they are kept between requests.

use std::sync::{Arc, OnceLock};

use time::OffsetDateTime;

use crate::{
    domain::{
        boards::{
            Column,
            card_sources::CardSources,
            filters::{sql::ResolvedSprint, terms::Filter},
        },
        error::Result,
        sprints::Sprint,
        tasks::Card,
        team::Team,
    },
    http::{
        cache::revision::{BoardKey, Revision},
        page::Rendered,
        pages::tasks::card::CardHtml,
    },
};

/// The cards of a board, the HTML of its columns, and the counts in its header.
pub(crate) struct RenderedBoard {
    /// The columns with their first cards; `BoardView::columns_html` renders them with more.
    pub(crate) html: Rendered,
    pub(crate) done: usize,
    pub(crate) total: usize,
    pub(crate) revision: Revision,
    /// By column and rank.
    pub(super) cards: Vec<Arc<RenderedCard>>,
    /// The number of tasks in each column, whatever the filter; empty if no column has a limit.
    pub(super) totals: Vec<(String, i64)>,
    /// What the cards show of other things than their tasks.
    pub(super) sources: Arc<CardSources>,
}

impl RenderedBoard {
    /// About the bytes that it takes, for the cache: each card keeps its data, in short texts, and its HTML, if it was
    /// ever shown.
    pub(crate) fn bytes(&self) -> usize {
        const CARD: usize = 1000;
        let cards = self
            .cards
            .iter()
            .map(|rendered| CARD + rendered.html.get().map_or(0, Rendered::len));
        self.html.len() + cards.sum::<usize>() + self.sources.bytes()
    }
}

/// A card and its HTML, which is rendered when it is first shown.
pub(super) struct RenderedCard {
    pub(super) card: Arc<Card>,
    html: OnceLock<Rendered>,
}

impl RenderedCard {
    pub(super) fn new(card: Arc<Card>) -> Arc<Self> {
        let html = OnceLock::new();
        Arc::new(Self { card, html })
    }

    pub(super) fn rank(&self) -> &str {
        self.card.rank.as_deref().unwrap_or_default()
    }

    /// Whether it waits on a task, or a task waits on it.
    pub(super) fn is_waiting(&self) -> bool {
        !self.card.blocked_by.is_empty() || !self.card.blocking.is_empty()
    }

    pub(super) fn html(&self, now: OffsetDateTime) -> Result<&Rendered> {
        if let Some(html) = self.html.get() {
            return Ok(html);
        }
        let html = Rendered::of(&CardHtml::new(&self.card, now))?;
        Ok(self.html.get_or_init(|| html))
    }
}

/// The board to render: team, columns, filter, sprint and revision.
pub(crate) struct BoardView<'b> {
    pub(crate) team: &'b Team,
    pub(crate) columns: &'b [Column],
    pub(crate) filter: &'b Filter,
    pub(crate) resolved: ResolvedSprint,
    pub(crate) sprint: Option<&'b Sprint>,
    pub(crate) lanes: &'static str,
    pub(crate) revision: Revision,
    pub(crate) now: OffsetDateTime,
}

impl BoardView<'_> {
    /// The board's cache key.
    pub(crate) fn key(&self) -> BoardKey {
        BoardKey {
            team: self.team.id,
            filter: self.filter.clone(),
            sprint: self.resolved,
            lanes: self.lanes,
        }
    }
}
