//! Objectives of a team for a quarter, and the key results that measure them.

use serde_json::{Value, json};
use uuid::Uuid;

use crate::domain::{
    error::{Problem, Result},
    events::{Change, Event, EventKind},
    measure::Measure,
    team::Team,
};

/// Adds an objective, as the last of its quarter.
pub(crate) async fn add_objective(
    change: &mut Change,
    team: &Team,
    quarter: &str,
    title: &str,
    why: &str,
) -> Result<()> {
    // Concurrent additions get different positions.
    sqlx::query("SELECT FROM teams WHERE id = $1 FOR NO KEY UPDATE")
        .bind(team.id)
        .execute(change.db())
        .await?;
    let id = Uuid::now_v7();
    sqlx::query(
        "INSERT INTO objectives (team_id, id, quarter, position, title, why)
         SELECT $1, $2, $3, coalesce(max(position), 0) + 1, $4, $5 FROM objectives WHERE team_id = $1 AND quarter = $3",
    )
    .bind(team.id)
    .bind(id)
    .bind(quarter.trim().to_uppercase())
    .bind(title.trim())
    .bind(why.trim())
    .execute(change.db())
    .await?;
    note(
        change,
        team,
        EventKind::ObjectiveAdded,
        json!({ "objective": id, "title": title.trim() }),
    );
    Ok(())
}

/// Edits an objective.
pub(crate) async fn edit_objective(
    change: &mut Change,
    team: &Team,
    objective: Uuid,
    title: &str,
    why: &str,
) -> Result<()> {
    let edited =
        sqlx::query("UPDATE objectives SET title = $3, why = $4 WHERE team_id = $1 AND id = $2")
            .bind(team.id)
            .bind(objective)
            .bind(title.trim())
            .bind(why.trim())
            .execute(change.db())
            .await?;
    if edited.rows_affected() == 0 {
        return Err(Problem::NotFound);
    }
    note(
        change,
        team,
        EventKind::ObjectiveEdited,
        json!({ "objective": objective, "title": title.trim() }),
    );
    Ok(())
}

/// Deletes an objective with its key results. What was linked to them stays, without them.
pub(crate) async fn remove_objective(
    change: &mut Change,
    team: &Team,
    objective: Uuid,
) -> Result<()> {
    let title: Option<String> =
        sqlx::query_scalar("DELETE FROM objectives WHERE team_id = $1 AND id = $2 RETURNING title")
            .bind(team.id)
            .bind(objective)
            .fetch_optional(change.db())
            .await?;
    let title = title.ok_or(Problem::NotFound)?;
    note(
        change,
        team,
        EventKind::ObjectiveDeleted,
        json!({ "objective": objective, "title": title }),
    );
    Ok(())
}

/// A key result as a form sends it.
#[derive(Clone, Debug)]
pub(crate) struct ResultDraft {
    pub(crate) title: String,
    pub(crate) measure: Measure,
    pub(crate) unit: String,
    pub(crate) target: i64,
}

/// Adds a key result, as the last of its objective.
pub(crate) async fn add_key_result(
    change: &mut Change,
    team: &Team,
    objective: Uuid,
    draft: &ResultDraft,
) -> Result<()> {
    sqlx::query("SELECT FROM objectives WHERE team_id = $1 AND id = $2 FOR NO KEY UPDATE")
        .bind(team.id)
        .bind(objective)
        .fetch_one(change.db())
        .await?;
    let id = Uuid::now_v7();
    sqlx::query(
        "INSERT INTO key_results (team_id, id, objective_id, position, title, measure, unit, target)
         SELECT $1, $2, $3, coalesce(max(position), 0) + 1, $4, $5, $6, $7 FROM key_results WHERE team_id = $1 AND objective_id = $3",
    )
    .bind(team.id)
    .bind(id)
    .bind(objective)
    .bind(draft.title.trim())
    .bind(draft.measure.as_str())
    .bind(draft.unit.trim())
    .bind(draft.target)
    .execute(change.db())
    .await?;
    note(
        change,
        team,
        EventKind::KeyResultAdded,
        json!({ "key_result": id, "title": draft.title.trim(), "target": draft.target }),
    );
    Ok(())
}

/// Edits a key result's title or target. Its measure is fixed, because recorded progress depends on
/// it.
pub(crate) async fn edit_key_result(
    change: &mut Change,
    team: &Team,
    result: Uuid,
    title: &str,
    unit: &str,
    target: i64,
) -> Result<()> {
    let edited = sqlx::query(
        "UPDATE key_results SET title = $3, unit = $4, target = $5 WHERE team_id = $1 AND id = $2",
    )
    .bind(team.id)
    .bind(result)
    .bind(title.trim())
    .bind(unit.trim())
    .bind(target)
    .execute(change.db())
    .await?;
    if edited.rows_affected() == 0 {
        return Err(Problem::NotFound);
    }
    note(
        change,
        team,
        EventKind::KeyResultEdited,
        json!({ "key_result": result, "title": title.trim(), "target": target }),
    );
    Ok(())
}

/// Sets a key result's progress; with `None`, linked work is added up again.
pub(crate) async fn set_progress(
    change: &mut Change,
    team: &Team,
    result: Uuid,
    manual_value: Option<i64>,
) -> Result<()> {
    let measure: Measure = sqlx::query_scalar(
        "SELECT measure FROM key_results WHERE team_id = $1 AND id = $2 FOR NO KEY UPDATE",
    )
    .bind(team.id)
    .bind(result)
    .fetch_one(change.db())
    .await?;
    measure.check_manual_value(manual_value)?;
    let before: Option<Option<i64>> = sqlx::query_scalar(
        "UPDATE key_results k SET manual_value = $3 FROM (SELECT manual_value FROM key_results WHERE team_id = $1 AND id = $2 FOR NO KEY UPDATE) was
         WHERE k.team_id = $1 AND k.id = $2 RETURNING was.manual_value",
    )
    .bind(team.id)
    .bind(result)
    .bind(manual_value)
    .fetch_optional(change.db())
    .await?;
    let before = before.ok_or(Problem::NotFound)?;
    note(
        change,
        team,
        EventKind::KeyResultProgressed,
        json!({ "key_result": result, "was": before, "manual_value": manual_value }),
    );
    Ok(())
}

/// Deletes a key result. What was linked to it stays, without it.
pub(crate) async fn remove_key_result(
    change: &mut Change,
    team: &Team,
    result: Uuid,
) -> Result<()> {
    // The foreign key of a project has two columns; both are cleared.
    let title: Option<String> = sqlx::query_scalar(
        "DELETE FROM key_results WHERE team_id = $1 AND id = $2 RETURNING title",
    )
    .bind(team.id)
    .bind(result)
    .fetch_optional(change.db())
    .await?;
    let title = title.ok_or(Problem::NotFound)?;
    note(
        change,
        team,
        EventKind::KeyResultDeleted,
        json!({ "key_result": result, "title": title }),
    );
    Ok(())
}

fn note(change: &mut Change, team: &Team, kind: EventKind, after: Value) {
    change.record(Event {
        team: team.id,
        task: None,
        kind,
        before: json!({}),
        after,
        version: None,
    });
}
