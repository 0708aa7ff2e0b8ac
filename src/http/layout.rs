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
    /// How many threads of the viewer's inbox are unread.
    pub(crate) unread: i32,
    /// The version of the style sheet with people's pictures; 0 for none.
    pub(crate) avatars: i64,
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
        let (sprints, today) =
            sprints::queries::sprints_and_today(&app.db, app.clock.now()).await?;
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
            unread: viewer.unread,
            avatars: viewer.avatars,
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
            unread: 0,
            avatars: 0,
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

    /// The teams of the team menu in natural order, under headings: the viewer's own, and the others.
    pub(crate) fn switcher(&self) -> Vec<(&'static str, Vec<&Team>)> {
        let mut teams: Vec<&Team> = self.teams.iter().collect();
        teams.sort_by_cached_key(|team| natural_key(&team.name));
        let (own, others): (Vec<&Team>, Vec<&Team>) = teams
            .into_iter()
            .partition(|team| self.edits.contains(&team.id));
        let mut groups = vec![("Your teams", own), ("Other teams", others)];
        groups.retain(|(_, teams)| !teams.is_empty());
        groups
    }

    /// The name of the page's team, for the team menu.
    pub(crate) fn team_name(&self) -> &str {
        self.teams
            .iter()
            .find(|team| team.slug == self.team)
            .map_or("Teams", |team| team.name.as_str())
    }

    /// The name of the current page, for the menu of pages on narrow screens.
    pub(crate) fn page_name(&self) -> &'static str {
        match self.page {
            "" if self.team.is_empty() => "Pages",
            "my-work" => "My work",
            "inbox" => "Inbox",
            "standup" if self.team.is_empty() => "Joint standup",
            "sprints" => "Sprints",
            "projects" => "Projects",
            page => TEAM_PAGES
                .iter()
                .find(|(path, _)| *path == page)
                .map_or("Pages", |(_, name)| name),
        }
    }

    /// The board that the tab bar leads to: the page's team, or else the viewer's first.
    pub(crate) fn board(&self) -> Option<&str> {
        let own = || {
            self.teams
                .iter()
                .find(|team| self.edits.contains(&team.id))
                .or(self.teams.first())
        };
        if self.team.is_empty() {
            own().map(|team| team.slug.as_str())
        } else {
            Some(&self.team)
        }
    }

    /// The number of unread threads, as the navigation shows it.
    pub(crate) fn unread_text(&self) -> String {
        match self.unread {
            0 => String::new(),
            many if many > 99 => "99+".to_owned(),
            some => some.to_string(),
        }
    }

    /// Whether the page is a team's board.
    pub(crate) fn is_board(&self) -> bool {
        !self.team.is_empty() && self.page.is_empty()
    }
}

/// Sorts `Team 2` before `Team 10`, without regard to case.
fn natural_key(name: &str) -> Vec<(String, u64)> {
    let mut parts: Vec<(String, u64)> = vec![(String::new(), 0)];
    let mut digits = String::new();
    for letter in name.to_lowercase().chars() {
        if letter.is_ascii_digit() {
            digits.push(letter);
            continue;
        }
        if !digits.is_empty() {
            if let Some(last) = parts.last_mut() {
                last.1 = digits.parse().unwrap_or(u64::MAX);
            }
            digits.clear();
            parts.push((String::new(), 0));
        }
        if let Some(last) = parts.last_mut() {
            last.0.push(letter);
        }
    }
    if let Some(last) = parts.last_mut() {
        last.1 = digits.parse().unwrap_or(0);
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_sorted_naturally() {
        let mut names = [
            "Team 10", "team 2", "Team", "Alpha 1b", "Alpha 1a", "Team 1",
        ];
        names.sort_by_cached_key(|name| natural_key(name));
        assert_eq!(
            names,
            [
                "Alpha 1a", "Alpha 1b", "Team", "Team 1", "team 2", "Team 10"
            ]
        );
    }
}
