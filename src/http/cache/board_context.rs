//! What stands around a board and seldom changes: sprints, columns, people, labels, teams and saved filters.

use sqlx::PgPool;

use crate::domain::{
    boards::labels::Label,
    error::Result,
    person::Person,
    sprints::{self, Sprint},
    team::Team,
    teams::roster::{Roster, load_roster},
};
use crate::domain::{
    boards::{
        Column,
        board_auth::BoardAuth,
        queries::{self, SavedFilter},
    },
    policy::team_access,
};

/// All of it, as of a count of the workspace: each of these changes counts it on.
pub struct BoardContext {
    pub workspace: i64,
    pub sprints: Vec<Sprint>,
    pub teams: Vec<Team>,
    pub columns: Vec<Column>,
    pub members: Vec<Person>,
    pub crew: Roster,
    pub people: Vec<Person>,
    pub labels: Vec<Label>,
    pub saved: Vec<SavedFilter>,
}

impl BoardContext {
    /// Loads what a reader has around a team's board.
    pub async fn load(db: &PgPool, door: &BoardAuth) -> Result<Self> {
        let (team, viewer) = (door.access.team.id, door.viewer.person.id);
        Ok(Self {
            workspace: door.workspace_seq,
            sprints: sprints::queries::sprints_of(db, team).await?,
            teams: team_access::seen_teams(db, &door.viewer).await?,
            columns: queries::columns(db, team).await?,
            members: queries::members(db, team).await?,
            crew: load_roster(db, team).await?,
            people: queries::people(db).await?,
            labels: queries::labels(db, team).await?,
            saved: queries::saved_filters(db, team, viewer).await?,
        })
    }
}
