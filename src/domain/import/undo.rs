//! Undoes an import as a whole: its tasks are deleted, unless one of them was changed since.

use serde_json::{Value, json};
use sqlx::types::Json;
use uuid::Uuid;

use crate::domain::{
    column_state::ColumnState,
    error::{Problem, Result},
    events::{Change, Event, EventKind},
    humanize::counted,
    import::execute::allow_long_statements,
    tasks::undo::lock_board,
    team::Team,
    workspace_seq::bump_workspace_seq,
};

/// The most tasks that a refusal names.
const NAMED: usize = 5;

#[derive(sqlx::FromRow)]
struct Done {
    change_id: Uuid,
    columns: Vec<Uuid>,
    labels: Vec<Uuid>,
    removed: Json<Vec<RemovedColumn>>,
}

/// A default column that the import removed.
#[derive(serde::Deserialize)]
struct RemovedColumn {
    slug: String,
    name: String,
    state: ColumnState,
}

/// Deletes the tasks of an import, its new columns and labels that nothing else uses, and brings back the columns that it
/// removed. Returns the number of tasks.
///
/// # Errors
/// `NotFound` if the team has no such import, `Conflict` if it was undone before, or a task was changed since or is
/// mentioned by something else.
pub(crate) async fn undo(change: &mut Change, team: &Team, import: Uuid) -> Result<usize> {
    allow_long_statements(change.db()).await?;
    lock_board(change, team).await?;
    let done: Option<Done> = sqlx::query_as(
        "SELECT change_id, columns, labels, removed FROM imports WHERE team_id = $1 AND id = $2 AND state = 'done' FOR UPDATE",
    )
    .bind(team.id)
    .bind(import)
    .fetch_optional(change.db())
    .await?;
    let done = done.ok_or_else(|| {
        Problem::conflict("This import was undone already, or has not ended. Nothing was changed.")
    })?;
    let tasks: Vec<Uuid> = sqlx::query_scalar(
        "SELECT id FROM tasks WHERE team_id = $1 AND id IN (
             SELECT task_id FROM events WHERE team_id = $1 AND change_id = $2 AND kind = 'task.imported')
         ORDER BY id FOR UPDATE",
    )
    .bind(team.id)
    .bind(done.change_id)
    .fetch_all(change.db())
    .await?;
    refuse_if_used(change, team, &tasks, done.change_id).await?;
    sqlx::query("DELETE FROM tasks WHERE team_id = $1 AND id = ANY($2)")
        .bind(team.id)
        .bind(&tasks)
        .execute(change.db())
        .await?;
    restore_columns(change, team, &done).await?;
    sqlx::query(
        "DELETE FROM labels l WHERE team_id = $1 AND id = ANY($2)
         AND NOT EXISTS (SELECT FROM task_labels t WHERE t.team_id = l.team_id AND t.label_id = l.id)",
    )
    .bind(team.id)
    .bind(&done.labels)
    .execute(change.db())
    .await?;
    bump_workspace_seq(change.db()).await?;
    let imported: Option<Value> = sqlx::query_scalar(
        "SELECT after FROM events WHERE team_id = $1 AND change_id = $2 AND kind = 'board.imported'",
    )
    .bind(team.id)
    .bind(done.change_id)
    .fetch_optional(change.db())
    .await?;
    sqlx::query(
        "UPDATE imports SET state = 'undone', ended_at = $3 WHERE team_id = $1 AND id = $2",
    )
    .bind(team.id)
    .bind(import)
    .bind(change.at)
    .execute(change.db())
    .await?;
    change.record(Event {
        team: team.id,
        task: None,
        kind: EventKind::ImportUndone,
        before: imported.unwrap_or_default(),
        after: json!({}),
        version: None,
    });
    Ok(tasks.len())
}

