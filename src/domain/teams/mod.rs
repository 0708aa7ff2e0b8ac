//! Teams and their members.

pub mod create;
pub mod invitations;
pub mod membership;
pub mod profile;
pub mod queries;
pub mod roster;
pub mod schedule;
pub mod share_links;

use crate::domain::team::Team;

/// The `data-live` attribute of a page: the event streams of these teams.
pub(crate) fn live_urls<'t>(teams: impl Iterator<Item = &'t Team>) -> String {
    teams
        .map(|team| format!("/teams/{}/live", team.slug))
        .collect::<Vec<_>>()
        .join(" ")
}

/// The `data-seq` attribute of a page: the newest event of each team that the page shows.
pub(crate) fn event_numbers<'t>(teams: impl Iterator<Item = &'t Team>) -> String {
    teams
        .map(|team| team.seq.to_string())
        .collect::<Vec<_>>()
        .join(" ")
}
