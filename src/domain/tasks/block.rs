//! Blocking and unblocking tasks, with the reason.

use serde::Deserialize;
use serde_json::json;
use uuid::Uuid;

use crate::domain::{
    column_state::ColumnState,
    error::{Problem, Result},
    events::{Change, Event, EventKind},
    policy::predicates::named_beside,
    tasks::{
        BlockerKind,
        blocked_on::{On, find},
        blockers::{end_blockers, notify_blocking_tasks},
        dependencies, move_task, touch,
    },
    team::Team,
    text::check_length,
};

/// The reason why a task is blocked. All fields may be empty: the task is then blocked without a
/// reason, and its card asks for one.
#[derive(Clone, Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(default, deny_unknown_fields)]
#[schema(example = json!({ "kind": "task", "on": "ING-17", "note": "They switch over on Thursday" }))]
pub struct Reason {
    /// What the task is waiting on:
    ///
    /// - `task`: the task with the key in `on`
    /// - `team`: the team with the slug or name in `on`
    /// - `person`: the person with the username or full name in `on`
    /// - `text`: something else, as described in `on` and `note`
    /// - empty: a task if `on` is a task's key, a person if it starts with `@`, otherwise a text
    #[schema(example = "task")]
    pub(crate) kind: String,
    /// A task's key, a team's slug or name, a person's username or full name, or a text, according
    /// to `kind`.
    #[schema(example = "ING-17")]
    pub(crate) on: String,
    /// Details in words.
    #[schema(example = "They switch over on Thursday")]
    pub(crate) note: String,
}

/// The most characters of a reason.
const MAX_REASON: usize = 500;

/// Moves a task to the blocked column, if it is not there, and stores the reason. Without a reason
/// the card asks for one.
pub(crate) async fn block_task(
    change: &mut Change,
    team: &Team,
    task: Uuid,
    reason: &Reason,
) -> Result<()> {
    check_length("on", &reason.on, MAX_REASON)?;
    check_length("note", &reason.note, MAX_REASON)?;
    let is_told = !reason.on.trim().is_empty() || !reason.note.trim().is_empty();
    let on = if is_told {
        Some(find(change, &reason.kind, &reason.on).await?)
    } else {
        None
    };
    if let Some(on) = on.as_ref().and_then(|on| on.task) {
        dependencies::lock_blockers(change.db()).await?;
        dependencies::refuse_cycle(change.db(), (team.id, task), on).await?;
    }
    let blocked: Option<String> = sqlx::query_scalar(
        "SELECT slug FROM columns WHERE team_id = $1 AND state = 'blocked' ORDER BY position LIMIT 1",
    )
    .bind(team.id)
    .fetch_optional(change.db())
    .await?;
    let blocked = blocked
        .ok_or_else(|| Problem::field("column", "This board has no column for blocked tasks."))?;
    let (old, from, to) =
        crate::domain::tasks::placement::lock_places(change.db(), team.id, task, &blocked).await?;
    if old.archived_at.is_some() {
        return Err(Problem::conflict(
            "The task is archived. Restore it first, then block it.",
        ));
    }
    if from.state != ColumnState::Blocked {
        let (rank, _) = crate::domain::tasks::placement::rank_at(
            change.db(),
            team,
            &to,
            Some(task),
            &crate::domain::tasks::placement::Place::default(),
        )
        .await?;
        move_task::return_to_current_sprint(change, team, &old, &from, &to).await?;
        move_task::put(change, team, &old, &from, &to, &rank).await?;
    }
    let Some(on) = on else { return Ok(()) };
    // Names of private teams are not written to this team's events either.
    let on_team = on
        .task
        .map(|(team, _)| team)
        .or(on.team)
        .filter(|other| *other != team.id);
    let hidden: bool = sqlx::query_scalar(concat!(
        "SELECT EXISTS (SELECT FROM teams t WHERE t.id = $1 AND NOT ",
        named_beside!("t", "$2"),
        ")"
    ))
    .bind(on_team)
    .bind(team.id)
    .fetch_one(change.db())
    .await?;
    let shown_on = match (hidden, on.kind) {
        _ if on.kind == BlockerKind::Text => "",
        (false, _) => on.handle.as_deref().unwrap_or(reason.on.trim()),
        (true, BlockerKind::Team) => "a private team",
        (true, _) => "a task of a private team",
    };
    // What matches nothing is kept as text, together with the note.
    let note_parts = [
        if on.kind == BlockerKind::Text {
            reason.on.trim()
        } else {
            ""
        },
        reason.note.trim(),
    ];
    let note = crate::domain::text::plain_lines(
        &note_parts
            .into_iter()
            .filter(|part| !part.is_empty())
            .collect::<Vec<_>>()
            .join(": "),
    );
    if waits_already(change, team, task, &on, &note).await? {
        return Ok(());
    }
    let id = Uuid::now_v7();
    sqlx::query(
        "INSERT INTO blockers (team_id, id, task_id, kind, on_task_team, on_task_id, on_team_id, on_account_id, note, since)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
    )
    .bind(team.id)
    .bind(id)
    .bind(task)
    .bind(on.kind)
    .bind(on.task.map(|(team, _)| team))
    .bind(on.task.map(|(_, task)| task))
    .bind(on.team)
    .bind(on.person)
    .bind(&note)
    .bind(change.at)
    .execute(change.db())
    .await?;
    notify_blocking_tasks(change, team, &[id]).await?;
    let version = touch(change.db(), team.id, task).await?;
    change.record(Event {
        team: team.id,
        task: Some(task),
        kind: EventKind::TaskBlocked,
        before: json!({}),
        after: json!({ "blockers": { "id": id, "kind": on.kind, "on": shown_on, "note": note, "team": on_team.filter(|_| !hidden) } }),
        version: Some(version),
    });
    Ok(())
}

