//! Ends a task's blockers, and updates the tasks that it waits on and those that wait on it.

use serde_json::{Value, json};
use uuid::Uuid;

use crate::domain::{
    error::Result,
    events::{Change, Event, EventKind},
    policy::predicates::named_beside,
    tasks::touch,
    team::Team,
};

/// Ends all current blockers of a task, with an event that records them.
pub(crate) async fn end_blockers(change: &mut Change, team: &Team, task: Uuid) -> Result<()> {
    let at = change.at;
    let ended: Vec<Uuid> =
        sqlx::query_scalar("UPDATE blockers SET ended_at = greatest($3, since) WHERE team_id = $1 AND task_id = $2 AND ended_at IS NULL RETURNING id")
            .bind(team.id)
            .bind(task)
            .bind(at)
            .fetch_all(change.db())
            .await?;
    if !ended.is_empty() {
        notify_blocking_tasks(change, team, &ended).await?;
        let version = touch(change.db(), team.id, task).await?;
        change.record(Event {
            team: team.id,
            task: Some(task),
            kind: EventKind::TaskUnblocked,
            before: json!({ "blockers": ended }),
            after: json!({}),
            version: Some(version),
        });
    }
    Ok(())
}

/// Notifies the tasks that are waiting on this one of its new state or title, which their cards
/// show, on any board. Of a private team's task other teams learn only whether it is done: never
/// who did it, nor anything else, because that would reveal who works there and when.
pub(crate) async fn notify_waiting_tasks(
    change: &mut Change,
    team: &Team,
    task: Uuid,
    kind: EventKind,
    after: Value,
    done_changed: bool,
) -> Result<()> {
    let waiting: Vec<(Uuid, Uuid, bool)> = sqlx::query_as(concat!(
        "SELECT w.team_id, w.task_id, NOT ",
        named_beside!("t", "w.team_id"),
        " FROM blockers w JOIN teams t ON t.id = w.on_task_team
         WHERE w.on_task_team = $1 AND w.on_task_id = $2 AND w.ended_at IS NULL"
    ))
    .bind(team.id)
    .bind(task)
    .fetch_all(change.db())
    .await?;
    let at = change.at;
    for (team, task, hidden) in waiting {
        let event = |after| Event {
            team,
            task: Some(task),
            kind,
            before: json!({}),
            after,
            version: None,
        };
        match hidden {
            false => change.record(event(after.clone())),
            true if after["state"] == "done" => {
                change.record_anonymous(event(after.clone()), at, None)
            }
            true if done_changed => change.record_anonymous(event(json!({})), at, None),
            true => {}
        }
    }
    Ok(())
}

/// Notifies the tasks that block this one that they start or stop doing so, because their cards show
/// it. Cards of other teams do not show waiting tasks of a private team.
pub(crate) async fn notify_blocking_tasks(
    change: &mut Change,
    team: &Team,
    blockers: &[Uuid],
) -> Result<()> {
    let blocking_tasks: Vec<(Uuid, Uuid)> = sqlx::query_as(concat!(
        "SELECT DISTINCT w.on_task_team, w.on_task_id FROM blockers w JOIN teams t ON t.id = w.team_id
         WHERE w.team_id = $1 AND w.id = ANY($2) AND w.on_task_id IS NOT NULL AND ",
        named_beside!("t", "w.on_task_team")
    ))
    .bind(team.id)
    .bind(blockers)
    .fetch_all(change.db())
    .await?;
    for (team, task) in blocking_tasks {
        let kind = EventKind::BlockerDependentsChanged;
        change.record(Event {
            team,
            task: Some(task),
            kind,
            before: json!({}),
            after: json!({}),
            version: None,
        });
    }
    Ok(())
}
