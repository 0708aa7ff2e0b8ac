//! A task's checklist.

use serde_json::{Value, json};
use uuid::Uuid;

use crate::domain::{
    error::{Problem, Result},
    events::{Change, EventKind},
    tasks::{lock, note},
    team::Team,
    text::list_entries,
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
        json!({ "step": text, "id": id }),
    )
    .await?;
    Ok(id)
}

/// Adds a step for each line of a text, such as a pasted list. Returns how many.
///
/// # Errors
/// `Invalid` for a text without words, and for more steps than a task can have.
pub async fn add_steps(change: &mut Change, team: &Team, task: Uuid, text: &str) -> Result<usize> {
    let lines = list_entries(text);
    if lines.len() <= 1 {
        add_step(change, team, task, text).await?;
        return Ok(1);
    }
    for line in &lines {
        add_step(change, team, task, line).await?;
    }
    Ok(lines.len())
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
                json!({ "step": text, "id": step }),
            )
            .await
        }
        None => exists(change, team, task, step).await,
    }
}

/// Removes a step.
pub async fn remove_step(change: &mut Change, team: &Team, task: Uuid, step: Uuid) -> Result<()> {
    lock(change.db(), team.id, task).await?;
    let removed: Option<(String, i32, bool)> = sqlx::query_as(
        "DELETE FROM steps WHERE team_id = $1 AND task_id = $2 AND id = $3 RETURNING text, position, done",
    )
    .bind(team.id)
    .bind(task)
    .bind(step)
    .fetch_optional(change.db())
    .await?;
    let (text, position, done) = removed.ok_or(Problem::NotFound)?;
    note(
        change,
        team,
        task,
        EventKind::StepRemoved,
        json!({ "step": text, "id": step, "position": position, "done": done }),
        json!({}),
    )
    .await
}

/// Undoes an event of a step.
pub(crate) async fn undo_step(
    change: &mut Change,
    team: &Team,
    task: Uuid,
    kind: EventKind,
    (before, after): (&Value, &Value),
) -> Result<()> {
    let id = |value: &Value| value["id"].as_str().and_then(|id| id.parse().ok());
    let step = id(after).or_else(|| id(before)).ok_or(Problem::NotFound)?;
    match kind {
        EventKind::StepAdded => remove_step(change, team, task, step).await,
        EventKind::StepDone => set_step_done(change, team, task, step, false).await,
        EventKind::StepReopened => set_step_done(change, team, task, step, true).await,
        _ => restore_step(change, team, task, step, before).await,
    }
}

async fn restore_step(
    change: &mut Change,
    team: &Team,
    task: Uuid,
    step: Uuid,
    removed: &Value,
) -> Result<()> {
    let text = removed["step"].as_str().unwrap_or_default();
    sqlx::query(
        "INSERT INTO steps (team_id, id, task_id, position, text, done) VALUES ($1, $2, $3, $4, $5, $6)",
    )
    .bind(team.id)
    .bind(step)
    .bind(task)
    .bind(removed["position"].as_i64().and_then(|position| i32::try_from(position).ok()).unwrap_or(1))
    .bind(text)
    .bind(removed["done"] == true)
    .execute(change.db())
    .await?;
    note(
        change,
        team,
        task,
        EventKind::StepAdded,
        json!({}),
        json!({ "step": text, "id": step }),
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
