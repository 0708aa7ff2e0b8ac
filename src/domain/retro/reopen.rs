//! Reopens a closed sprint, as long as nothing builds on the close.

use serde_json::json;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::domain::{
    error::{Problem, Result},
    events::{Change, Event, EventKind},
    sprints::Sprint,
    tasks::undo,
    team::Team,
    workspace_seq::bump_workspace_seq,
};

/// Reopens a sprint and moves every task back to where it was.
///
/// # Errors
/// `NotFound` if the team has not closed it, `Conflict` once something changed in the sprint after
/// it.
pub(crate) async fn reopen_sprint(change: &mut Change, team: &Team, sprint: &Sprint) -> Result<()> {
    undo::lock_board(change, team).await?;
    let closed: Uuid = sqlx::query_scalar(
        "SELECT change_id FROM sprint_reports WHERE team_id = $1 AND sprint_id = $2 FOR UPDATE",
    )
    .bind(team.id)
    .bind(sprint.id)
    .fetch_one(change.db())
    .await?;
    if is_built_on(change.db(), team.id, sprint.id).await? {
        return Err(Problem::conflict(format!(
            "The sprint after {} has already changed, so {} can no longer be reopened. Nothing was changed.",
            sprint.name, sprint.name
        )));
    }
    sqlx::query("DELETE FROM sprint_reports WHERE team_id = $1 AND sprint_id = $2")
        .bind(team.id)
        .bind(sprint.id)
        .execute(change.db())
        .await?;
    sqlx::query("UPDATE sprints SET state = 'ended' WHERE id = $1 AND state = 'closed'")
        .bind(sprint.id)
        .execute(change.db())
        .await?;
    // Dropped tasks can only return once the sprint is open.
    undo::revert_change(change, team, closed).await?;
    bump_workspace_seq(change.db()).await?;
    change.record(Event {
        team: team.id,
        task: None,
        kind: EventKind::SprintReopened,
        before: json!({}),
        after: json!({ "sprint": sprint.number }),
        version: None,
    });
    Ok(())
}

/// Whether the sprint after a closed one has changed, which prevents reopening. Comments do not
/// count.
pub(crate) async fn is_built_on(db: &mut PgConnection, team: Uuid, sprint: Uuid) -> Result<bool> {
    Ok(sqlx::query_scalar(
        "SELECT EXISTS (
            SELECT FROM sprint_reports f JOIN events e ON e.team_id = f.team_id
            LEFT JOIN LATERAL (SELECT n.id, n.number FROM sprints s JOIN sprints n ON n.starts_on > s.starts_on WHERE s.id = f.sprint_id ORDER BY n.starts_on LIMIT 1) n ON true
            LEFT JOIN tasks k ON k.team_id = e.team_id AND k.id = e.task_id
            WHERE f.team_id = $1 AND f.sprint_id = $2 AND e.seq > coalesce((SELECT max(seq) FROM events WHERE change_id = f.change_id AND team_id = $1), 0)
              AND (e.kind IN ('goal.created', 'goal.edited', 'goal.deleted', 'goal.reordered', 'goal.progressed', 'sprint.closed', 'sprint.cadence-changed')
                   OR e.kind IN ('sprint.rescheduled', 'sprint.skipped') AND e.after->>'sprint' = n.number::text
                   OR e.kind LIKE 'task.%'
                      AND (k.sprint_id IN (SELECT to_sprint_id FROM unfinished_tasks WHERE team_id = $1 AND sprint_id = $2)
                           OR n.id::text IN (k.sprint_id::text, e.before->>'sprint', e.after->>'sprint')
                           OR k.id IN (SELECT task_id FROM unfinished_tasks WHERE team_id = $1 AND sprint_id = $2))))",
    )
    .bind(team)
    .bind(sprint)
    .fetch_one(db)
    .await?)
}
