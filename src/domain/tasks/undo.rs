//! Undoes a change: all of it, as long as no later change builds on it.

use serde_json::{Value, json};
use uuid::Uuid;

use crate::domain::{
    boards::Column,
    error::{Problem, Result},
    events::{Change, EventKind, are_undoable},
    tasks::{
        archive, attachments, bulk_edit, checklist, comments, dependencies, edit, lock, move_task,
        note, rank,
        task_edit::{Edit, Seen},
        timeline::{self, FOR},
    },
    team::Team,
};

#[derive(sqlx::FromRow)]
struct Past {
    seq: i64,
    task_id: Option<Uuid>,
    kind: EventKind,
    before: Value,
    after: Value,
    version: Option<i64>,
}

/// Undoes a change of the same author and returns the tasks that it changed.
///
/// # Errors
/// `NotFound` for another author's change, `Conflict` when it is too old or a later change touched
/// the same fields.
pub(crate) async fn undo_change(
    change: &mut Change,
    team: &Team,
    undone: Uuid,
) -> Result<Vec<Uuid>> {
    let (actor, since) = (change.actor, change.at - FOR);
    let events: Vec<Past> = sqlx::query_as(
        "SELECT seq, task_id, kind, before, after, version FROM events
         WHERE change_id = $1 AND team_id = $2 AND actor_id = $3 AND at > $4 ORDER BY seq DESC",
    )
    .bind(undone)
    .bind(team.id)
    .bind(actor)
    .bind(since)
    .fetch_all(change.db())
    .await?;
    if events.is_empty() {
        return Err(Problem::conflict(
            "This change is too old to undo. Nothing was changed.",
        ));
    }
    // Restoring the tasks alone would leave the frozen numbers; reopening the sprint does both.
    if events.iter().any(|event| {
        matches!(
            event.kind,
            EventKind::SprintClosed | EventKind::SprintReopened | EventKind::SprintStarted
        )
    }) {
        return Err(Problem::conflict(
            "Reopen a closed sprint on its retro page. Nothing was changed.",
        ));
    }
    if !are_undoable(events.iter().map(|event| event.kind)) {
        return Err(Problem::conflict(
            "This change cannot be undone. Nothing was changed.",
        ));
    }
    lock_board(change, team).await?;
    revert_events(change, team, &events).await
}

/// Undoes everything that a change did to tasks, regardless of its author and age, and returns
/// those tasks. The caller has locked the board and checked the permission.
pub(crate) async fn revert_change(
    change: &mut Change,
    team: &Team,
    undone: Uuid,
) -> Result<Vec<Uuid>> {
    let events: Vec<Past> = sqlx::query_as(
        "SELECT seq, task_id, kind, before, after, version FROM events WHERE change_id = $1 AND team_id = $2 ORDER BY seq DESC",
    )
    .bind(undone)
    .bind(team.id)
    .fetch_all(change.db())
    .await?;
    revert_events(change, team, &events).await
}

/// Locks everything that an undo may change: dependencies, and every column of the team, before any
/// task.
pub(crate) async fn lock_board(change: &mut Change, team: &Team) -> Result<()> {
    dependencies::lock_blockers(change.db()).await?;
    bulk_edit::lock_every_column(change.db(), team.id).await
}

async fn revert_events(change: &mut Change, team: &Team, events: &[Past]) -> Result<Vec<Uuid>> {
    let mut tasks: Vec<Uuid> = events.iter().filter_map(|event| event.task_id).collect();
    tasks.sort_unstable();
    tasks.dedup();
    for task in &tasks {
        lock(change.db(), team.id, *task).await?;
    }
    for event in events {
        if let Some(task) = event.task_id {
            change.undoing = Some(event.seq);
            undo_event(change, team, task, event).await?;
            change.undoing = None;
        }
    }
    Ok(tasks)
}

