//! One team's standup.

use std::collections::HashMap;

use time::{Date, Duration, OffsetDateTime};
use uuid::Uuid;

use crate::domain::{
    column_state::ColumnState, goals::Goal, humanize, person::Person, sprints::Sprint, tasks::Card,
    team::Team, teams::roster::Member,
};

/// One team's standup.
pub(crate) struct Standup {
    pub(crate) team: Team,
    pub(crate) may_edit: bool,
    pub(crate) sprint: Option<Sprint>,
    /// Number of the sprint's working day; 0 before its first.
    pub(crate) day: usize,
    pub(crate) today: Date,
    pub(crate) since: Date,
    /// The start of the previous standup.
    pub(crate) previous_at: OffsetDateTime,
    /// The previous sprint, if it is not closed yet.
    pub(crate) unclosed: Option<Sprint>,
    /// Open cards of the team's current sprint, and of one that is not closed.
    pub(crate) cards: Vec<Card>,
    pub(crate) goals: Vec<Goal>,
    /// Goals that are behind pace, including those of a sprint that is not closed.
    pub(crate) at_risk: Vec<Uuid>,
    pub(crate) members: Vec<Member>,
    pub(crate) happened: Vec<TaskUpdate>,
    /// Number of changed tasks beyond those that are listed.
    pub(crate) unlisted: i64,
    /// Time of the last change of tasks in progress. Changes of a blocking task and help requests
    /// do not count.
    pub(crate) changed: HashMap<Uuid, OffsetDateTime>,
    /// The suggested card for each idle person, as an index into the cards.
    pub(crate) useful: HashMap<Uuid, usize>,
    /// The 85th percentile of the time in each column.
    pub(crate) usual: HashMap<String, Duration>,
    pub(crate) now: OffsetDateTime,
}

/// A change of a task since the last standup.
pub(crate) struct TaskUpdate {
    pub(crate) key: String,
    pub(crate) title: String,
    pub(crate) what: &'static str,
    pub(crate) state: ColumnState,
    pub(crate) owners: Vec<Person>,
}

impl Standup {
    /// Goals that are behind, or that have only one owner.
    pub(crate) fn goals_in_need(&self) -> impl Iterator<Item = &Goal> {
        self.goals
            .iter()
            .filter(|goal| goal.is_behind() || goal.risk.is_some())
    }

    pub(crate) fn in_state<'p>(
        &'p self,
        person: &'p Person,
        state: ColumnState,
    ) -> impl Iterator<Item = &'p Card> {
        let owns = |card: &&Card| card.owners.iter().any(|owner| owner.id == person.id);
        self.cards
            .iter()
            .filter(move |card| card.state == state && owns(card))
    }

    /// The task to suggest to a member with nothing in progress; none while they are away.
    pub(crate) fn suggested(&self, member: &Member) -> Option<&Card> {
        if member.away_until(self.today).is_some() {
            return None;
        }
        let place = self.useful.get(&member.person.id)?;
        Some(&self.cards[*place])
    }

    /// `away through Fri 27 Nov`, for a member who is away.
    pub(crate) fn absence(&self, member: &Member) -> Option<String> {
        member
            .away_until(self.today)
            .map(|last| format!("away through {}", humanize::day(last)))
    }

    /// `3 done, 2 moved, 1 newly blocked`
    pub(crate) fn tally(&self) -> String {
        let kinds = [
            "Done",
            "Moved to todo",
            "Moved to in progress",
            "Moved to in review",
            "Newly blocked",
            "Blocked again",
            "Unblocked",
            "Added",
            "Restored",
            "Archived",
        ];
        let counts = kinds.map(|what| {
            (
                self.happened
                    .iter()
                    .filter(|update| update.what == what)
                    .count(),
                what,
            )
        });
        let kinds = counts.into_iter().filter(|(count, _)| *count > 0);
        let kinds = kinds.map(|(count, what)| format!("{count} {}", what.to_lowercase()));
        kinds
            .chain((self.unlisted > 0).then(|| format!("and {} more tasks", self.unlisted)))
            .collect::<Vec<_>>()
            .join(", ")
    }

    /// How long a card has been in its column.
    pub(crate) fn age(&self, card: &Card) -> String {
        humanize::age(self.now, card.column_since)
    }

    pub(crate) fn now(&self) -> OffsetDateTime {
        self.now
    }

    /// The time of a card's last change.
    pub(crate) fn changed(&self, card: &Card) -> OffsetDateTime {
        self.changed
            .get(&card.id)
            .copied()
            .unwrap_or(card.column_since)
    }

    /// Whether a card has been in its column longer than 85 % of its team's tasks were.
    pub(crate) fn is_old(&self, card: &Card) -> bool {
        self.usual
            .get(&card.column)
            .is_some_and(|usual| self.now - card.column_since > *usual)
    }
}
