//! A goal's row under its lock, and the checks that every change of a goal makes.

use uuid::Uuid;

use crate::domain::{
    error::{Problem, Result},
    events::{Change, Event, EventKind},
    measure::Measure,
    tasks::sprint_assignment,
    team::Team,
};

/// A goal's row, locked.
#[derive(sqlx::FromRow)]
pub(crate) struct LockedGoal {
    pub(crate) sprint_id: Uuid,
    pub(crate) position: i32,
    pub(crate) title: String,
    pub(crate) measure: Measure,
    pub(crate) target: i64,
    pub(crate) manual_value: Option<i64>,
    pub(crate) project_id: Option<Uuid>,
    pub(crate) version: i64,
}

pub(crate) async fn lock(change: &mut Change, team: &Team, goal: Uuid) -> Result<LockedGoal> {
    let old: LockedGoal = sqlx::query_as(
        "SELECT sprint_id, position, title, measure, target, manual_value, project_id, version FROM goals WHERE team_id = $1 AND id = $2 FOR UPDATE",
    )
    .bind(team.id)
    .bind(goal)
    .fetch_one(change.db())
    .await?;
    open_sprint(change, team, old.sprint_id).await?;
    Ok(old)
}

/// Refuses a closed sprint: its numbers are frozen, including its goals.
pub(crate) async fn open_sprint(change: &mut Change, team: &Team, sprint: Uuid) -> Result<()> {
    match sprint_assignment::closed(change.db(), team.id, sprint).await? {
        Some(name) => Err(Problem::conflict(format!(
            "{} has closed {name}, so its goals can no longer be changed. Nothing was changed.",
            team.name
        ))),
        None => Ok(()),
    }
}

pub(crate) fn note(
    change: &mut Change,
    team: &Team,
    kind: EventKind,
    before: serde_json::Value,
    after: serde_json::Value,
) {
    change.record(Event {
        team: team.id,
        task: None,
        kind,
        before,
        after,
        version: None,
    });
}