/// Whether the task already has this reason, so that a form that was sent twice adds it once.
async fn waits_already(
    change: &mut Change,
    team: &Team,
    task: Uuid,
    on: &On,
    note: &str,
) -> Result<bool> {
    Ok(sqlx::query_scalar(
        "SELECT EXISTS (SELECT FROM blockers WHERE team_id = $1 AND task_id = $2 AND ended_at IS NULL AND kind = $3 AND note = $8
             AND (on_task_team, on_task_id, on_team_id, on_account_id) IS NOT DISTINCT FROM ($4, $5, $6, $7))",
    )
    .bind(team.id)
    .bind(task)
    .bind(on.kind)
    .bind(on.task.map(|(team, _)| team))
    .bind(on.task.map(|(_, task)| task))
    .bind(on.team)
    .bind(on.person)
    .bind(note)
    .fetch_one(change.db())
    .await?)
}

/// Removes a task's reasons and moves it back to the column that it was blocked in.
pub(crate) async fn unblock_task(change: &mut Change, team: &Team, task: Uuid) -> Result<()> {
    let back: Option<String> = sqlx::query_scalar(
        "SELECT coalesce(
            (SELECT c.slug FROM events e JOIN columns c ON c.team_id = e.team_id AND c.slug = e.before->>'column'
             WHERE e.team_id = $1 AND e.task_id = $2 AND e.kind = 'task.moved' AND e.after->>'state' = 'blocked'
                   AND e.before->>'state' <> 'blocked' AND c.state NOT IN ('blocked', 'done')
             ORDER BY e.seq DESC LIMIT 1),
            (SELECT slug FROM columns WHERE team_id = $1 AND state IN ('doing', 'todo') ORDER BY state = 'doing' DESC, position LIMIT 1))",
    )
    .bind(team.id)
    .bind(task)
    .fetch_one(change.db())
    .await?;
    let back = back.ok_or_else(|| {
        Problem::field(
            "column",
            "This board has no column to move the task back to.",
        )
    })?;
    let (old, from, to) =
        crate::domain::tasks::placement::lock_places(change.db(), team.id, task, &back).await?;
    if from.state != ColumnState::Blocked || old.archived_at.is_some() {
        return end_blockers(change, team, task).await;
    }
    let (rank, _) = crate::domain::tasks::placement::rank_at(
        change.db(),
        team,
        &to,
        Some(task),
        &crate::domain::tasks::placement::Place::default(),
    )
    .await?;
    move_task::put(change, team, &old, &from, &to, &rank).await
}

/// Removes one reason of a task. The task stays blocked even after its last reason: its owners
/// decide when to continue.
pub async fn end_wait(change: &mut Change, team: &Team, task: Uuid, blocker: Uuid) -> Result<()> {
    crate::domain::tasks::lock(change.db(), team.id, task).await?;
    let at = change.at;
    let ended = sqlx::query(
        "UPDATE blockers SET ended_at = greatest($4, since) WHERE team_id = $1 AND task_id = $2 AND id = $3 AND ended_at IS NULL",
    )
    .bind(team.id)
    .bind(task)
    .bind(blocker)
    .bind(at)
    .execute(change.db())
    .await?;
    if ended.rows_affected() == 0 {
        return Err(Problem::NotFound);
    }
    notify_blocking_tasks(change, team, &[blocker]).await?;
    crate::domain::tasks::note(
        change,
        team,
        task,
        EventKind::TaskUnblocked,
        json!({ "blockers": [blocker] }),
        json!({}),
    )
    .await
}
