//! Deletes goals and changes their order.

use serde_json::json;
use uuid::Uuid;

use crate::domain::{
    error::{Problem, Result},
    events::{Change, EventKind},
    goals::locked_goal::{lock, note},
    tasks::{edit, task_edit::Edit},
    team::Team,
};

/// Deletes a goal. Its tasks stay, without a goal.
pub(crate) async fn remove_goal(change: &mut Change, team: &Team, goal: Uuid) -> Result<()> {
    let concerns: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM goal_comments WHERE team_id = $1 AND goal_id = $2 AND kind = 'concern' AND answer IS NULL",
    )
    .bind(team.id)
    .bind(goal)
    .fetch_one(change.db())
    .await?;
    if concerns > 0 {
        return Err(Problem::conflict(
            "This goal has an open concern, which would be deleted too. Answer it first. Nothing was changed.",
        ));
    }
    let tasks: Vec<Uuid> =
        sqlx::query_scalar("SELECT id FROM tasks WHERE team_id = $1 AND goal_id = $2 ORDER BY id")
            .bind(team.id)
            .bind(goal)
            .fetch_all(change.db())
            .await?;
    for task in tasks {
        edit::edit_task(
            change,
            team,
            task,
            &Edit {
                goal: Some(None),
                ..Edit::default()
            },
        )
        .await?;
    }
    let old = lock(change, team, goal).await?;
    // The foreign key refuses the deletion if a task was linked to the goal in the meantime.
    sqlx::query("DELETE FROM goals WHERE team_id = $1 AND id = $2")
        .bind(team.id)
        .bind(goal)
        .execute(change.db())
        .await?;
    note(
        change,
        team,
        EventKind::GoalDeleted,
        json!({ "goal": goal, "title": old.title, "project": old.project_id }),
        json!({}),
    );
    Ok(())
}

/// Moves a goal one place up or down among its team's in the sprint; at the end nothing changes.
pub(crate) async fn reorder_goal(
    change: &mut Change,
    team: &Team,
    goal: Uuid,
    up: bool,
) -> Result<()> {
    let old = lock(change, team, goal).await?;
    sqlx::query("SET CONSTRAINTS goal_position DEFERRED")
        .execute(change.db())
        .await?;
    let neighbour: Option<(Uuid, i32)> = sqlx::query_as(
        "SELECT id, position FROM goals WHERE team_id = $1 AND sprint_id = $2 AND CASE WHEN $4 THEN position < $3 ELSE position > $3 END
         ORDER BY abs(position - $3) LIMIT 1 FOR NO KEY UPDATE",
    )
    .bind(team.id)
    .bind(old.sprint_id)
    .bind(old.position)
    .bind(up)
    .fetch_optional(change.db())
    .await?;
    let Some((neighbour, position)) = neighbour else {
        return Ok(());
    };
    for (id, position) in [(goal, position), (neighbour, old.position)] {
        sqlx::query("UPDATE goals SET position = $3 WHERE team_id = $1 AND id = $2")
            .bind(team.id)
            .bind(id)
            .bind(position)
            .execute(change.db())
            .await?;
    }
    note(
        change,
        team,
        EventKind::GoalReordered,
        json!({ "goal": goal, "position": old.position }),
        json!({ "goal": goal, "position": position }),
    );
    Ok(())
}
