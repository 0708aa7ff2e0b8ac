//! A task's checklist.

use serde_json::json;
use uuid::Uuid;

use crate::domain::{
    error::{Problem, Result},
    events::{Change, EventKind},
    tasks::{lock, note},
    team::Team,
};

/// Limits the length of a checklist; longer lists should be tasks.
const MAX: i64 = 200;

/// Adds a step at the end.
pub async fn add_step(change: &mut Change, team: &Team, task: Uuid, text: &str) -> Result<Uuid> {
    lock(change.db(), team.id, task).await?;
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let id = Uuid::now_v7();
    let added = sqlx::query(
        "INSERT INTO steps (team_id, id, task_id, position, text)
         SELECT $1, $2, $3, coalesce(max(position), 0) + 1, $4 FROM steps WHERE team_id = $1 AND task_id = $3 HAVING count(*) < $5",
    )
    .bind(team.id)
    .bind(id)
    .bind(task)
    .bind(&text)
    .bind(MAX)
    .execute(change.db())
    .await?;
    if added.rows_affected() == 0 {
        return Err(Problem::field("text", "A task can have at most 200 steps."));
    }
    note(
        change,
        team,
        task,
        EventKind::StepAdded,
        json!({}),
        json!({ "step": text }),
    )
    .await?;
    Ok(id)
}

/// Completes or reopens a step.
pub(crate) async fn set_step_done(
    change: &mut Change,
    team: &Team,
    task: Uuid,
    step: Uuid,
    done: bool,
) -> Result<()> {
    lock(change.db(), team.id, task).await?;
    let text: Option<String> = sqlx::query_scalar(
        "UPDATE steps SET done = $4 WHERE team_id = $1 AND task_id = $2 AND id = $3 AND done <> $4 RETURNING text",
    )
    .bind(team.id)
    .bind(task)
    .bind(step)
    .bind(done)
    .fetch_optional(change.db())
    .await?;
    match text {
        Some(text) => {
            note(
                change,
                team,
                task,
                if done {
                    EventKind::StepDone
                } else {
                    EventKind::StepReopened
                },
                json!({}),
                json!({ "step": text }),
            )
            .await
        }
        None => exists(change, team, task, step).await,
    }
}

/// Removes a step.
pub async fn remove_step(change: &mut Change, team: &Team, task: Uuid, step: Uuid) -> Result<()> {
    lock(change.db(), team.id, task).await?;
    let text: Option<String> = sqlx::query_scalar(
        "DELETE FROM steps WHERE team_id = $1 AND task_id = $2 AND id = $3 RETURNING text",
    )
    .bind(team.id)
    .bind(task)
    .bind(step)
    .fetch_optional(change.db())
    .await?;
    let text = text.ok_or(Problem::NotFound)?;
    note(
        change,
        team,
        task,
        EventKind::StepRemoved,
        json!({ "step": text }),
        json!({}),
    )
    .await
}

async fn exists(change: &mut Change, team: &Team, task: Uuid, step: Uuid) -> Result<()> {
    sqlx::query_scalar::<_, i32>(
        "SELECT 1 FROM steps WHERE team_id = $1 AND task_id = $2 AND id = $3",
    )
    .bind(team.id)
    .bind(task)
    .bind(step)
    .fetch_one(change.db())
    .await?;
    Ok(())
}
