//! A board and its cards, as they are kept between requests.

use std::sync::{Arc, OnceLock};

use time::OffsetDateTime;
use uuid::Uuid;

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

/// The number of cards that each list of a board starts with, and that each further load adds.
pub(crate) const FIRST_CARDS: usize = 100;

/// The cards of a board, the HTML of its columns, and the counts in its header.
pub(crate) struct RenderedBoard {
    /// The columns with their first cards; `BoardView::columns_html` renders them with more.
    pub(crate) html: Rendered,
    pub(crate) done: usize,
    pub(crate) total: usize,
    pub(crate) revision: Revision,
    /// The cards of each column, from left to right.
    pub(super) columns: Vec<Arc<ColumnCards>>,
    /// The number of tasks in each column, whatever the filter; empty if no column has a limit.
    pub(super) totals: Vec<(String, i64)>,
    /// What the cards show besides the tasks themselves: people, labels, goals.
    pub(super) sources: Arc<CardSources>,
}

impl RenderedBoard {
    /// An estimate of its memory, for the limit of the cache: the data of each card, and its HTML if it was rendered by the
    /// time of the last change. HTML that is rendered later, as someone scrolls, is counted with the next change.
    pub(crate) fn bytes(&self) -> usize {
        let columns = self.columns.iter().map(|column| column.bytes());
        self.html.len() + columns.sum::<usize>() + self.sources.bytes()
    }

    /// All cards, by column and rank.
    pub(super) fn cards(&self) -> impl Iterator<Item = &RenderedCard> {
        let entries = self.columns.iter().flat_map(|column| &column.entries);
        entries.map(|entry| &*entry.rendered)
    }
}

/// The cards of a column, by rank. The next rendering of a board shares it if none of its cards has changed.
pub(super) struct ColumnCards {
    /// The column's slug.
    pub(super) column: String,
    pub(super) entries: Vec<Entry>,
    /// An estimate of the memory of its cards, without the HTML of the first ones: that is rendered after the column is
    /// made, when the board is shown.
    bytes: usize,
}

/// A card, and beside it the id of its task, so that a search by id reads contiguous memory.
#[derive(Clone)]
pub(super) struct Entry {
    pub(super) id: Uuid,
    pub(super) rendered: Arc<RenderedCard>,
}

impl Entry {
    pub(super) fn new(card: Arc<Card>) -> Self {
        Self {
            id: card.id,
            rendered: RenderedCard::new(card),
        }
    }
}

impl ColumnCards {
    pub(super) fn new(column: String, entries: Vec<Entry>) -> Arc<Self> {
        // an estimate of the data of a card, in bytes
        const CARD: usize = 1000;
        let html = |entry: &Entry| entry.rendered.html.get().map_or(0, Rendered::len);
        let further = entries.iter().skip(FIRST_CARDS).map(html).sum::<usize>();
        Arc::new(Self {
            column,
            bytes: entries.len() * CARD + further,
            entries,
        })
    }

    /// An estimate of its memory, with the HTML of the first cards.
    fn bytes(&self) -> usize {
        let first = self.entries.iter().take(FIRST_CARDS);
        let html = first.map(|entry| entry.rendered.html.get().map_or(0, Rendered::len));
        self.bytes + html.sum::<usize>()
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
