//! The most useful task to start with: what others are waiting on first, then the sprint's goals, then the order of the
//! board.

use uuid::Uuid;

use crate::{
    db::pool::Pool,
    domain::{
        error::Result,
        sprints,
        tasks::{Card, queries},
        team::Team,
    },
};

/// A task to start with.
pub(crate) struct Ready {
    pub(crate) card: Card,
    /// Why this one.
    pub(crate) reason: String,
}

/// Returns the most useful task of a team that can be started and has no owner: from the current sprint, or else from the
/// backlog.
pub(crate) async fn most_useful(db: &Pool, team: &Team) -> Result<Option<Ready>> {
    let sprints = sprints::queries::sprints_of(db, team.id).await?;
    let current = sprints::queries::current(&sprints);
    let task: Option<Uuid> = sqlx::query_scalar(
        "SELECT k.id FROM tasks k JOIN columns c ON c.team_id = k.team_id AND c.id = k.column_id AND c.state = 'todo'
         CROSS JOIN LATERAL (
             SELECT count(DISTINCT w.task_id) AS count FROM blockers w JOIN tasks n ON n.team_id = w.team_id AND n.id = w.task_id
             WHERE w.on_task_team = k.team_id AND w.on_task_id = k.id AND w.ended_at IS NULL AND n.archived_at IS NULL) waiting
         WHERE k.team_id = $1 AND k.archived_at IS NULL AND (k.sprint_id IS NULL OR k.sprint_id = $2)
               AND NOT EXISTS (SELECT FROM task_owners o WHERE o.team_id = k.team_id AND o.task_id = k.id)
         ORDER BY waiting.count DESC, k.sprint_id IS NULL, k.goal_id IS NULL, c.position, k.rank LIMIT 1",
    )
    .bind(team.id)
    .bind(current.map(|sprint| sprint.id))
    .fetch_optional(db)
    .await?;
    let Some(task) = task else { return Ok(None) };
    let card = queries::card(db, team, task).await?;
    let sprint = current.map_or("the sprint", |sprint| sprint.name.as_str());
    let reason = if !card.blocking.is_empty() {
        let waiting = card.blocking.join(", ");
        format!("Unblocking others comes first: {waiting} cannot go on without it.")
    } else if card.sprint.is_none() {
        format!("Every task of {sprint} has an owner. It is the first in the backlog without one.")
    } else if let Some(goal) = &card.goal_title {
        format!(
            "No unowned task blocks another one, and it serves a goal of {sprint}: {goal}. It is the first of those on the board."
        )
    } else {
        format!(
            "No unowned task blocks another one or serves a goal. It is the first of {sprint} on the board."
        )
    };
    Ok(Some(Ready { card, reason }))
}
