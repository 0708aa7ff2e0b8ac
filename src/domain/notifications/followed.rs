//! Which events concern those who follow something.

use uuid::Uuid;

use crate::domain::{
    events::EventKind,
    notifications::batch::{Batch, Follow, NewEvent, TaskFacts, uuid},
};

/// Events that are no news for followers.
fn is_minor(kind: EventKind) -> bool {
    matches!(
        kind,
        EventKind::CommentEdited
            | EventKind::GoalReordered
            | EventKind::MilestoneReordered
            | EventKind::ProjectCreated
            | EventKind::TaskColumnDeleted
            | EventKind::TopicEditedByAuthor
            | EventKind::TopicDone
            | EventKind::TopicEdited
            | EventKind::TopicRemoved
            | EventKind::TopicReopened
            | EventKind::TopicWithdrawn
            | EventKind::BlockerRenamed
            | EventKind::BlockerDependentsChanged
    )
}

/// Whether the event is about what a person follows: every change of a task; the moves of a goal's or project's tasks; the
/// changes of a goal or project itself; of a team what is done, blocked or unblocked, and its goals.
pub(super) fn is_followed(event: &NewEvent, follow: &Follow, batch: &Batch) -> bool {
    if is_minor(event.kind) {
        return false;
    }
    let names = |field: &str, id: Uuid| {
        uuid(&event.before[field]) == Some(id) || uuid(&event.after[field]) == Some(id)
    };
    let task = event.task_id.and_then(|task| batch.tasks.get(&task));
    let is_own_team = follow.team_id == batch.team;
    if let Some(followed) = follow.task_id {
        return is_own_team
            && event.task_id == Some(followed)
            && match event.kind {
                EventKind::TaskMoved => event.before["column"] != event.after["column"],
                EventKind::BlockerMoved => event.after["state"] == "done",
                _ => true,
            };
    }
    if let Some(goal) = follow.goal_id {
        let is_of_sprint = || {
            batch.goals.get(&goal).map(|goal| i64::from(goal.sprint))
                == event.after["sprint"].as_i64()
        };
        return is_own_team
            && (names("goal", goal)
                || is_move(event) && task.is_some_and(|task| task.goal_id == Some(goal))
                || matches!(
                    event.kind,
                    EventKind::SprintClosed | EventKind::SprintReopened
                ) && is_of_sprint());
    }
    if let Some(project) = follow.project_id {
        let serves = |goal: Option<Uuid>| {
            goal.and_then(|goal| batch.goals.get(&goal))
                .is_some_and(|goal| goal.project_id == Some(project))
        };
        let is_part = |task: &TaskFacts| {
            task.project_team_id == Some(follow.team_id) && task.project_id == Some(project)
                || serves(task.goal_id)
        };
        let names_its_goal =
            || serves(uuid(&event.before["goal"])) || serves(uuid(&event.after["goal"]));
        return names("project", project)
            || names_its_goal()
            || is_move(event) && task.is_some_and(is_part);
    }
    let state = |state: &str| event.before["state"] != state && event.after["state"] == state;
    is_own_team
        && (event.kind.as_str().starts_with("goal.")
            || matches!(
                event.kind,
                EventKind::SprintClosed | EventKind::SprintReopened
            )
            || is_move(event)
                && (state("done")
                    || state("blocked")
                    || event.before["state"] == "blocked" && event.after["state"] != "blocked"))
}

/// Whether a task came into another column, or was created or archived.
fn is_move(event: &NewEvent) -> bool {
    match event.kind {
        EventKind::TaskMoved => event.before["column"] != event.after["column"],
        EventKind::TaskCreated | EventKind::TaskArchived | EventKind::TaskRestored => true,
        _ => false,
    }
}
