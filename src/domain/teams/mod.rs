//! Teams and who is on them.

pub mod create;
pub mod invitations;
pub mod membership;
pub mod profile;
pub mod queries;
pub mod roster;
pub mod schedule;
pub mod setup;
pub mod share_links;

use crate::domain::team::Team;

/// The streams that a page of these teams listens to, as its `data-live` names them.
pub fn lives<'t>(teams: impl Iterator<Item = &'t Team>) -> String {
    teams
        .map(|team| format!("/teams/{}/live", team.slug))
        .collect::<Vec<_>>()
        .join(" ")
}

/// The newest event of each that such a page shows, as its `data-seq` names them.
pub fn seqs<'t>(teams: impl Iterator<Item = &'t Team>) -> String {
    teams
        .map(|team| team.seq.to_string())
        .collect::<Vec<_>>()
        .join(" ")
}
