//! Edits a task's fields. An edit based on an older version of the same field is refused with both
//! versions.

use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::domain::{
    error::Result,
    events::{Change, Event, EventKind},
    tasks::{
        LockedTask, assign, attachments, conflicts, create::checked_title, labels, lock,
        sprint_assignment, stakeholders, task_edit::Edit,
    },
    team::Team,
};

/// Changes a task's fields in one event.
///
/// # Errors
/// `Conflict` with the current version beside the one that was sent, `Invalid` for texts that break
/// a rule.
pub(crate) async fn edit_task(
    change: &mut Change,
    team: &Team,
    task: Uuid,
    edit: &Edit,
) -> Result<()> {
    let old = lock(change.db(), team.id, task).await?;
    let (mut before, mut after) = (Map::new(), Map::new());
    let mut note = |field: &str, old: Value, new: Value| {
        if old != new {
            before.insert(field.to_owned(), old);
            after.insert(field.to_owned(), new);
        }
    };
    let mut now = old.clone();
    if let Some(title) = &edit.title {
        now.title = checked_title(title)?;
        note("title", json!(old.title), json!(now.title));
    }
    if let Some(description) = &edit.description {
        now.description = crate::domain::text::plain_lines(description);
        note(
            "description",
            json!(old.description),
            json!(now.description),
        );
    }
    if let Some(sprint) = edit.sprint {
        now.sprint_id = sprint;
        note("sprint", json!(old.sprint_id), json!(sprint));
        // An archived task is not unfinished in the other sprint.
        let rests =
            edit.is_undo && (old.archived_at.is_some() || is_done(change, team, task).await?);
        if sprint != old.sprint_id && !rests {
            sprint_assignment::refuse_closed(change.db(), team, sprint).await?;
        }
    }
    let follows = now.sprint_id != old.sprint_id && old.goal_id.is_some();
    let goal = match edit.goal {
        None if follows => Some(goal_there(change, team, &old, now.sprint_id).await?),
        goal => goal,
    };
    if let Some(goal) = goal {
        now.goal_id = goal;
        note("goal", json!(old.goal_id), json!(goal));
    }
    if let Some(project) = edit.project {
        now.project_id = project;
        note("project", json!(old.project_id), json!(project));
    }
    if let Some(cover) = edit.cover {
        now.cover_id = cover;
        note("cover", json!(old.cover_id), json!(cover));
        if let Some(picture) = cover.filter(|_| cover != old.cover_id) {
            attachments::require_picture(change.db(), team.id, task, picture).await?;
        }
    }
    if let Some(estimate) = edit.estimate {
        now.estimate = estimate;
        note("estimate", json!(old.estimate), json!(estimate));
    }
    if let Some(due) = edit.due {
        now.due_on = due;
        note(
            "due",
            json!(old.due_on.map(|day| day.to_string())),
            json!(due.map(|day| day.to_string())),
        );
    }
    if let Some(needed_by) = &edit.needed_by {
        now.needed_by = stakeholders::without_hidden_names(change, team, needed_by).await?;
        note("needed_by", json!(old.needed_by), json!(now.needed_by));
    }
    conflicts::check_seen(change, team, &old, &now, edit, &after).await?;
    if !after.is_empty() {
        let version = write(change, team, &now).await?;
        if now.needed_by != old.needed_by {
            stakeholders::set_stakeholders(
                change,
                team,
                task,
                edit.needed_by.as_deref().unwrap_or(""),
            )
            .await?;
        }
        change.record(Event {
            team: team.id,
            task: Some(task),
            kind: EventKind::TaskEdited,
            before: Value::Object(before),
            after: Value::Object(after),
            version: Some(version),
        });
        if now.title != old.title {
            // Without the new title: readers of the other team's events may not be allowed to see
            // this task.
            crate::domain::tasks::blockers::notify_waiting_tasks(
                change,
                team,
                task,
                EventKind::BlockerRenamed,
                json!({}),
                false,
            )
            .await?;
        }
    }
    if let Some(owners) = &edit.owners {
        assign::set_owners(change, team, task, owners).await?;
    }
    if let Some(labels) = &edit.labels {
        labels::set_labels(change, team, task, labels).await?;
    }
    Ok(())
}

async fn is_done(change: &mut Change, team: &Team, task: Uuid) -> Result<bool> {
    Ok(sqlx::query_scalar(
        "SELECT c.state = 'done' FROM tasks k JOIN columns c ON c.team_id = k.team_id AND c.id = k.column_id
         WHERE k.team_id = $1 AND k.id = $2",
    )
    .bind(team.id)
    .bind(task)
    .fetch_one(change.db())
    .await?)
}

/// A goal belongs to one sprint. A task that moves to another sprint keeps the goal with the same
/// title there, or has none.
async fn goal_there(
    change: &mut Change,
    team: &Team,
    old: &LockedTask,
    sprint: Option<Uuid>,
) -> Result<Option<Uuid>> {
    Ok(sqlx::query_scalar(
        "SELECT there.id FROM goals g JOIN goals there ON there.team_id = g.team_id AND there.title = g.title
         WHERE g.team_id = $1 AND g.id = $2 AND there.sprint_id = $3 ORDER BY there.position LIMIT 1",
    )
    .bind(team.id)
    .bind(old.goal_id)
    .bind(sprint)
    .fetch_optional(change.db())
    .await?)
}

async fn write(change: &mut Change, team: &Team, now: &LockedTask) -> Result<i64> {
    Ok(sqlx::query_scalar(
        "UPDATE tasks SET title = $3, description = $4, sprint_id = $5, goal_id = $6, estimate = $7, due_on = $8, needed_by = $9,
                project_team_id = (SELECT team_id FROM projects WHERE id = $10), project_id = (SELECT id FROM projects WHERE id = $10),
                cover_id = $11, version = version + 1
         WHERE team_id = $1 AND id = $2 RETURNING version",
    )
    .bind(team.id)
    .bind(now.id)
    .bind(&now.title)
    .bind(&now.description)
    .bind(now.sprint_id)
    .bind(now.goal_id)
    .bind(now.estimate)
    .bind(now.due_on)
    .bind(&now.needed_by)
    .bind(now.project_id)
    .bind(now.cover_id)
    .fetch_one(change.db())
    .await?)
}
