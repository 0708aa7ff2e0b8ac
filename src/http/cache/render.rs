//! A board's columns, drawn once for everybody. After a change only the cards that it touched are drawn anew.

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
    },
    http::cache::revision::{BoardKey, Revision},
};
use crate::{
    domain::{
        error::Result,
        events::log::events_after,
        sprints::Sprint,
        tasks::{self, Card},
        team::Team,
    },
    http::{page::Rendered, pages::tasks::card::CardHtml},
};

/// After more events than this the board is drawn anew.
const MOST_EVENTS: i64 = 200;

/// The columns of a board as HTML, and figures for its head.
pub struct RenderedBoard {
    pub html: Rendered,
    pub done: usize,
    pub total: usize,
    pub(crate) stamp: Revision,
    faces: Vec<Arc<RenderedCard>>,
}

/// A card, and its HTML.
struct RenderedCard {
    card: Card,
    html: Rendered,
}

/// What is to be drawn.
pub struct BoardView<'b> {
    pub team: &'b Team,
    pub columns: &'b [Column],
    pub filter: &'b Filter,
    pub resolved: ResolvedSprint,
    pub sprint: Option<&'b Sprint>,
    pub lanes: &'static str,
    pub stamp: Revision,
    pub now: OffsetDateTime,
}

impl BoardView<'_> {
    /// What the board is kept under.
    pub(crate) fn key(&self) -> BoardKey {
        BoardKey {
            team: self.team.id,
            filter: self.filter.clone(),
            sprint: self.resolved,
            lanes: self.lanes,
        }
    }

    /// Draws the board, with the unchanged cards of an earlier drawing.
    pub(crate) async fn draw(
        &self,
        db: &PgPool,
        before: Option<&RenderedBoard>,
    ) -> Result<RenderedBoard> {
        let kept = match before {
            Some(before) => self.faces_since(db, before).await?,
            None => None,
        };
        let faces = match kept {
            Some(faces) => faces,
            None => self.faces(db, None).await?,
        };
        self.columns_html(db, faces).await
    }

    /// The faces of the board that was kept, with those anew that something happened to;
    /// nothing if too much did, or something that concerns all of them.
    async fn faces_since(
        &self,
        db: &PgPool,
        before: &RenderedBoard,
    ) -> Result<Option<Vec<Arc<RenderedCard>>>> {
        let same = before.stamp.workspace == self.stamp.workspace
            && before.stamp.stretch == self.stamp.stretch;
        if !same || self.filter.wants_archived() {
            return Ok(None);
        }
        let events = events_after(db, self.team.id, before.stamp.team, MOST_EVENTS + 1).await?;
        let touched: Option<Vec<Uuid>> = events.iter().map(|event| event.task_id).collect();
        let Some(mut touched) = touched.filter(|touched| touched.len() as i64 <= MOST_EVENTS)
        else {
            return Ok(None);
        };
        touched.sort_unstable();
        touched.dedup();
        let mut faces: Vec<Arc<RenderedCard>> = before
            .faces
            .iter()
            .filter(|face| touched.binary_search(&face.card.id).is_err())
            .cloned()
            .collect();
        faces.extend(self.faces(db, Some(&touched)).await?);
        let place = |face: &RenderedCard| {
            self.columns
                .iter()
                .position(|column| column.slug == face.card.column)
        };
        faces.sort_by(|a, b| {
            place(a)
                .cmp(&place(b))
                .then_with(|| a.card.rank.cmp(&b.card.rank))
        });
        Ok(Some(faces))
    }

    async fn faces(&self, db: &PgPool, only: Option<&[Uuid]>) -> Result<Vec<Arc<RenderedCard>>> {
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
        faces: Vec<Arc<RenderedCard>>,
    ) -> Result<RenderedBoard> {
        // Limits hold for the whole column; without any nobody needs the totals.
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
        // Owners by name and goals by place; what belongs to nobody and nothing comes last.
        let mut groups: BTreeMap<(bool, Option<i32>, &str), Vec<&RenderedCard>> = BTreeMap::new();
        for face in &faces {
            let lane = match self.lanes {
                "owner" => face
                    .card
                    .owners
                    .first()
                    .map_or((true, None, "Nobody yet"), |owner| {
                        (false, None, &owner.name)
                    }),
                "goal" => {
                    let title = face.card.goal_title.as_deref();
                    title.map_or((true, None, "No goal"), |title| {
                        (false, face.card.goal, title)
                    })
                }
                _ => (false, None, ""),
            };
            groups.entry(lane).or_default().push(face);
        }
        if groups.is_empty() {
            groups.insert((false, None, ""), Vec::new());
        }
        let mut lanes = Vec::with_capacity(groups.len());
        for ((_, _, name), group) in groups {
            let columns = self.columns.iter().map(|column| {
                let cards: Vec<&RenderedCard> = group
                    .iter()
                    .filter(|face| face.card.column == column.slug)
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
                .and_then(|face| face.card.goal_hue)
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
        let done = faces
            .iter()
            .filter(|face| face.card.state == ColumnState::Done)
            .count();
        Ok(RenderedBoard {
            html,
            done,
            total: faces.len(),
            stamp: self.stamp,
            faces,
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

/// A row of columns: the whole board, or one owner's or goal's part of it.
struct Lane<'b> {
    name: String,
    /// A goal's hue, or nothing.
    hue: Option<i16>,
    columns: Vec<RenderedColumn<'b>>,
}

struct RenderedColumn<'b> {
    column: &'b Column,
    cards: Vec<&'b RenderedCard>,
    /// How many tasks the filter leaves out of this column.
    hidden: i64,
}

impl RenderedColumn<'_> {
    fn total(&self) -> i64 {
        self.cards.len() as i64 + self.hidden
    }

    /// `4 / 3` with a limit, else how many are shown.
    fn count(&self) -> String {
        match self.column.wip_limit {
            Some(limit) => format!("{} / {limit}", self.total()),
            None => self.shown().to_string(),
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
