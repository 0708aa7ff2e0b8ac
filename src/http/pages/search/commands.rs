//! The pages and commands that the palette offers. Commands for tasks come from the page that is open; search-palette.js
//! adds them.

use crate::{
    domain::text::fold,
    http::layout::{Layout, TEAM_PAGES},
};

/// A page to go to, or something to begin.
pub(crate) struct Command {
    pub(crate) name: String,
    pub(crate) url: String,
    /// The keyboard shortcut.
    pub(crate) key: &'static str,
}

impl Command {
    fn page(name: impl Into<String>, url: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            url: url.into(),
            key: "",
        }
    }
}

/// Returns the pages and commands whose names contain every word of what was typed, and creating a task with that title.
pub(crate) fn find_commands(layout: &Layout, typed: &str) -> Vec<Command> {
    let folded = fold(typed);
    let mut found = all_pages(layout);
    found.retain(|command| {
        let name = fold(&command.name);
        folded.split_whitespace().all(|word| name.contains(word))
    });
    if layout.may_add() {
        let title: String = form_urlencoded::byte_serialize(typed.trim().as_bytes()).collect();
        let name = match typed.trim() {
            "" => "New task".to_owned(),
            title => format!("New task “{title}”"),
        };
        found.push(Command {
            name,
            url: format!("/teams/{}/tasks/new?sprint=this&title={title}", layout.team),
            key: "c",
        });
    }
    found
}

fn all_pages(layout: &Layout) -> Vec<Command> {
    let mut pages = Vec::new();
    if let Some(team) = layout.teams.iter().find(|team| team.slug == layout.team) {
        for (path, name) in TEAM_PAGES {
            let url = format!("/teams/{}/{path}", team.slug);
            pages.push(Command::page(
                format!("{}: {name}", team.name),
                url.trim_end_matches('/'),
            ));
        }
        for (path, name) in [
            ("standup/walk", "Walk the board"),
            ("tasks", "Task list"),
            ("requests", "Requests"),
            ("history", "History"),
            ("settings", "Settings"),
        ] {
            pages.push(Command::page(
                format!("{}: {name}", team.name),
                format!("/teams/{}/{path}", team.slug),
            ));
        }
    }
    for (name, url) in [
        ("My work", "/"),
        ("Joint standup", "/standup"),
        ("Sprints", "/sprints"),
        ("Projects", "/projects"),
        ("All teams", "/teams"),
        ("Your account", "/me"),
        ("Help", "/help"),
    ] {
        pages.push(Command::page(name, url));
    }
    if layout.is_admin {
        for (name, url) in [
            ("Workspace settings", "/settings"),
            ("People and invitations", "/settings/people"),
            ("Audit log", "/settings/audit"),
        ] {
            pages.push(Command::page(name, url));
        }
    }
    pages
}
