//! Archiving and restoring tasks.

use serde_json::json;
use uuid::Uuid;

use crate::domain::{
    boards::Column,
    column_state::ColumnState,
    error::Result,
    events::{Change, Event, EventKind},
    tasks::{LockedTask, move_task, rank},
    team::Team,
};

/// Archives a task: it leaves the board and keeps everything else. Archiving it again does nothing.
pub(crate) async fn archive_task(change: &mut Change, team: &Team, task: Uuid) -> Result<()> {
    let (old, column) = lock_own_column(change, team, task).await?;
    if old.archived_at.is_some() {
        return Ok(());
    }
    let at = change.at;
    let version: i64 = sqlx::query_scalar(
        "UPDATE tasks SET archived_at = $3, rank = NULL, version = version + 1, moved_version = version + 1
         WHERE team_id = $1 AND id = $2 RETURNING version",
    )
    .bind(team.id)
    .bind(task)
    .bind(at)
    .fetch_one(change.db())
    .await?;
    change.record(Event {
        team: team.id,
        task: Some(task),
        kind: EventKind::TaskArchived,
        before: json!({ "column": column.slug, "rank": old.rank, "archived": false }),
        after: json!({ "rank": null, "archived": true }),
        version: Some(version),
    });
    crate::domain::tasks::blockers::end_blockers(change, team, task).await?;
    crate::domain::tasks::blockers::notify_waiting_tasks(
        change,
        team,
        task,
        EventKind::BlockerMoved,
        json!({ "archived": true }),
        false,
    )
    .await
}

/// Restores a task to its former place if that is free, else to the end of its column. A task that
/// was dropped when its sprint was closed moves to the team's current sprint.
pub(crate) async fn restore_task(
    change: &mut Change,
    team: &Team,
    task: Uuid,
    wanted: Option<&str>,
) -> Result<()> {
    let (old, column) = lock_own_column(change, team, task).await?;
    if old.archived_at.is_none() {
        return Ok(());
    }
    let taken: bool = match wanted {
        Some(rank) => {
            sqlx::query_scalar(
                "SELECT EXISTS (SELECT FROM tasks WHERE column_id = $1 AND rank = $2)",
            )
            .bind(column.id)
            .bind(rank)
            .fetch_one(change.db())
            .await?
        }
        None => true,
    };
    let (rank, spread) = match wanted.filter(|rank| !taken && rank.len() <= rank::LONGEST) {
        Some(rank) => (rank.to_owned(), false),
        None => {
            crate::domain::tasks::placement::rank_at(
                change.db(),
                team,
                &column,
                Some(task),
                &crate::domain::tasks::placement::Place::default(),
            )
            .await?
        }
    };
    if let Some(sprint) = old.sprint_id.filter(|_| column.state != ColumnState::Done) {
        move_task::leave_closed_sprint(change, team, task, sprint).await?;
    }
    let version: i64 = sqlx::query_scalar(
        "UPDATE tasks SET archived_at = NULL, rank = $3, version = version + 1, moved_version = version + 1
         WHERE team_id = $1 AND id = $2 RETURNING version",
    )
    .bind(team.id)
    .bind(task)
    .bind(&rank)
    .fetch_one(change.db())
    .await?;
    change.record(Event {
        team: team.id,
        task: Some(task),
        kind: EventKind::TaskRestored,
        before: json!({ "rank": null, "archived": true }),
        after: json!({ "column": column.slug, "state": column.state, "rank": rank, "archived": false }),
        version: Some(version),
    });
    crate::domain::tasks::blockers::notify_waiting_tasks(
        change,
        team,
        task,
        EventKind::BlockerMoved,
        json!({ "archived": false }),
        false,
    )
    .await?;
    if spread {
        crate::domain::tasks::placement::rebalance_ranks(change, team, column.id).await?;
    }
    Ok(())
}

/// Locks a task's column and the task.
async fn lock_own_column(
    change: &mut Change,
    team: &Team,
    task: Uuid,
) -> Result<(LockedTask, Column)> {
    let slug: String = sqlx::query_scalar(
        "SELECT c.slug FROM tasks k JOIN columns c ON c.team_id = k.team_id AND c.id = k.column_id WHERE k.team_id = $1 AND k.id = $2",
    )
    .bind(team.id)
    .bind(task)
    .fetch_one(change.db())
    .await?;
    let (old, from, _) =
        crate::domain::tasks::placement::lock_places(change.db(), team.id, task, &slug).await?;
    Ok((old, from))
}
