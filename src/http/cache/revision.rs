//! What a rendered board shows, and the state of the data that it shows.

use time::OffsetDateTime;
use uuid::Uuid;

use crate::domain::boards::filters::{sql::ResolvedSprint, terms::Filter};

/// Ages on cards are as old as this at most, in seconds.
const STRETCH: i64 = 300;

/// What a kept board was rendered for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct BoardKey {
    pub team: Uuid,
    pub filter: Filter,
    pub sprint: ResolvedSprint,
    pub lanes: &'static str,
}

/// The state of everything that a board shows: while it is the same, so is the board.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Revision {
    /// The team's newest event.
    pub team: i64,
    /// The workspace's count of changes to people, teams and sprints.
    pub workspace: i64,
    /// Which stretch of five minutes it is: ages on cards go by it.
    pub stretch: i64,
}

impl Revision {
    /// The state at an instant, by the counts of a team and of the workspace.
    pub fn of(team: i64, workspace: i64, now: OffsetDateTime) -> Self {
        Self {
            team,
            workspace,
            stretch: now.unix_timestamp().div_euclid(STRETCH),
        }
    }

    /// Whether what this stands for shows everything that the other one does.
    pub fn covers(&self, other: &Self) -> bool {
        self.team >= other.team
            && self.workspace >= other.workspace
            && self.stretch >= other.stretch
    }
}
