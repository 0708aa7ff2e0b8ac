//! What stands around every page: who reads it, their teams, and how far the sprint is.

use axum::http::HeaderMap;
use uuid::Uuid;

use crate::{
    app::App,
    domain::{
        clock,
        error::Result,
        person::Person,
        policy::{team_access, viewer::Viewer},
        sprints,
        team::Team,
    },
    http::{
        assets::{ASSETS, Assets},
        page::theme,
    },
};

/// A team's pages, as the nav names them: its board is its own address.
pub const TEAM_PAGES: &[(&str, &str)] = &[
    ("", "Board"),
    ("standup", "Standup"),
    ("planning", "Planning"),
    ("retro", "Retro"),
    ("flow", "Flow"),
    ("check-in", "Check-in"),
    ("about", "About"),
];

/// What the layout shows around a page.
pub struct Layout {
    pub title: String,
    pub viewer: Option<Person>,
    /// `light`, `dark`, or nothing for the system's.
    pub theme: &'static str,
    pub teams: Vec<Team>,
    /// Those of them whose board the viewer may change.
    pub edits: Vec<Uuid>,
    /// The slug of the team whose page this is.
    pub team: String,
    /// Which page of the team, or of the workspace, it is: the nav marks it.
    pub page: &'static str,
    /// A class a working day of the sprint that is going on.
    pub mark: Vec<&'static str>,
    /// Whether the settings of the workspace are the viewer's to change.
    pub is_admin: bool,
    pub assets: &'static Assets,
}

impl Layout {
    /// A frame for somebody who is signed in.
    pub async fn new(
        app: &App,
        viewer: &Viewer,
        headers: &HeaderMap,
        title: impl Into<String>,
        team: &str,
    ) -> Result<Self> {
        let sprints = sprints::queries::sprints(&app.db).await?;
        let today = clock::day_in(app.clock.now(), &viewer.time_zone);
        let mark =
            sprints::queries::active(&sprints).map_or_else(Vec::new, |sprint| sprint.mark(today));
        let teams = team_access::teams(&app.db, viewer).await?;
        let edits = teams
            .iter()
            .filter(|access| access.may_edit)
            .map(|access| access.team.id)
            .collect();
        let theme = theme(headers);
        Ok(Self {
            title: title.into(),
            viewer: Some(viewer.person.clone()),
            theme,
            teams: teams.into_iter().map(|access| access.team).collect(),
            edits,
            team: team.to_owned(),
            page: "",
            mark,
            is_admin: team_access::may_edit_workspace(viewer),
            assets: &ASSETS,
        })
    }

    /// The same, as this page of its team.
    pub fn at(self, page: &'static str) -> Self {
        Self { page, ..self }
    }

    /// A frame that asks the database nothing: for signing in, and for errors.
    pub fn bare(_app: &App, title: String, theme: &'static str) -> Self {
        Self {
            title,
            viewer: None,
            theme,
            teams: Vec::new(),
            edits: Vec::new(),
            team: String::new(),
            page: "",
            mark: vec![
                "gone", "gone", "gone", "gone", "gone", "today", "", "", "", "",
            ],
            is_admin: false,
            assets: &ASSETS,
        }
    }

    /// Whether the viewer may change the board of that team.
    pub fn may_edit(&self, team: Uuid) -> bool {
        self.edits.contains(&team)
    }

    /// Whether the viewer may make tasks in the team whose page this is.
    pub fn may_add(&self) -> bool {
        self.teams
            .iter()
            .any(|team| team.slug == self.team && self.may_edit(team.id))
    }

    /// The nav's teams: this page's first three and its own, so that the bar has room.
    pub fn nav_teams(&self) -> Vec<&Team> {
        let mut shown: Vec<&Team> = self.teams.iter().take(4).collect();
        if let Some(own) = self.teams.iter().find(|team| team.slug == self.team)
            && !shown.contains(&own)
        {
            shown.pop();
            shown.push(own);
        }
        shown
    }
}
