//! The layout around every page: navigation, teams, account menu, and the sprint's progress mark.

use axum::http::HeaderMap;
use uuid::Uuid;

use crate::{
    app::App,
    domain::{
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

/// A team's pages and their names in the navigation; the board is the team's own URL.
pub(crate) const TEAM_PAGES: &[(&str, &str)] = &[
    ("", "Board"),
    ("standup", "Standup"),
    ("planning", "Planning"),
    ("retro", "Retro"),
    ("flow", "Flow"),
    ("check-in", "Check-in"),
    ("about", "About"),
];

/// The data of `layout.html`.
pub(crate) struct Layout {
    pub(crate) title: String,
    pub(crate) viewer: Option<Person>,
    /// `light`, `dark`, or empty for the system's.
    pub(crate) theme: &'static str,
    pub(crate) teams: Vec<Team>,
    /// The teams whose board the viewer may edit.
    pub(crate) edits: Vec<Uuid>,
    /// The slug of the page's team.
    pub(crate) team: String,
    /// The current page of the team or workspace, which the navigation marks.
    pub(crate) page: &'static str,
    /// One class per working day of the active sprint.
    pub(crate) mark: Vec<&'static str>,
    /// Whether the viewer may change the workspace's settings.
    pub(crate) is_admin: bool,
    pub(crate) assets: &'static Assets,
}

impl Layout {
    /// The layout for a signed-in viewer.
    pub(crate) async fn new(
        app: &App,
        viewer: &Viewer,
        headers: &HeaderMap,
        title: impl Into<String>,
        team: &str,
    ) -> Result<Self> {
        let sprints = sprints::queries::sprints(&app.db).await?;
        let today = sprints::queries::workspace_today(&app.db, app.clock.now()).await?;
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

    /// Sets the page that the navigation marks.
    pub(crate) fn at(self, page: &'static str) -> Self {
        Self { page, ..self }
    }

    /// A layout that needs no query: for sign-in pages and errors.
    pub(crate) fn bare(_app: &App, title: String, theme: &'static str) -> Self {
        Self {
            title,
            viewer: None,
            theme,
            teams: Vec::new(),
            edits: Vec::new(),
            team: String::new(),
            page: "",
            mark: vec![
                "past", "past", "past", "past", "past", "today", "", "", "", "",
            ],
            is_admin: false,
            assets: &ASSETS,
        }
    }

    /// Whether the viewer may edit the board of that team.
    pub(crate) fn may_edit(&self, team: Uuid) -> bool {
        self.edits.contains(&team)
    }

    /// Whether the viewer may create tasks in the page's team.
    pub(crate) fn may_add(&self) -> bool {
        self.teams
            .iter()
            .any(|team| team.slug == self.team && self.may_edit(team.id))
    }

    /// The teams in the navigation: at most four, always including the page's own.
    pub(crate) fn nav_teams(&self) -> Vec<&Team> {
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
