//! The slowly changing data around a board: sprints, columns, people, labels, teams and saved
//! filters.

use crate::{
    db::pool::Pool,
    domain::{
        boards::{
            Column,
            board_auth::BoardAuth,
            labels::Label,
            queries::{self, SavedFilter},
        },
        error::Result,
        person::Person,
        policy::team_access,
        sprints::{self, Sprint},
        team::Team,
        teams::roster::{Roster, load_roster},
    },
};

/// The context at one workspace revision: every change to this data increments it.
pub(crate) struct BoardContext {
    pub(crate) workspace: i64,
    pub(crate) sprints: Vec<Sprint>,
    pub(crate) teams: Vec<Team>,
    pub(crate) columns: Vec<Column>,
    pub(crate) members: Vec<Person>,
    pub(crate) roster: Roster,
    pub(crate) people: Vec<Person>,
    pub(crate) labels: Vec<Label>,
    pub(crate) saved: Vec<SavedFilter>,
}

impl BoardContext {
    /// About the bytes that it takes, for the cache: each row has a few short texts.
    pub(crate) fn bytes(&self) -> usize {
        const ROW: usize = 300;
        let filters: usize = self.saved.iter().map(|filter| filter.query.len()).sum();
        let rows = [
            self.sprints.len(),
            self.teams.len(),
            self.columns.len(),
            self.members.len() * 2,
            self.people.len(),
            self.labels.len(),
            self.saved.len(),
        ];
        filters + rows.iter().sum::<usize>() * ROW
    }

    /// Loads the context of a team's board for a reader.
    pub(crate) async fn load(db: &Pool, auth: &BoardAuth) -> Result<Self> {
        let (team, viewer) = (auth.access.team.id, auth.viewer.person.id);
        Ok(Self {
            workspace: auth.workspace_seq,
            sprints: sprints::queries::sprints_of(db, team).await?,
            teams: team_access::seen_teams(db, &auth.viewer).await?,
            columns: queries::columns(db, team).await?,
            members: queries::members(db, team).await?,
            roster: load_roster(db, team).await?,
            people: queries::people(db).await?,
            labels: queries::labels(db, team).await?,
            saved: queries::saved_filters(db, team, viewer).await?,
        })
    }
}
