//! Renders a board's columns once for everyone. After a change only the affected cards are rendered
//! again.

use std::sync::{Arc, OnceLock};

use sqlx::PgPool;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{
    domain::{
        boards::{
            Column,
            filters::{sql::ResolvedSprint, terms::Filter},
            queries,
        },
        column_state::ColumnState,
        error::Result,
        events::log::events_after,
        sprints::Sprint,
        tasks::{self, Card},
        team::Team,
    },
    http::{
        cache::{
            columns::FIRST_CARDS,
            revision::{BoardKey, Revision},
        },
        page::Rendered,
        pages::tasks::card::CardHtml,
    },
};

/// After more events than this the whole board is rendered again.
const MAX_EVENTS: i64 = 200;

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
        self.html.len() + cards.sum::<usize>()
    }
}

/// A card and its HTML, which is rendered when it is first shown.
pub(super) struct RenderedCard {
    pub(super) card: Arc<Card>,
    html: OnceLock<Rendered>,
}

impl RenderedCard {
    fn new(card: Arc<Card>) -> Arc<Self> {
        let html = OnceLock::new();
        Arc::new(Self { card, html })
    }

    pub(super) fn rank(&self) -> &str {
        self.card.rank.as_deref().unwrap_or_default()
    }

    /// Whether it waits on a task, or a task waits on it.
    fn is_waiting(&self) -> bool {
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

    /// Renders the board, reusing unchanged cards of an earlier rendering.
    pub(crate) async fn render(
        &self,
        db: &PgPool,
        before: Option<&RenderedBoard>,
    ) -> Result<RenderedBoard> {
        let refreshed = match before {
            Some(before) => self.refresh_cards(db, before).await?,
            None => None,
        };
        let cards = match refreshed {
            Some(cards) => cards,
            None => self.load_cards(db, None).await?,
        };
        // WIP limits apply to the whole column; without any the totals are not needed.
        let totals = if self.columns.iter().any(|column| column.wip_limit.is_some()) {
            queries::totals(db, self.team.id).await?
        } else {
            Vec::new()
        };
        let is_done = |rendered: &&Arc<RenderedCard>| rendered.card.state == ColumnState::Done;
        let mut board = RenderedBoard {
            html: Rendered::default(),
            done: cards.iter().filter(is_done).count(),
            total: cards.len(),
            revision: self.revision,
            cards,
            totals,
        };
        board.html = self.columns_html(&board, FIRST_CARDS)?;
        Ok(board)
    }

    /// The cards of the cached board, with changed ones loaded again; `None` after too many events, or after one that
    /// affects all cards. Of the others, only the HTML is made anew from time to time, since it shows ages.
    async fn refresh_cards(
        &self,
        db: &PgPool,
        before: &RenderedBoard,
    ) -> Result<Option<Vec<Arc<RenderedCard>>>> {
        if before.revision.workspace != self.revision.workspace || self.filter.wants_archived() {
            return Ok(None);
        }
        let is_aged = before.revision.time_bucket != self.revision.time_bucket;
        let events = events_after(db, self.team.id, before.revision.team, MAX_EVENTS + 1).await?;
        let touched: Option<Vec<Uuid>> = events.iter().map(|event| event.task_id).collect();
        let Some(mut touched) = touched.filter(|touched| touched.len() as i64 <= MAX_EVENTS) else {
            return Ok(None);
        };
        if is_aged {
            // These show tasks of other teams, whose changes are not events of this team.
            touched.extend(queries::waiting_tasks(db, self.team.id).await?);
            touched.extend(
                before
                    .cards
                    .iter()
                    .filter(|rendered| rendered.is_waiting())
                    .map(|rendered| rendered.card.id),
            );
        }
        touched.sort_unstable();
        touched.dedup();
        let mut cards: Vec<Arc<RenderedCard>> = before
            .cards
            .iter()
            .filter(|rendered| touched.binary_search(&rendered.card.id).is_err())
            .map(|rendered| {
                if is_aged {
                    RenderedCard::new(rendered.card.clone())
                } else {
                    rendered.clone()
                }
            })
            .collect();
        let column_of = |rendered: &RenderedCard| {
            self.columns
                .iter()
                .position(|column| column.slug == rendered.card.column)
        };
        for fresh in self.load_cards(db, Some(&touched)).await? {
            let place = (column_of(&fresh), fresh.rank());
            let index = cards.partition_point(|other| (column_of(other), other.rank()) < place);
            cards.insert(index, fresh);
        }
        Ok(Some(cards))
    }

    async fn load_cards(
        &self,
        db: &PgPool,
        only: Option<&[Uuid]>,
    ) -> Result<Vec<Arc<RenderedCard>>> {
        let cards =
            tasks::queries::cards(db, self.team, self.filter, self.resolved, self.now, only)
                .await?;
        Ok(cards
            .into_iter()
            .map(|card| RenderedCard::new(Arc::new(card)))
            .collect())
    }
}