async fn undo_event(change: &mut Change, team: &Team, task: Uuid, event: &Past) -> Result<()> {
    let seen = Some(Seen {
        version: event.version.unwrap_or(0),
        strict: false,
    });
    match event.kind {
        EventKind::TaskMoved => move_back(change, team, task, event).await,
        EventKind::TaskArchived => {
            not_moved_since(change, team, task, event).await?;
            archive::restore_task(change, team, task, event.before["rank"].as_str()).await
        }
        EventKind::TaskRestored => archive::archive_task(change, team, task).await,
        EventKind::TaskCreated => {
            not_touched_since(change, team, task, event).await?;
            archive::archive_task(change, team, task).await
        }
        EventKind::TaskBlocked => {
            end_wait(change, team, task, &event.after["blockers"]["id"]).await
        }
        EventKind::TaskUnblocked => open_waits(change, team, task, &event.before["blockers"]).await,
        EventKind::TaskAssigned => {
            edit::edit_task(
                change,
                team,
                task,
                &Edit {
                    owners: Some(texts(&event.before["owners"])),
                    seen,
                    ..Edit::default()
                },
            )
            .await
        }
        EventKind::TaskLabelled => {
            edit::edit_task(
                change,
                team,
                task,
                &Edit {
                    labels: Some(texts(&event.before["labels"])),
                    seen,
                    ..Edit::default()
                },
            )
            .await
        }
        EventKind::TaskEdited => {
            edit::edit_task(
                change,
                team,
                task,
                &Edit {
                    seen,
                    ..earlier(&event.before)
                },
            )
            .await
        }
        EventKind::StepAdded
        | EventKind::StepDone
        | EventKind::StepReopened
        | EventKind::StepRemoved => {
            let contents = (&event.before, &event.after);
            checklist::undo_step(change, team, task, event.kind, contents).await
        }
        EventKind::CommentAdded | EventKind::CommentEdited | EventKind::CommentDeleted => {
            let contents = (&event.before, &event.after);
            comments::undo_comment(change, team, task, event.kind, contents).await
        }
        EventKind::AttachmentAdded | EventKind::AttachmentDeleted => {
            let contents = (&event.before, &event.after);
            attachments::undo_attachment(change, team, task, event.kind, contents).await
        }
        _ => Ok(()),
    }
}

async fn move_back(change: &mut Change, team: &Team, task: Uuid, event: &Past) -> Result<()> {
    not_moved_since(change, team, task, event).await?;
    let slug = event.before["column"].as_str().unwrap_or_default();
    let (old, from, to) =
        crate::domain::tasks::placement::lock_places(change.db(), team.id, task, slug).await?;
    let rank = free_rank(change, team, &to, task, event.before["rank"].as_str()).await?;
    move_task::return_to_current_sprint(change, team, &old, &from, &to).await?;
    move_task::put(change, team, &old, &from, &to, &rank).await?;
    if let Some(since) = event.before["column_since"]
        .as_str()
        .and_then(crate::domain::dates::read_instant)
    {
        sqlx::query("UPDATE tasks SET column_since = $3 WHERE team_id = $1 AND id = $2")
            .bind(team.id)
            .bind(task)
            .bind(since)
            .execute(change.db())
            .await?;
    }
    Ok(())
}

/// The task's former rank, or the next free one after it if another task has it now.
async fn free_rank(
    change: &mut Change,
    team: &Team,
    column: &Column,
    task: Uuid,
    wanted: Option<&str>,
) -> Result<String> {
    let Some(wanted) = wanted else {
        return Ok(crate::domain::tasks::placement::rank_at(
            change.db(),
            team,
            column,
            Some(task),
            &crate::domain::tasks::placement::Place::default(),
        )
        .await?
        .0);
    };
    let from_there: Vec<String> = sqlx::query_scalar(
        "SELECT rank FROM tasks WHERE column_id = $1 AND rank >= $2 AND id <> $3 ORDER BY rank LIMIT 2",
    )
    .bind(column.id)
    .bind(wanted)
    .bind(task)
    .fetch_all(change.db())
    .await?;
    if from_there.first().is_none_or(|first| first != wanted) {
        return Ok(wanted.to_owned());
    }
    Ok(rank::between(
        Some(wanted),
        from_there.get(1).map(String::as_str),
    ))
}

async fn not_moved_since(change: &mut Change, team: &Team, task: Uuid, event: &Past) -> Result<()> {
    let old = lock(change.db(), team.id, task).await?;
    if event
        .version
        .is_some_and(|version| old.moved_version > version)
    {
        let mover = timeline::last_mover(change, team.id, task).await?;
        return Err(Problem::conflict(format!(
            "{mover} has moved {}-{} since. Nothing was undone.",
            team.key, old.number
        )));
    }
    Ok(())
}

