//! A team, as all features name one.

use uuid::Uuid;

/// The team as boards and tasks show it.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Team {
    pub id: Uuid,
    pub(crate) slug: String,
    pub(crate) name: String,
    /// The prefix of its task keys: INF.
    pub(crate) key: String,
    /// The number of its newest event.
    pub(crate) seq: i64,
}

/// The columns of a team that an outer join may not have found.
#[derive(Clone, sqlx::FromRow)]
pub(crate) struct JoinedTeam {
    team_id: Option<Uuid>,
    team_slug: Option<String>,
    team_name: Option<String>,
    team_key: Option<String>,
    seq: Option<i64>,
}

impl JoinedTeam {
    /// Returns the team, if there was one.
    pub(crate) fn into_team(self) -> Option<Team> {
        Some(Team {
            id: self.team_id?,
            slug: self.team_slug?,
            name: self.team_name?,
            key: self.team_key?,
            seq: self.seq?,
        })
    }
}
