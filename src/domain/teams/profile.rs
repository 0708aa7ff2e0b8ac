//! A team's public profile: mission, chat channel and roadmap.

use serde_json::json;
use uuid::Uuid;

use crate::{
    db::pool::Pool,
    domain::{
        error::Result,
        events::{Change, Event, EventKind},
        team::Team,
    },
};

/// The profile of a team.
#[derive(Clone, Debug, Default, PartialEq, Eq, sqlx::FromRow)]
pub(crate) struct About {
    pub(crate) mission: String,
    /// A channel's name or URL.
    pub(crate) chat: String,
    /// Markdown.
    pub(crate) roadmap: String,
}

/// Returns a team's profile.
pub(crate) async fn profile(db: &Pool, team: Uuid) -> Result<About> {
    Ok(
        sqlx::query_as("SELECT mission, chat, roadmap FROM teams WHERE id = $1")
            .bind(team)
            .fetch_one(db)
            .await?,
    )
}

/// Updates the profile.
pub(crate) async fn update_profile(change: &mut Change, team: &Team, about: &About) -> Result<()> {
    let before: About =
        sqlx::query_as("SELECT mission, chat, roadmap FROM teams WHERE id = $1 FOR NO KEY UPDATE")
            .bind(team.id)
            .fetch_one(change.db())
            .await?;
    if before == *about {
        return Ok(());
    }
    sqlx::query("UPDATE teams SET mission = $2, chat = $3, roadmap = $4 WHERE id = $1")
        .bind(team.id)
        .bind(&about.mission)
        .bind(&about.chat)
        .bind(&about.roadmap)
        .execute(change.db())
        .await?;
    let to_json = |about: &About| json!({ "mission": about.mission, "chat": about.chat, "roadmap": about.roadmap });
    change.record(Event {
        team: team.id,
        task: None,
        kind: EventKind::TeamProfileEdited,
        before: to_json(&before),
        after: to_json(about),
        version: None,
    });
    Ok(())
}
