//! The columns of a board as HTML. Each list starts with its first cards; the rest is loaded as someone scrolls to it.

use std::collections::BTreeMap;

use askama::Template;
use serde::Serialize;
use time::OffsetDateTime;

use crate::{
    domain::{
        boards::Column, column_state::ColumnState, error::Result, sprints::Sprint, tasks::Card,
        team::Team,
    },
    http::{
        cache::rendered_board::{BoardView, FIRST_CARDS, RenderedBoard, RenderedCard},
        page::Rendered,
    },
};

/// The most cards of a list that one page shows.
const MAX_SHOWN: usize = 10_000;

/// How many cards of each list are wanted, without JavaScript, or by a board that has loaded more of them.
#[derive(Clone, Copy, Default, serde::Deserialize)]
#[serde(default)]
pub(crate) struct Shown {
    shown: usize,
}

impl Shown {
    /// The number of cards, a multiple of the first ones, so that few pages differ.
    pub(crate) fn cards(self) -> usize {
        self.shown
            .clamp(FIRST_CARDS, MAX_SHOWN)
            .next_multiple_of(FIRST_CARDS)
    }

    /// The number of cards, if it is more than the first ones.
    pub(crate) fn beyond_first(self) -> Option<usize> {
        Some(self.cards()).filter(|cards| *cards > FIRST_CARDS)
    }
}

impl BoardView<'_> {
    /// Renders the columns, each with at most this number of cards.
    pub(crate) fn columns_html(&self, board: &RenderedBoard, shown: usize) -> Result<Rendered> {
        // Archived tasks have no ranks, by which the rest is loaded.
        let shown = if self.filter.wants_archived() {
            usize::MAX
        } else {
            shown
        };
        let elsewhere = |column: &Column, matching: usize| {
            board
                .totals
                .iter()
                .find(|(slug, _)| *slug == column.slug)
                .map_or(0, |(_, total)| (total - matching as i64).max(0))
        };
        let mut lanes = Vec::new();
        for ((_, _, name), lists) in self.groups(board) {
            let hue = lists
                .iter()
                .find_map(|cards| cards.first())
                .and_then(|rendered| rendered.card.goal_hue)
                .filter(|_| self.lanes == "goal");
            let mut columns = Vec::with_capacity(self.columns.len());
            for (column, cards) in self.columns.iter().zip(lists) {
                columns.push(RenderedColumn {
                    column,
                    elsewhere: elsewhere(column, cards.len()),
                    matching: cards.len(),
                    list: List::of(cards, shown, self.now)?,
                });
            }
            lanes.push(Lane {
                columns,
                name: name.to_owned(),
                hue,
            });
        }
        Rendered::of(&ColumnsHtml {
            team: self.team,
            sprint: self.sprint,
            lanes,
            grouped: !self.lanes.is_empty(),
            query: self.filter.query_string(self.lanes),
        })
    }

    /// Renders the cards of a list that come after a rank: the next ones, or all up to another rank.
    pub(crate) fn further_cards_html(
        &self,
        board: &RenderedBoard,
        part: &ListPart,
    ) -> Result<Rendered> {
        let column = self
            .columns
            .iter()
            .position(|column| column.slug == part.column);
        let mut groups = self.groups(board).into_iter();
        let lists = groups.find(|((_, _, name), _)| *name == part.lane);
        let all = lists
            .zip(column)
            .and_then(|((_, lists), column)| lists.into_iter().nth(column))
            .unwrap_or_default();
        let first = all.partition_point(|rendered| rendered.rank() <= part.after.as_str());
        let following = all[first..].to_vec();
        let wanted = following
            .partition_point(|rendered| rendered.rank() <= part.until.as_str())
            .max(FIRST_CARDS);
        Rendered::of(&ListHtml {
            team: self.team,
            query: self.filter.query_string(self.lanes),
            matching: all.len(),
            list: List::of(following, wanted, self.now)?,
        })
    }

    /// The number of cards in each column. Only of boards without lanes, since a change in a lane loads the board anew.
    pub(crate) fn counts(&self, board: &RenderedBoard) -> Vec<ColumnCount> {
        let columns = board.columns.iter();
        columns
            .map(|cards| ColumnCount {
                column: cards.column.clone(),
                count: cards.entries.len(),
            })
            .collect()
    }

    /// The cards of each column by lane. A task with several owners is in the lane of the first.
    fn groups<'c>(
        &self,
        board: &'c RenderedBoard,
    ) -> BTreeMap<LaneKey<'c>, Vec<Vec<&'c RenderedCard>>> {
        let mut groups: BTreeMap<_, Vec<Vec<&RenderedCard>>> = BTreeMap::new();
        for (index, column) in board.columns.iter().enumerate() {
            let cards = column.entries.iter().map(|entry| &*entry.rendered);
            if self.lanes.is_empty() {
                let all = groups.entry((false, None, "")).or_default();
                all.push(cards.collect());
                continue;
            }
            for rendered in cards {
                let lane = groups.entry(self.lane_of(&rendered.card)).or_default();
                lane.resize_with(board.columns.len(), Vec::new);
                lane[index].push(rendered);
            }
        }
        if groups.is_empty() {
            groups.insert((false, None, ""), vec![Vec::new(); board.columns.len()]);
        }
        groups
    }

    fn lane_of<'c>(&self, card: &'c Card) -> LaneKey<'c> {
        if self.lanes == "owner" {
            let first = card.owners.first();
            return first.map_or((true, None, "No owner"), |owner| {
                (false, None, owner.name.as_str())
            });
        }
        let title = card.goal_title.as_deref();
        title.map_or((true, None, "No goal"), |title| (false, card.goal, title))
    }
}

