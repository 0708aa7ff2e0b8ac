//! One team's part of a standup.

use std::collections::HashMap;

use time::{Date, Duration, OffsetDateTime};
use uuid::Uuid;

use crate::domain::{
    column_state::ColumnState, goals::Goal, humanize, person::Person, sprints::Sprint, tasks::Card,
    team::Team, teams::roster::Member,
};

/// One team's part of a standup.
pub struct Standup {
    pub team: Team,
    pub may_edit: bool,
    pub sprint: Option<Sprint>,
    /// Which working day of the sprint it is; 0 before its first.
    pub day: usize,
    pub today: Date,
    pub since: Date,
    /// When the meeting of `since` began.
    pub began: OffsetDateTime,
    /// The one before it, where nobody has closed it yet.
    pub unclosed: Option<Sprint>,
    /// What is open in the sprint that the team works in, and in one that nobody closed.
    pub cards: Vec<Card>,
    pub goals: Vec<Goal>,
    /// Those of them that are behind pace, and those of a sprint that nobody closed.
    pub at_risk: Vec<Uuid>,
    pub members: Vec<Member>,
    pub happened: Vec<TaskUpdate>,
    /// How many more tasks something happened to than are told.
    pub(crate) untold: i64,
    /// When something last happened to what is in progress. What happened to a task that it waits on is not its own, nor a call for help.
    pub(crate) changed: HashMap<Uuid, OffsetDateTime>,
    /// What would help most from whom, by its place among the cards.
    pub(crate) useful: HashMap<Uuid, usize>,
    /// By column: how long 85 of 100 tasks were in it at the longest.
    pub(crate) usual: HashMap<String, Duration>,
    pub(crate) now: OffsetDateTime,
}

/// What became of a task since the last standup.
pub struct TaskUpdate {
    pub key: String,
    pub title: String,
    pub what: &'static str,
    pub state: ColumnState,
    pub owners: Vec<Person>,
}

impl Standup {
    /// Goals that are behind, or carried by one person alone.
    pub fn goals_in_need(&self) -> impl Iterator<Item = &Goal> {
        self.goals
            .iter()
            .filter(|goal| goal.is_behind() || goal.lone.is_some())
    }

    pub fn in_state<'p>(
        &'p self,
        who: &'p Person,
        state: ColumnState,
    ) -> impl Iterator<Item = &'p Card> {
        let owns = |card: &&Card| card.owners.iter().any(|owner| owner.id == who.id);
        self.cards
            .iter()
            .filter(move |card| card.state == state && owns(card))
    }

    pub fn most_useful(&self, who: &Person) -> Option<&Card> {
        self.useful.get(&who.id).map(|place| &self.cards[*place])
    }

    /// `away until Fri 27 Nov`, for somebody who is.
    pub fn away(&self, member: &Member) -> Option<String> {
        member
            .away_until(self.today)
            .map(|last| format!("away until {}", humanize::day(last)))
    }

    /// `3 done, 2 moved, 1 newly blocked`
    pub fn tally(&self) -> String {
        let told = [
            "Done",
            "Moved",
            "Newly blocked",
            "Blocked again",
            "Unblocked",
            "Added",
            "Restored",
            "Archived",
        ];
        let counts = told.map(|what| {
            (
                self.happened.iter().filter(|one| one.what == what).count(),
                what,
            )
        });
        let told = counts.into_iter().filter(|(count, _)| *count > 0);
        let told = told.map(|(count, what)| format!("{count} {}", what.to_lowercase()));
        told.chain((self.untold > 0).then(|| format!("and {} tasks more", self.untold)))
            .collect::<Vec<_>>()
            .join(", ")
    }

    /// How long a card is in its column.
    pub fn age(&self, card: &Card) -> String {
        humanize::age(self.now, card.column_since)
    }

    pub fn now(&self) -> OffsetDateTime {
        self.now
    }

    /// When something last happened to a card.
    pub fn changed(&self, card: &Card) -> OffsetDateTime {
        self.changed
            .get(&card.id)
            .copied()
            .unwrap_or(card.column_since)
    }

    /// Whether a card is in its column for longer than 85 of 100 tasks of its team were.
    pub fn is_old(&self, card: &Card) -> bool {
        self.usual
            .get(&card.column)
            .is_some_and(|usual| self.now - card.column_since > *usual)
    }
}
