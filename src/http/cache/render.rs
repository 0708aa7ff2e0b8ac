//! Renders a board's columns once for everyone. After a change only the affected cards are rendered
//! again.

use std::{collections::HashMap, sync::Arc};

use uuid::Uuid;

use crate::{
    db::pool::Pool,
    domain::{
        boards::{
            Column,
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
        cache::rendered_board::{BoardView, ColumnCards, Entry, FIRST_CARDS, RenderedBoard},
        page::Rendered,
    },
};

/// After more events than this the whole board is rendered again.
const MAX_EVENTS: i64 = 200;

impl BoardView<'_> {
    /// Renders the board, reusing unchanged cards of an earlier rendering.
    pub(crate) async fn render(
        &self,
        db: &Pool,
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
        let columns = match refreshed {
            Some(columns) => columns,
            None => {
                let mut cards = self.load_cards(db, None).await?;
                let columns = self.columns.iter();
                columns
                    .map(|column| {
                        let entries = cards.remove(&column.slug).unwrap_or_default();
                        ColumnCards::new(column.slug.clone(), entries)
                    })
                    .collect()
            }
        };
        // WIP limits apply to the whole column; without any the totals are not needed.
        let totals = if self.columns.iter().any(|column| column.wip_limit.is_some()) {
            queries::totals(db, self.team.id).await?
        } else {
            Vec::new()
        };
        let count = |is_counted: &dyn Fn(&Column) -> bool| {
            let columns = self.columns.iter().zip(&columns);
            let counted = columns.filter(|(column, _)| is_counted(column));
            counted.map(|(_, cards)| cards.entries.len()).sum()
        };
        let mut board = RenderedBoard {
            html: Rendered::default(),
            done: count(&|column| column.state == ColumnState::Done),
            total: count(&|_| true),
            revision: self.revision,
            columns,
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
        db: &Pool,
        before: &RenderedBoard,
    ) -> Result<Option<Vec<Arc<ColumnCards>>>> {
        // An older revision than before: by a slow request, or by a database that went back in time.
        let is_older = self.revision.team < before.revision.team
            || self.revision.workspace < before.revision.workspace;
        if is_older || self.filter.wants_archived() {
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
            touched.extend(before.cards().filter_map(|rendered| {
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
                    .cards()
                    .filter(|rendered| rendered.is_waiting())
                    .map(|rendered| rendered.card.id),
            );
        }
        touched.sort_unstable();
        touched.dedup();
        let mut fresh = self.load_cards(db, Some(&touched)).await?;
        let is_touched = |entry: &Entry| touched.binary_search(&entry.id).is_ok();
        let columns = self.columns.iter().map(|column| {
            let before = before.columns.iter().find(|b| b.column == column.slug)?;
            let fresh = fresh.remove(&column.slug).unwrap_or_default();
            if !is_aged && fresh.is_empty() && !before.entries.iter().any(is_touched) {
                return Some(before.clone());
            }
            let kept = before.entries.iter().filter(|entry| !is_touched(entry));
            let mut entries: Vec<Entry> = if is_aged {
                kept.map(|entry| Entry::new(entry.rendered.card.clone()))
                    .collect()
            } else {
                kept.cloned().collect()
            };
            for entry in fresh {
                let rank = entry.rendered.rank();
                let index = entries.partition_point(|other| other.rendered.rank() < rank);
                entries.insert(index, entry);
            }
            Some(ColumnCards::new(column.slug.clone(), entries))
        });
        // A column that was not there before is loaded with all others.
        Ok(columns.collect())
    }

    /// Loads the cards of each column, by its slug.
    async fn load_cards(
        &self,
        db: &Pool,
        only: Option<&[Uuid]>,
    ) -> Result<HashMap<String, Vec<Entry>>> {
        if only.is_some_and(<[Uuid]>::is_empty) {
            return Ok(HashMap::new());
        }
        let cards =
            tasks::queries::cards(db, self.team, self.filter, self.resolved, self.now, only)
                .await?;
        let mut by_column: HashMap<String, Vec<Entry>> = HashMap::new();
        for card in cards {
            let column = by_column.entry(card.column.clone()).or_default();
            column.push(Entry::new(Arc::new(card)));
        }
        Ok(by_column)
    }
}
