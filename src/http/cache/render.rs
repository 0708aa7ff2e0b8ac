//! Renders a board's columns once for everyone. After a change only the affected cards are rendered
//! again.

use std::sync::Arc;

use sqlx::PgPool;
use uuid::Uuid;

use crate::{
    domain::{
        boards::{
            card_sources::{CardSources, Touched, tasks_with_labels},
            labels::Label,
            queries,
        },
        column_state::ColumnState,
        error::Result,
        events::log::events_after,
        tasks,
    },
    http::{
        cache::{
            columns::FIRST_CARDS,
            rendered_board::{BoardView, RenderedBoard, RenderedCard},
        },
        page::Rendered,
    },
};

/// After more events than this the whole board is rendered again.
const MAX_EVENTS: i64 = 200;

impl BoardView<'_> {
    /// Renders the board, reusing unchanged cards of an earlier rendering.
    pub(crate) async fn render(
        &self,
        db: &PgPool,
        before: Option<&RenderedBoard>,
    ) -> Result<RenderedBoard> {
        let sources = match before {
            Some(before) if before.revision.workspace == self.revision.workspace => {
                before.sources.clone()
            }
            _ => Arc::new(CardSources::load(db, self.team.id).await?),
        };
        let refreshed = match before {
            Some(before) if sources.include(&before.sources) => {
                self.refresh_cards(db, before).await?
            }
            _ => None,
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
            sources,
        };
        board.html = self.columns_html(&board, FIRST_CARDS)?;
        Ok(board)
    }

    /// The cards of the cached board, with changed ones loaded again; `None` after too many events, or after one that
    /// can affect any card. Of the others, only the HTML is made anew from time to time, since it shows ages.
    async fn refresh_cards(
        &self,
        db: &PgPool,
        before: &RenderedBoard,
    ) -> Result<Option<Vec<Arc<RenderedCard>>>> {
        if self.filter.wants_archived() {
            return Ok(None);
        }
        let is_aged = before.revision.time_bucket != self.revision.time_bucket;
        let events = events_after(db, self.team.id, before.revision.team, MAX_EVENTS + 1).await?;
        if events.len() as i64 > MAX_EVENTS {
            return Ok(None);
        }
        let Some(Touched {
            tasks: mut touched,
            labels,
        }) = Touched::by(&events)
        else {
            return Ok(None);
        };
        if !labels.is_empty() {
            // A filter may ask for tasks that no longer have a label, and these are not known.
            if !self.filter.terms.is_empty() {
                return Ok(None);
            }
            touched.extend(tasks_with_labels(db, self.team.id, &labels).await?);
            touched.extend(before.cards.iter().filter_map(|rendered| {
                let has_one = |label: &Label| labels.contains(&label.name);
                let card = &rendered.card;
                card.labels.iter().any(has_one).then_some(card.id)
            }));
        }
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
