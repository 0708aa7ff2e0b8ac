//! Moves a task: the rule, the SQL and the event.

use serde_json::json;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::domain::{
    boards::Column,
    column_state::ColumnState,
    error::{Problem, Result},
    events::{Change, Event, EventKind},
    keys::split_key,
    sprints,
    tasks::{
        LockedTask, agents, conflicts, edit,
        placement::{Place, lock_places, rank_at, rebalance_ranks},
        sprint_assignment,
        task_edit::Edit,
    },
    team::Team,
};

/// Moves a task next to its new neighbour.
///
/// # Errors
/// `NotFound` for a task of another team, `Invalid` for a column or neighbour that is not on this
/// board, `Conflict` if the task was moved or archived after the version that was seen.
pub async fn move_task(
    change: &mut Change,
    team: &Team,
    task: Uuid,
    place: &Place,
) -> Result<Column> {
    let column = match place.state.as_deref() {
        Some(state) if place.column.is_empty() => {
            &column_for(change.db(), team, task, state, place).await?
        }
        _ => &place.column,
    };
    let (old, from, to) = lock_places(change.db(), team.id, task, column).await?;
    if old.archived_at.is_some() {
        return Err(Problem::conflict(
            "The task is archived. Restore it first, then move it.",
        ));
    }
    if place
        .version
        .is_some_and(|seen| seen < old.moved_version || seen > old.version)
    {
        return Err(
            conflicts::moved_meanwhile(change, team, &old, (&from, &to), place.version).await?,
        );
    }
    let (rank, needs_rebalance) = rank_at(change.db(), team, &to, Some(task), place).await?;
    return_to_current_sprint(change, team, &old, &from, &to).await?;
    put(change, team, &old, &from, &to, &rank).await?;
    if needs_rebalance {
        rebalance_ranks(change, team, to.id).await?;
    }
    Ok(to)
}

/// Moves a reopened task out of a closed sprint into the team's current one, because a closed
/// sprint's tasks are not on the board. This happens before the move itself, so that undo, which
/// runs in reverse, first moves the task back to done and then restores its sprint.
pub(crate) async fn return_to_current_sprint(
    change: &mut Change,
    team: &Team,
    old: &LockedTask,
    from: &Column,
    to: &Column,
) -> Result<()> {
    match old
        .sprint_id
        .filter(|_| from.state == ColumnState::Done && to.state != ColumnState::Done)
    {
        Some(sprint) => leave_closed_sprint(change, team, old.id, sprint).await,
        None => Ok(()),
    }
}

/// Moves an unfinished task out of a sprint that the team has closed into its current one.
pub(crate) async fn leave_closed_sprint(
    change: &mut Change,
    team: &Team,
    task: Uuid,
    sprint: Uuid,
) -> Result<()> {
    if sprint_assignment::closed(change.db(), team.id, sprint)
        .await?
        .is_none()
    {
        return Ok(());
    }
    let sprints = sprints::queries::sprints_of(change.db(), team.id).await?;
    let current = sprints::queries::current(&sprints).map(|sprint| sprint.id);
    edit::edit_task(
        change,
        team,
        task,
        &Edit {
            sprint: Some(current),
            ..Edit::default()
        },
    )
    .await
}

async fn column_for(
    db: &mut PgConnection,
    team: &Team,
    task: Uuid,
    state: &str,
    place: &Place,
) -> Result<String> {
    let beside = place
        .after
        .as_deref()
        .or(place.before.as_deref())
        .and_then(split_key);
    let column: Option<String> = sqlx::query_scalar(
        "SELECT c.slug FROM columns c
         LEFT JOIN tasks n ON n.team_id = c.team_id AND n.number = $4 AND n.column_id = c.id
         LEFT JOIN tasks k ON k.team_id = c.team_id AND k.id = $3 AND k.column_id = c.id
         WHERE c.team_id = $1 AND c.state = $2 ORDER BY n.id IS NULL, k.id IS NULL, c.position LIMIT 1",
    )
    .bind(team.id)
    .bind(state)
    .bind(task)
    .bind(beside.filter(|(key, _)| *key == team.key).map(|(_, number)| number))
    .fetch_optional(&mut *db)
    .await?;
    column.ok_or_else(|| {
        Problem::field(
            "state",
            format!("{} has no column for this state.", team.name),
        )
    })
}

/// Writes a task's new place and its event. Leaving a blocked column ends the task's blockers.
pub(crate) async fn put(
    change: &mut Change,
    team: &Team,
    old: &LockedTask,
    from: &Column,
    to: &Column,
    rank: &str,
) -> Result<()> {
    if from.state != to.state {
        agents::refuse_closing(change, team, to.state).await?;
    }
    let changes_column = from.id != to.id;
    // A finished task keeps the time when it was finished.
    let is_still_done = from.state == ColumnState::Done && to.state == ColumnState::Done;
    let since = if changes_column && !is_still_done {
        change.at
    } else {
        old.column_since
    };
    let (version, is_awaited): (i64, bool) = sqlx::query_as(
        // A task that is dragged back at once has never left its column.
        "UPDATE tasks SET column_id = $3, rank = $4, version = version + 1, moved_version = version + 1,
                column_since = coalesce((
                    SELECT (before->>'column_since')::timestamptz FROM (
                        SELECT kind, before, at FROM events
                        WHERE team_id = $1 AND task_id = $2 AND kind NOT IN ('task.blocked', 'task.unblocked') ORDER BY seq DESC LIMIT 1) last
                    WHERE column_id <> $3 AND kind = 'task.moved' AND before->>'column' = $6 AND is_momentary(at, $5)), $5)
         WHERE team_id = $1 AND id = $2
         RETURNING version, EXISTS (SELECT FROM blockers w WHERE w.on_task_team = $1 AND w.on_task_id = $2 AND w.ended_at IS NULL)",
    )
    .bind(team.id)
    .bind(old.id)
    .bind(to.id)
    .bind(rank)
    .bind(since)
    .bind(&to.slug)
    .fetch_one(change.db())
    .await?;
    let mut before = json!({ "column": from.slug, "state": from.state, "rank": old.rank });
    if changes_column {
        before["column_since"] = json!(crate::domain::dates::instant(old.column_since));
    }
    change.record(Event {
        team: team.id,
        task: Some(old.id),
        kind: EventKind::TaskMoved,
        before,
        after: json!({ "column": to.slug, "state": to.state, "rank": rank }),
        version: Some(version),
    });
    if from.state == ColumnState::Blocked && to.state != ColumnState::Blocked {
        crate::domain::tasks::blockers::end_blockers(change, team, old.id).await?;
    }
    if is_awaited && from.state != to.state {
        let done_changed = from.state == ColumnState::Done || to.state == ColumnState::Done;
        let after = json!({ "state": to.state });
        crate::domain::tasks::blockers::notify_waiting_tasks(
            change,
            team,
            old.id,
            EventKind::BlockerMoved,
            after,
            done_changed,
        )
        .await?;
    }
    Ok(())
}
