//! Deletes a column after moving its tasks to another one, each with an event.

use serde_json::json;
use uuid::Uuid;

use crate::domain::{
    boards::Column,
    column_state::ColumnState,
    error::{Problem, Result},
    events::{Change, Event, EventKind, audit_log},
    tasks::{lock, move_task},
    team::Team,
    workspace_seq::bump_workspace_seq,
};

/// Deletes a column. Its tasks, archived ones too, move to the end of another column in their
/// order.
///
/// # Errors
/// `NotFound` for an unknown column, `Invalid` if no other column is given.
pub(crate) async fn remove_column(
    change: &mut Change,
    team: &Team,
    column: &str,
    into: &str,
) -> Result<()> {
    // Locks for update, so that no task can be added to the column being deleted.
    let columns: Vec<Column> =
        sqlx::query_as("SELECT id, slug, name, state, wip_limit FROM columns WHERE team_id = $1 AND slug IN ($2, $3) ORDER BY id FOR UPDATE")
            .bind(team.id)
            .bind(column)
            .bind(into)
            .fetch_all(change.db())
            .await?;
    let find = |slug: &str| columns.iter().find(|candidate| candidate.slug == slug);
    let from = find(column).ok_or(Problem::NotFound)?;
    let to = find(into).filter(|to| to.id != from.id);
    let to = to.ok_or_else(|| Problem::field("into", "Choose another column for its tasks."))?;
    // Moving archived tasks between done and not done would change the numbers of sprints that
    // ended long ago.
    let archived: bool = sqlx::query_scalar(
        "SELECT EXISTS (SELECT FROM tasks WHERE team_id = $1 AND column_id = $2 AND archived_at IS NOT NULL)",
    )
    .bind(team.id)
    .bind(from.id)
    .fetch_one(change.db())
    .await?;
    if archived && (from.state == ColumnState::Done) != (to.state == ColumnState::Done) {
        let message = if from.state == ColumnState::Done {
            "This column has archived done tasks, and there is no other column for done tasks. Add one first."
        } else {
            "This column has archived unfinished tasks. Choose a column that is not for done tasks."
        };
        return Err(Problem::field("into", message));
    }
    // Locked in the order of their ids, as everywhere, archived tasks included.
    sqlx::query(
        "SELECT FROM tasks WHERE team_id = $1 AND column_id = $2 ORDER BY id FOR NO KEY UPDATE",
    )
    .bind(team.id)
    .bind(from.id)
    .execute(change.db())
    .await?;
    let tasks: Vec<Uuid> = sqlx::query_scalar(
        "SELECT id FROM tasks WHERE team_id = $1 AND column_id = $2 AND rank IS NOT NULL ORDER BY rank",
    )
    .bind(team.id)
    .bind(from.id)
    .fetch_all(change.db())
    .await?;
    let mut spreads = false;
    for task in tasks {
        let old = lock(change.db(), team.id, task).await?;
        let (rank, spread) = crate::domain::tasks::placement::rank_at(
            change.db(),
            team,
            to,
            Some(task),
            &crate::domain::tasks::placement::Place::default(),
        )
        .await?;
        move_task::put(change, team, &old, from, to, &rank).await?;
        spreads |= spread;
    }
    if spreads {
        crate::domain::tasks::placement::rebalance_ranks(change, team, to.id).await?;
    }
    let archived: Vec<(Uuid, i64)> = sqlx::query_as(
        "UPDATE tasks SET column_id = $3, version = version + 1 WHERE team_id = $1 AND column_id = $2 RETURNING id, version",
    )
    .bind(team.id)
    .bind(from.id)
    .bind(to.id)
    .fetch_all(change.db())
    .await?;
    for (task, version) in archived {
        change.record(Event {
            team: team.id,
            task: Some(task),
            kind: EventKind::TaskColumnDeleted,
            before: json!({ "column": from.slug, "state": from.state }),
            after: json!({ "column": to.slug, "state": to.state }),
            version: Some(version),
        });
    }
    bump_workspace_seq(change.db()).await?;
    sqlx::query("DELETE FROM columns WHERE team_id = $1 AND id = $2")
        .bind(team.id)
        .bind(from.id)
        .execute(change.db())
        .await?;
    change.record(Event {
        team: team.id,
        task: None,
        kind: EventKind::ColumnRemoved,
        before: json!({ "column": from.slug, "name": from.name, "state": from.state }),
        after: json!({ "into": to.slug }),
        version: None,
    });
    audit_log::note_for_team(change, team.id, "column.removed", "of {team}").await
}
