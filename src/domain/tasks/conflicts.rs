//! Edit conflicts: a writer who saw an older version gets both versions to compare.

use serde_json::{Map, Value, json};

use crate::domain::{
    boards::Column,
    error::{Conflict, Problem, Result},
    events::Change,
    policy::predicates::named_beside,
    tasks::{
        LockedTask, assign, labels,
        task_edit::{Edit, Seen},
        timeline,
    },
    team::Team,
};

/// Refuses an edit that is based on an older version of the text; `now` is the task after the edit,
/// `after` the changed fields.
pub(crate) async fn check_seen(
    change: &mut Change,
    team: &Team,
    old: &LockedTask,
    now: &LockedTask,
    edit: &Edit,
    after: &Map<String, Value>,
) -> Result<()> {
    let Some(seen) = edit.seen.filter(|seen| seen.version != old.version) else {
        return Ok(());
    };
    if seen.version > old.version {
        return Err(Problem::Conflict(Box::new(Conflict {
            detail: unknown_version(old),
            current: current_fields(change, team, old).await?,
            sent: sent(change, team, now, edit, seen).await?,
        })));
    }
    let mut fields: Vec<String> = after.keys().cloned().collect();
    fields.extend(edit.owners.is_some().then(|| "owners".to_owned()));
    fields.extend(edit.labels.is_some().then(|| "labels".to_owned()));
    let clash = timeline::editor_since(
        change,
        team.id,
        old.id,
        seen.version,
        if seen.strict { None } else { Some(&fields) },
    )
    .await?;
    let Some(editor) = clash else { return Ok(()) };
    Err(Problem::Conflict(Box::new(Conflict {
        detail: format!(
            "{editor} changed this in the meantime. Your version was not saved; both versions are below."
        ),
        current: current_fields(change, team, old).await?,
        sent: sent(change, team, now, edit, seen).await?,
    })))
}

fn unknown_version(old: &LockedTask) -> String {
    format!(
        "The task has no such version: its newest is {}. Nothing was saved. Reload the task and try again.",
        old.version
    )
}

/// The conflict of two moves: who moved the task, and both places.
pub(crate) async fn moved_meanwhile(
    change: &mut Change,
    team: &Team,
    old: &LockedTask,
    (from, to): (&Column, &Column),
    version: Option<i64>,
) -> Result<Problem> {
    let key = format!("{}-{}", team.key, old.number);
    let detail = if version > Some(old.version) {
        unknown_version(old)
    } else {
        let mover = timeline::last_mover(change, team.id, old.id).await?;
        format!(
            "{mover} moved {key} to {}. Your move was not saved.",
            from.name
        )
    };
    Ok(Problem::Conflict(Box::new(Conflict {
        detail,
        current: json!({ "key": key, "column": from.slug, "version": old.version }),
        sent: json!({ "column": to.slug, "version": version }),
    })))
}

/// The current task, with the fields that the API accepts.
async fn current_fields(change: &mut Change, team: &Team, old: &LockedTask) -> Result<Value> {
    let mut current = editable_fields(change, team, old).await?;
    current["key"] = json!(format!("{}-{}", team.key, old.number));
    current["version"] = json!(old.version);
    current["owners"] = json!(assign::read(change.db(), team.id, old.id).await?);
    current["labels"] = json!(labels::read(change.db(), team.id, old.id).await?);
    Ok(current)
}

/// The sent fields in the same form.
async fn sent(
    change: &mut Change,
    team: &Team,
    now: &LockedTask,
    edit: &Edit,
    seen: Seen,
) -> Result<Value> {
    let wanted = editable_fields(change, team, now).await?;
    let mut sent = json!({ "version": seen.version });
    for (field, was_sent) in [
        ("title", edit.title.is_some()),
        ("description", edit.description.is_some()),
        ("sprint", edit.sprint.is_some()),
        ("goal", edit.goal.is_some()),
        ("project", edit.project.is_some()),
        ("estimate", edit.estimate.is_some()),
        ("due", edit.due.is_some()),
        ("needed_by", edit.needed_by.is_some()),
    ] {
        if was_sent {
            sent[field] = wanted[field].clone();
        }
    }
    for (field, names) in [("owners", &edit.owners), ("labels", &edit.labels)] {
        if let Some(names) = names {
            sent[field] = json!(names);
        }
    }
    Ok(sent)
}

/// A sprint by number, a goal by position, and a project by slug, unless it is hidden by another
/// private team.
async fn editable_fields(change: &mut Change, team: &Team, task: &LockedTask) -> Result<Value> {
    let (sprint, goal, project): (Option<i32>, Option<i32>, Option<String>) = sqlx::query_as(concat!(
        "SELECT (SELECT number FROM sprints WHERE id = $2), (SELECT position FROM goals WHERE team_id = $1 AND id = $3),
                (SELECT p.slug FROM projects p JOIN teams t ON t.id = p.team_id WHERE p.id = $4 AND ",
        named_beside!("t", "$1"),
        ")"
    ))
    .bind(team.id)
    .bind(task.sprint_id)
    .bind(task.goal_id)
    .bind(task.project_id)
    .fetch_one(change.db())
    .await?;
    Ok(json!({
        "title": task.title, "description": task.description, "sprint": sprint, "goal": goal, "project": project,
        "estimate": task.estimate, "due": task.due_on.map(|day| day.to_string()), "needed_by": task.needed_by,
    }))
}
