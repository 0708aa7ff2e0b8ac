//! Labels on tasks. A new name creates a new label.

use serde_json::json;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::domain::{
    boards::labels::{LABEL_FORM, is_label},
    error::{Problem, Result},
    events::{Change, EventKind},
    tasks::{lock, note},
    team::Team,
    workspace_seq::bump_workspace_seq,
};

/// Sets a task's labels by name.
pub(crate) async fn set_labels(
    change: &mut Change,
    team: &Team,
    task: Uuid,
    names: &[String],
) -> Result<()> {
    lock(change.db(), team.id, task).await?;
    let before = read(change.db(), team.id, task).await?;
    sqlx::query("DELETE FROM task_labels WHERE team_id = $1 AND task_id = $2")
        .bind(team.id)
        .bind(task)
        .execute(change.db())
        .await?;
    write(change.db(), team.id, task, names).await?;
    let after = read(change.db(), team.id, task).await?;
    if before == after {
        return Ok(());
    }
    note(
        change,
        team,
        task,
        EventKind::TaskLabelled,
        json!({ "labels": before }),
        json!({ "labels": after }),
    )
    .await
}

/// Adds labels to a task that has none yet, and creates the missing ones.
pub(crate) async fn write(
    db: &mut PgConnection,
    team: Uuid,
    task: Uuid,
    names: &[String],
) -> Result<()> {
    let names = checked(names)?;
    if names.is_empty() {
        return Ok(());
    }
    make_missing(db, team, &names).await?;
    sqlx::query(
        "INSERT INTO task_labels (team_id, task_id, label_id)
         SELECT $1, $2, id FROM labels WHERE team_id = $1 AND fold(name) = ANY(SELECT fold(n) FROM unnest($3::text[]) n)
         ON CONFLICT DO NOTHING",
    )
    .bind(team)
    .bind(task)
    .bind(&names)
    .execute(db)
    .await?;
    Ok(())
}

/// Creates the labels that the team lacks, of names that were checked. Call this before numbering a task: two transactions that
/// create the same label wait for each other, and must not hold the team's row meanwhile.
pub(crate) async fn make_missing(
    db: &mut PgConnection,
    team: Uuid,
    names: &[String],
) -> Result<()> {
    let mut labels: i64 = sqlx::query_scalar("SELECT count(*) FROM labels WHERE team_id = $1")
        .bind(team)
        .fetch_one(&mut *db)
        .await?;
    for name in names {
        let created = sqlx::query(
            "INSERT INTO labels (team_id, id, name, hue)
             SELECT $1, $2, $3, (SELECT count(*) * 5 % 12 FROM labels WHERE team_id = $1)::smallint
             ON CONFLICT (team_id, fold(name)) DO NOTHING",
        )
        .bind(team)
        .bind(Uuid::now_v7())
        .bind(name)
        .execute(&mut *db)
        .await?;
        if created.rows_affected() > 0 {
            labels += 1;
            bump_workspace_seq(db).await?;
        }
        if labels > MAX_OF_TEAM {
            return Err(Problem::field(
                "labels",
                "A team can have at most 1,000 labels. Delete some first.",
            ));
        }
    }
    Ok(())
}

/// Returns the names of a task's labels.
pub(crate) async fn read(db: &mut PgConnection, team: Uuid, task: Uuid) -> Result<Vec<String>> {
    Ok(sqlx::query_scalar(
        "SELECT l.name FROM task_labels tl JOIN labels l ON l.team_id = tl.team_id AND l.id = tl.label_id
         WHERE tl.team_id = $1 AND tl.task_id = $2 ORDER BY fold(l.name)",
    )
    .bind(team)
    .bind(task)
    .fetch_all(db)
    .await?)
}

/// The most labels of a team: every board lists them.
const MAX_OF_TEAM: i64 = 1000;
/// The most labels of a task.
const MAX: usize = 30;

/// The names as typed, in order, each once. Checked before any label is created.
pub(crate) fn checked(names: &[String]) -> Result<Vec<String>> {
    if names.len() > MAX {
        return Err(Problem::field(
            "labels",
            "A task can have at most 30 labels.",
        ));
    }
    let mut names: Vec<String> = names
        .iter()
        .map(|name| name.trim().to_owned())
        .filter(|name| !name.is_empty())
        .collect();
    names.sort_by_key(|name| name.to_lowercase());
    names.dedup_by_key(|name| name.to_lowercase());
    if !names.iter().all(|name| is_label(name)) {
        return Err(Problem::field("labels", LABEL_FORM));
    }
    Ok(names)
}