/// The order of a lane: whether it is the one of tasks without an owner or goal, which comes last; the goal's position;
/// and the name.
type LaneKey<'c> = (bool, Option<i32>, &'c str);

/// A part of a list of cards: those after the rank `after`, up to the rank `until`, which is empty for the next ones.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(default)]
pub(crate) struct ListPart {
    /// The column's slug.
    column: String,
    /// The lane's name; empty without lanes.
    lane: String,
    after: String,
    until: String,
}

/// The number of cards in a column.
#[derive(Debug, Serialize)]
pub(crate) struct ColumnCount {
    column: String,
    count: usize,
}

/// The cards of a list that are shown, and what follows them.
struct List<'b> {
    cards: Vec<&'b Rendered>,
    /// The number of cards that are not shown.
    rest: usize,
    /// The rank of the last card that is shown.
    last_rank: &'b str,
}

impl<'b> List<'b> {
    fn of(mut cards: Vec<&'b RenderedCard>, shown: usize, now: OffsetDateTime) -> Result<Self> {
        let rest = cards.len().saturating_sub(shown);
        cards.truncate(shown);
        Ok(Self {
            last_rank: cards.last().map_or("", |rendered| rendered.rank()),
            cards: cards
                .iter()
                .map(|rendered| rendered.html(now))
                .collect::<Result<_>>()?,
            rest,
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
    /// The board's filter, for links.
    query: String,
}

/// The part of a list that a board adds at its end.
#[derive(Template)]
#[template(path = "boards/_list.html")]
struct ListHtml<'b> {
    team: &'b Team,
    query: String,
    list: List<'b>,
    /// The number of cards of the whole list.
    matching: usize,
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
    list: List<'b>,
    /// The number of cards that match the filter.
    matching: usize,
    /// The number of this column's tasks that are elsewhere: hidden by the filter, or in another lane. 0 if no column has
    /// a limit.
    elsewhere: i64,
}

impl RenderedColumn<'_> {
    fn total(&self) -> i64 {
        self.matching as i64 + self.elsewhere
    }

    /// `4 / 3` with a WIP limit, otherwise the number of cards.
    fn count(&self) -> String {
        match self.column.wip_limit {
            Some(limit) => format!("{} / {limit}", self.total()),
            None => self.matching.to_string(),
        }
    }

    /// `1 shown, 4 / 3` if the filter hides some of the tasks of a column with a limit.
    fn shown_and_count(&self) -> String {
        if self.column.wip_limit.is_some() && self.elsewhere > 0 {
            format!("{} shown, {}", self.matching, self.count())
        } else {
            self.count()
        }
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
