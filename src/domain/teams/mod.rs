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

/// The `data-live` attribute of a page: the event stream of these teams.
pub(crate) fn live_url<'t>(teams: impl Iterator<Item = &'t Team>) -> String {
    let slugs: Vec<&str> = teams.map(|team| team.slug.as_str()).collect();
    match slugs.as_slice() {
        [] => String::new(),
        [slug] => format!("/teams/{slug}/live"),
        several => format!("/live?teams={}", several.join(",")),
    }
}

/// The `data-seq` attribute of a page: the number of the newest event on that stream that the page shows.
pub(crate) fn event_number<'t>(teams: impl Iterator<Item = &'t Team>) -> i64 {
    teams.map(|team| team.seq).sum()
}
