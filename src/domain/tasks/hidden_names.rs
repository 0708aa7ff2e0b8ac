//! What events may not name any more: teams that have become private, and their tasks.

use std::collections::HashSet;

use serde_json::Value;
use uuid::Uuid;

use crate::{
    db::pool::Pool,
    domain::{error::Result, policy::predicates::named_beside},
};

/// The ids of private teams, and of this team's reasons for waiting on them. Older events may name
/// such a team from when it was open, and for a removed reason only the event knows which team it
/// was.
pub(crate) async fn hidden_waits(db: &Pool, team: Uuid) -> Result<HashSet<Uuid>> {
    let private: Vec<Uuid> = sqlx::query_scalar(concat!(
        "SELECT t.id FROM teams t WHERE NOT ",
        named_beside!("t", "$1")
    ))
    .bind(team)
    .fetch_all(db)
    .await?;
    if private.is_empty() {
        return Ok(HashSet::new());
    }
    let hidden: Vec<Uuid> = sqlx::query_scalar(
        "SELECT id FROM blockers WHERE team_id = $1 AND (on_task_team = ANY($2) OR on_team_id = ANY($2))",
    )
    .bind(team)
    .bind(&private)
    .fetch_all(db)
    .await?;
    Ok(hidden.into_iter().chain(private).collect())
}

/// The text that replaces what a task is waiting on if that is hidden; `blockers` is the event's JSON.
pub(crate) fn hidden_name(blockers: &Value, hidden: &HashSet<Uuid>) -> Option<&'static str> {
    let replacement = if blockers["kind"] == "team" {
        "a private team"
    } else {
        "a task of a private team"
    };
    let is_hidden = |field: &str| {
        blockers[field]
            .as_str()
            .and_then(|id| id.parse().ok())
            .is_some_and(|id: Uuid| hidden.contains(&id))
    };
    (is_hidden("id") || is_hidden("team")).then_some(replacement)
}
