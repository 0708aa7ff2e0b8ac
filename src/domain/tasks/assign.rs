//! Task owners: none, one, or several.

use serde_json::json;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::domain::{
    error::{Problem, Result},
    events::{Change, EventKind},
    tasks::{lock, note},
    team::Team,
};

/// Sets a task's owners, in this order.
pub async fn set_owners(
    change: &mut Change,
    team: &Team,
    task: Uuid,
    handles: &[String],
) -> Result<()> {
    lock(change.db(), team.id, task).await?;
    let before = read(change.db(), team.id, task).await?;
    sqlx::query("DELETE FROM task_owners WHERE team_id = $1 AND task_id = $2")
        .bind(team.id)
        .bind(task)
        .execute(change.db())
        .await?;
    // A deactivated account may stay an owner, but cannot become one.
    write_beside(change.db(), team.id, task, handles, &before).await?;
    let after = read(change.db(), team.id, task).await?;
    if before == after {
        return Ok(());
    }
    note(
        change,
        team,
        task,
        EventKind::TaskAssigned,
        json!({ "owners": before }),
        json!({ "owners": after }),
    )
    .await
}

/// Adds or removes an owner; returns whether the person is an owner now.
pub(crate) async fn toggle_owner(
    change: &mut Change,
    team: &Team,
    task: Uuid,
    handle: &str,
) -> Result<bool> {
    lock(change.db(), team.id, task).await?;
    let mut owners = read(change.db(), team.id, task).await?;
    let before = owners.len();
    owners.retain(|owner| owner != handle);
    let owns = owners.len() == before;
    if owns {
        owners.push(handle.to_owned());
    }
    set_owners(change, team, task, &owners).await?;
    Ok(owns)
}

/// Inserts the owners of a task that has none yet.
pub(crate) async fn write(
    db: &mut PgConnection,
    team: Uuid,
    task: Uuid,
    handles: &[String],
) -> Result<()> {
    write_beside(db, team, task, handles, &[]).await
}

async fn write_beside(
    db: &mut PgConnection,
    team: Uuid,
    task: Uuid,
    handles: &[String],
    before: &[String],
) -> Result<()> {
    if handles.is_empty() {
        return Ok(());
    }
    if handles.len() > 20 {
        return Err(Problem::field(
            "owners",
            "A task can have at most 20 owners.",
        ));
    }
    let handles: Vec<String> = handles
        .iter()
        .map(|handle| handle.trim().trim_start_matches('@').to_lowercase())
        .collect();
    let written = sqlx::query(
        "INSERT INTO task_owners (team_id, task_id, account_id, position)
         SELECT $1, $2, a.id, min(wanted.position)::int
         FROM unnest($3::text[]) WITH ORDINALITY AS wanted (handle, position)
         JOIN accounts a ON a.handle = wanted.handle OR a.id = (SELECT f.account_id FROM former_handles f WHERE f.handle = wanted.handle)
         WHERE a.deactivated_at IS NULL OR a.handle = ANY($4) GROUP BY a.id",
    )
    .bind(team)
    .bind(task)
    .bind(&handles)
    .bind(before)
    .execute(&mut *db)
    .await?;
    let mut wanted = handles;
    wanted.sort();
    wanted.dedup();
    if written.rows_affected() < wanted.len() as u64 {
        let known: Vec<String> = read(db, team, task).await?;
        let missing = wanted
            .into_iter()
            .find(|handle| !known.contains(handle))
            .unwrap_or_default();
        return Err(Problem::field(
            "owners",
            format!("No one is called @{missing}."),
        ));
    }
    Ok(())
}

/// Returns the handles of a task's owners.
pub(crate) async fn read(db: &mut PgConnection, team: Uuid, task: Uuid) -> Result<Vec<String>> {
    Ok(sqlx::query_scalar(
        "SELECT a.handle FROM task_owners o JOIN accounts a ON a.id = o.account_id
         WHERE o.team_id = $1 AND o.task_id = $2 ORDER BY o.position, a.handle",
    )
    .bind(team)
    .bind(task)
    .fetch_all(db)
    .await?)
}
