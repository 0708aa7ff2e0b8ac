//! Renders a board's columns once for everyone. After a change only the affected cards are rendered
//! again.

use std::{collections::BTreeMap, sync::Arc};

use askama::Template;
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
        cache::revision::{BoardKey, Revision},
        page::Rendered,
        pages::tasks::card::CardHtml,
    },
};

/// After more events than this the whole board is rendered again.
const MAX_EVENTS: i64 = 200;

/// The columns of a board as HTML, and the counts in its header.
pub(crate) struct RenderedBoard {
    pub(crate) html: Rendered,
    pub(crate) done: usize,
    pub(crate) total: usize,
    pub(crate) revision: Revision,
    cards: Vec<Arc<RenderedCard>>,
}

impl RenderedBoard {
    /// About the bytes that it takes, for the cache: each card also keeps its data, in short texts.
    pub(crate) fn bytes(&self) -> usize {
        const CARD: usize = 1000;
        let cards = self.cards.iter().map(|rendered| rendered.html.len() + CARD);
        self.html.len() + cards.sum::<usize>()
    }
}

/// A card and its HTML.
struct RenderedCard {
    card: Card,
    html: Rendered,
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
        self.columns_html(db, cards).await
    }

    /// The cards of the cached board, with changed ones rendered again; `None` after too many
    /// events, or after one that affects all cards.
    async fn refresh_cards(
        &self,
        db: &PgPool,
        before: &RenderedBoard,
    ) -> Result<Option<Vec<Arc<RenderedCard>>>> {
        let same = before.revision.workspace == self.revision.workspace
            && before.revision.time_bucket == self.revision.time_bucket;
        if !same || self.filter.wants_archived() {
            return Ok(None);
        }
        let events = events_after(db, self.team.id, before.revision.team, MAX_EVENTS + 1).await?;
        let touched: Option<Vec<Uuid>> = events.iter().map(|event| event.task_id).collect();
        let Some(mut touched) = touched.filter(|touched| touched.len() as i64 <= MAX_EVENTS) else {
            return Ok(None);
        };
        touched.sort_unstable();
        touched.dedup();
        let mut cards: Vec<Arc<RenderedCard>> = before
            .cards
            .iter()
            .filter(|rendered| touched.binary_search(&rendered.card.id).is_err())
            .cloned()
            .collect();
        cards.extend(self.load_cards(db, Some(&touched)).await?);
        let position = |rendered: &RenderedCard| {
            self.columns
                .iter()
                .position(|column| column.slug == rendered.card.column)
        };
        cards.sort_by(|a, b| {
            position(a)
                .cmp(&position(b))
                .then_with(|| a.card.rank.cmp(&b.card.rank))
        });
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
        cards
            .into_iter()
            .map(|card| {
                Ok(Arc::new(RenderedCard {
                    html: Rendered::of(&CardHtml::new(&card, self.now))?,
                    card,
                }))
            })
            .collect()
    }

    async fn columns_html(
        &self,
        db: &PgPool,
        cards: Vec<Arc<RenderedCard>>,
    ) -> Result<RenderedBoard> {
        // WIP limits apply to the whole column; without any the totals are not needed.
        let limited = self.columns.iter().any(|column| column.wip_limit.is_some());
        let totals = if limited {
            queries::totals(db, self.team.id).await?
        } else {
            Vec::new()
        };
        let hidden = |column: &Column, shown: usize| {
            totals
                .iter()
                .find(|(slug, _)| *slug == column.slug)
                .map_or(0, |(_, total)| (total - shown as i64).max(0))
        };
        // Owners by name, goals by position; tasks without either come last.
        let mut groups: BTreeMap<(bool, Option<i32>, &str), Vec<&RenderedCard>> = BTreeMap::new();
        for rendered in &cards {
            let lane = match self.lanes {
                "owner" => rendered
                    .card
                    .owners
                    .first()
                    .map_or((true, None, "No owner"), |owner| (false, None, &owner.name)),
                "goal" => {
                    let title = rendered.card.goal_title.as_deref();
                    title.map_or((true, None, "No goal"), |title| {
                        (false, rendered.card.goal, title)
                    })
                }
                _ => (false, None, ""),
            };
            groups.entry(lane).or_default().push(rendered);
        }
        if groups.is_empty() {
            groups.insert((false, None, ""), Vec::new());
        }
        let mut lanes = Vec::with_capacity(groups.len());
        for ((_, _, name), group) in groups {
            let columns = self.columns.iter().map(|column| {
                let cards: Vec<&RenderedCard> = group
                    .iter()
                    .filter(|rendered| rendered.card.column == column.slug)
                    .copied()
                    .collect();
                RenderedColumn {
                    column,
                    hidden: hidden(column, cards.len()),
                    cards,
                }
            });
            let hue = group
                .first()
                .and_then(|rendered| rendered.card.goal_hue)
                .filter(|_| self.lanes == "goal");
            lanes.push(Lane {
                columns: columns.collect(),
                name: name.to_owned(),
                hue,
            });
        }
        let grouped = !self.lanes.is_empty();
        let html = Rendered::of(&ColumnsHtml {
            team: self.team,
            sprint: self.sprint,
            lanes,
            grouped,
        })?;
        let done = cards
            .iter()
            .filter(|rendered| rendered.card.state == ColumnState::Done)
            .count();
        Ok(RenderedBoard {
            html,
            done,
            total: cards.len(),
            revision: self.revision,
            cards,
        })
    }
}

#[derive(Template)]
#[template(path = "boards/_columns.html")]
struct ColumnsHtml<'b> {
    team: &'b Team,
    sprint: Option<&'b Sprint>,
    lanes: Vec<Lane<'b>>,
    grouped: bool,
}

/// A lane of columns: the whole board, or the tasks of one owner or goal.
struct Lane<'b> {
    name: String,
    /// The goal's hue, when grouped by goal.
    hue: Option<i16>,
    columns: Vec<RenderedColumn<'b>>,
}

struct RenderedColumn<'b> {
    column: &'b Column,
    cards: Vec<&'b RenderedCard>,
    /// The number of this column's tasks that the filter hides.
    hidden: i64,
}

impl RenderedColumn<'_> {
    fn total(&self) -> i64 {
        self.cards.len() as i64 + self.hidden
    }

    /// `4 / 3` with a WIP limit, otherwise the number shown.
    fn count(&self) -> String {
        match self.column.wip_limit {
            Some(limit) => format!("{} / {limit}", self.total()),
            None => self.shown().to_string(),
        }
    }

    /// `1 shown, 4 / 3` if the filter hides some of the tasks of a column with a limit.
    fn shown_and_count(&self) -> String {
        if self.column.wip_limit.is_some() && self.hidden > 0 {
            format!("{} shown, {}", self.shown(), self.count())
        } else {
            self.count()
        }
    }

    fn shown(&self) -> usize {
        self.cards.len()
    }

    fn is_over(&self) -> bool {
        self.column
            .wip_limit
            .is_some_and(|limit| self.total() > i64::from(limit))
    }

    fn state(&self) -> ColumnState {
        self.column.state
    }
}

impl ColumnsHtml<'_> {
    fn sprint_number(&self) -> String {
        self.sprint
            .map_or(String::new(), |sprint| sprint.number.to_string())
    }
}
