//! Teams and who is on them.

pub mod create;
pub mod membership;
pub mod profile;
pub mod queries;
pub mod roster;
pub mod schedule;

use uuid::Uuid;

/// A team, as its board and its tasks name it.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Team {
    pub id: Uuid,
    pub slug: String,
    pub name: String,
    /// What its tasks' keys begin with: INF.
    pub key: String,
    /// The number of its newest event.
    pub seq: i64,
}

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