/// Refuses if anything happened to a task after its import, or something refers to it that would be lost with it.
async fn refuse_if_used(
    change: &mut Change,
    team: &Team,
    tasks: &[Uuid],
    import: Uuid,
) -> Result<()> {
    let used: Vec<i64> = sqlx::query_scalar(
        "SELECT k.number FROM tasks k WHERE k.team_id = $1 AND k.id = ANY($2) AND k.id IN (
             SELECT e.task_id FROM events e WHERE e.team_id = $1 AND e.task_id = ANY($2) AND e.change_id <> $3
             UNION ALL SELECT w.on_task_id FROM blockers w WHERE w.on_task_team = $1 AND w.on_task_id = ANY($2)
             UNION ALL SELECT t.task_id FROM topics t WHERE t.task_team = $1 AND t.task_id = ANY($2)
             UNION ALL SELECT a.task_id FROM actions a WHERE a.team_id = $1 AND a.task_id = ANY($2)
             UNION ALL SELECT r.task_id FROM requests r WHERE r.team_id = $1 AND r.task_id = ANY($2))
         ORDER BY k.number",
    )
    .bind(team.id)
    .bind(tasks)
    .bind(import)
    .fetch_all(change.db())
    .await?;
    if used.is_empty() {
        return Ok(());
    }
    let mut names: Vec<String> = used
        .iter()
        .take(NAMED)
        .map(|number| format!("{}-{number}", team.key))
        .collect();
    if used.len() > NAMED {
        names.push(counted(used.len() - NAMED, "other"));
    }
    let (verb, it) = match used.len() {
        1 => ("was", "it"),
        _ => ("were", "them"),
    };
    Err(Problem::conflict(format!(
        "{} {verb} changed since the import, or something else refers to {it}. Nothing was undone. Archive the tasks that you don't need.",
        names.join(", ")
    )))
}

/// Brings back the columns that the import removed, and deletes those that it added, if they are empty.
async fn restore_columns(change: &mut Change, team: &Team, done: &Done) -> Result<()> {
    let removed = &done.removed.0;
    let added: Vec<(String, String, ColumnState)> = sqlx::query_as(
        "INSERT INTO columns (team_id, id, slug, name, state, position)
         SELECT $1, c.id, c.slug, c.name, c.state, (SELECT coalesce(max(position), 0) FROM columns WHERE team_id = $1) + c.nth
         FROM unnest($2::uuid[], $3::text[], $4::text[], $5::text[]) WITH ORDINALITY AS c (id, slug, name, state, nth)
         WHERE NOT EXISTS (SELECT FROM columns o WHERE o.team_id = $1 AND (o.slug = c.slug OR fold(o.name) = fold(c.name)))
         RETURNING slug, name, state",
    )
    .bind(team.id)
    .bind(removed.iter().map(|_| Uuid::now_v7()).collect::<Vec<_>>())
    .bind(removed.iter().map(|column| column.slug.as_str()).collect::<Vec<_>>())
    .bind(removed.iter().map(|column| column.name.as_str()).collect::<Vec<_>>())
    .bind(removed.iter().map(|column| column.state.as_str()).collect::<Vec<_>>())
    .fetch_all(change.db())
    .await?;
    // A board without a column could not be used.
    let deleted: Vec<(String, String, ColumnState)> = sqlx::query_as(
        "DELETE FROM columns c WHERE team_id = $1 AND id = ANY($2)
         AND NOT EXISTS (SELECT FROM tasks k WHERE k.team_id = c.team_id AND k.column_id = c.id)
         AND NOT EXISTS (SELECT FROM pull_request_rules r WHERE r.team_id = c.team_id AND r.column_id = c.id)
         AND NOT EXISTS (SELECT FROM github_project_columns g WHERE g.team_id = c.team_id AND g.column_id = c.id)
         AND EXISTS (SELECT FROM columns o WHERE o.team_id = $1 AND o.id <> ALL($2))
         RETURNING slug, name, state",
    )
    .bind(team.id)
    .bind(&done.columns)
    .fetch_all(change.db())
    .await?;
    if !removed.is_empty() {
        // The board had only the default columns, which stand in the order of their states.
        sqlx::query(
            "UPDATE columns SET position = o.nth FROM (
                 SELECT id, row_number() OVER (ORDER BY array_position($2, state), position) AS nth FROM columns WHERE team_id = $1) o
             WHERE columns.team_id = $1 AND columns.id = o.id",
        )
        .bind(team.id)
        .bind(ColumnState::ALL.map(ColumnState::as_str))
        .execute(change.db())
        .await?;
    }
    for (slug, name, state) in deleted {
        change.record(Event {
            team: team.id,
            task: None,
            kind: EventKind::ColumnRemoved,
            before: json!({ "column": slug, "name": name, "state": state }),
            after: json!({}),
            version: None,
        });
    }
    let columns: Vec<Value> = added
        .into_iter()
        .map(|(slug, name, state)| json!({ "column": slug, "name": name, "state": state }))
        .collect();
    if !columns.is_empty() {
        change.record(Event {
            team: team.id,
            task: None,
            kind: EventKind::ColumnAdded,
            before: json!({}),
            after: json!({ "columns": columns }),
            version: None,
        });
    }
    Ok(())
}
