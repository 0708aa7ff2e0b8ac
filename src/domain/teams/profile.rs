//! What a team tells others about itself: why it is there, where to reach it, where it is heading.

use crate::domain::events::EventKind;
use serde_json::json;

use crate::domain::team::Team;
use crate::domain::{
    error::Result,
    events::{Change, Event},
};

/// What stands on a team's page about itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, sqlx::FromRow)]
pub struct About {
    pub mission: String,
    /// A channel's name, or its address.
    pub chat: String,
    /// Markdown.
    pub roadmap: String,
}

/// Tells it anew.
pub async fn tell(change: &mut Change, team: &Team, about: &About) -> Result<()> {
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
    let said = |about: &About| json!({ "mission": about.mission, "chat": about.chat, "roadmap": about.roadmap });
    change.record(Event {
        team: team.id,
        task: None,
        kind: EventKind::TeamProfileEdited,
        before: said(&before),
        after: said(about),
        version: None,
    });
    Ok(())
}
