//! The cache key of a rendered board and the revision of its data.

use time::OffsetDateTime;
use uuid::Uuid;

use crate::domain::boards::filters::{sql::ResolvedSprint, terms::Filter};

/// Seconds for which the ages on cards may be out of date.
const TIME_BUCKET_SECONDS: i64 = 300;

/// Everything that a cached board depends on, apart from the data's revision.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct BoardKey {
    pub(crate) team: Uuid,
    pub(crate) filter: Filter,
    pub(crate) sprint: ResolvedSprint,
    pub(crate) lanes: &'static str,
}

/// The version of all data that a board shows: while it is equal, so is the board.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Revision {
    /// The sequence number of the team's newest event.
    pub(crate) team: i64,
    /// The number of changes to people, teams and sprints of the workspace.
    pub(crate) workspace: i64,
    /// The current five-minute interval, since cards show ages.
    pub(crate) time_bucket: i64,
}

impl Revision {
    /// The revision at an instant, from the sequence numbers of a team and of the workspace.
    pub(crate) fn of(team: i64, workspace: i64, now: OffsetDateTime) -> Self {
        Self {
            team,
            workspace,
            time_bucket: now.unix_timestamp().div_euclid(TIME_BUCKET_SECONDS),
        }
    }

    /// Whether this revision is at least as new as the other in every part.
    pub(crate) fn covers(&self, other: &Self) -> bool {
        self.team >= other.team
            && self.workspace >= other.workspace
            && self.time_bucket >= other.time_bucket
    }
}