/// Refuses if someone else changed the same task since.
async fn not_touched_since(
    change: &mut Change,
    team: &Team,
    task: Uuid,
    event: &Past,
) -> Result<()> {
    let number = lock(change.db(), team.id, task).await?.number;
    let other: Option<Option<String>> = sqlx::query_scalar(
        "SELECT a.name FROM events e LEFT JOIN accounts a ON a.id = e.actor_id
         WHERE e.team_id = $1 AND e.task_id = $2 AND e.version > $3 AND e.actor_id IS DISTINCT FROM $4 ORDER BY e.seq DESC LIMIT 1",
    )
    .bind(team.id)
    .bind(task)
    .bind(event.version)
    .bind(change.actor)
    .fetch_optional(change.db())
    .await?;
    match other {
        None => Ok(()),
        Some(editor) => Err(Problem::conflict(format!(
            "{} has changed {}-{number} since. Nothing was undone.",
            editor.as_deref().unwrap_or("A former member"),
            team.key
        ))),
    }
}

async fn end_wait(change: &mut Change, team: &Team, task: Uuid, blocker: &Value) -> Result<()> {
    let blocker = blocker.as_str().and_then(|id| id.parse::<Uuid>().ok());
    crate::domain::tasks::blockers::notify_blocking_tasks(change, team, blocker.as_slice()).await?;
    sqlx::query("DELETE FROM blockers WHERE team_id = $1 AND task_id = $2 AND id = $3")
        .bind(team.id)
        .bind(task)
        .bind(blocker)
        .execute(change.db())
        .await?;
    note(
        change,
        team,
        task,
        EventKind::TaskUnblocked,
        json!({ "blockers": [] }),
        json!({}),
    )
    .await
}

async fn open_waits(change: &mut Change, team: &Team, task: Uuid, blockers: &Value) -> Result<()> {
    let blockers: Vec<Uuid> = texts(blockers)
        .iter()
        .filter_map(|id| id.parse().ok())
        .collect();
    let on: Vec<(Uuid, Uuid)> = sqlx::query_as(
        "SELECT on_task_team, on_task_id FROM blockers WHERE team_id = $1 AND task_id = $2 AND id = ANY($3) AND on_task_id IS NOT NULL",
    )
    .bind(team.id)
    .bind(task)
    .bind(&blockers)
    .fetch_all(change.db())
    .await?;
    for on in on {
        dependencies::refuse_cycle(change.db(), (team.id, task), on).await?;
    }
    sqlx::query(
        "UPDATE blockers SET ended_at = NULL WHERE team_id = $1 AND task_id = $2 AND id = ANY($3)",
    )
    .bind(team.id)
    .bind(task)
    .bind(&blockers)
    .execute(change.db())
    .await?;
    crate::domain::tasks::blockers::notify_blocking_tasks(change, team, &blockers).await?;
    note(
        change,
        team,
        task,
        EventKind::TaskBlocked,
        json!({}),
        json!({}),
    )
    .await
}

/// The edit that restores a task's fields to their former values.
fn earlier(before: &Value) -> Edit {
    let id = |field: &str| {
        before
            .get(field)
            .map(|value| value.as_str().and_then(|id| id.parse().ok()))
    };
    let text = |field: &str| before.get(field).and_then(Value::as_str).map(str::to_owned);
    Edit {
        title: text("title"),
        description: text("description"),
        sprint: id("sprint"),
        goal: id("goal"),
        project: id("project"),
        cover: id("cover"),
        estimate: before
            .get("estimate")
            .map(|value| value.as_i64().and_then(|value| i32::try_from(value).ok())),
        due: before
            .get("due")
            .map(|value| value.as_str().and_then(crate::domain::dates::parse_date)),
        needed_by: text("needed_by"),
        is_undo: true,
        ..Edit::default()
    }
}

fn texts(list: &Value) -> Vec<String> {
    list.as_array()
        .into_iter()
        .flatten()
        .filter_map(|text| text.as_str().map(str::to_owned))
        .collect()
}
