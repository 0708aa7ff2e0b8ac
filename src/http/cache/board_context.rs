//! What stands around a board and seldom changes: sprints, columns, people, labels, teams and saved filters.

use std::sync::Arc;

use crate::domain::{
    boards::{
        Column,
        board_auth::Door,
        queries::{self, SavedFilter},
    },
    policy::team_access,
};
use crate::{
    app::App,
    domain::{
        boards::labels::Label,
        error::Result,
        person::Person,
        sprints::{self, Sprint},
        team::Team,
        teams::roster::{Crew, crew},
    },
};

/// All of it, as of a count of the workspace: each of these changes counts it on.
pub struct Furniture {
    pub workspace: i64,
    pub sprints: Vec<Sprint>,
    pub teams: Vec<Team>,
    pub columns: Vec<Column>,
    pub members: Vec<Person>,
    pub crew: Crew,
    pub people: Vec<Person>,
    pub labels: Vec<Label>,
    pub saved: Vec<SavedFilter>,
}

impl Furniture {
    /// What a reader has around a team's board.
    pub async fn of(app: &App, door: &Door) -> Result<Arc<Self>> {
        let (team, viewer) = (door.access.team.id, door.viewer.person.id);
        if door.viewer.reach().is_none()
            && let Some(kept) = app.kept.furniture(team, viewer, door.workspace_seq)
        {
            return Ok(kept);
        }
        let furniture = Arc::new(Self {
            workspace: door.workspace_seq,
            sprints: sprints::queries::sprints_of(&app.db, team).await?,
            teams: team_access::seen_teams(&app.db, &door.viewer).await?,
            columns: queries::columns(&app.db, team).await?,
            members: queries::members(&app.db, team).await?,
            crew: crew(&app.db, team).await?,
            people: queries::people(&app.db).await?,
            labels: queries::labels(&app.db, team).await?,
            saved: queries::saved_filters(&app.db, team, viewer).await?,
        });
        if door.viewer.reach().is_none() {
            app.kept.keep_furniture(team, viewer, furniture.clone());
        }
        Ok(furniture)
    }
}
