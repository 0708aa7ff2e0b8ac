//! Milestones: the ordered steps of a project, which sprint goals can link to.

use serde_json::json;
use time::Date;
use uuid::Uuid;

use crate::domain::{
    error::{Problem, Result},
    events::{Change, Event, EventKind},
    team::Team,
};

/// Adds a milestone, as the last of its project, and returns its id.
pub(crate) async fn add_milestone(
    change: &mut Change,
    team: &Team,
    project: Uuid,
    title: &str,
    due_on: Option<Date>,
) -> Result<Uuid> {
    // Concurrent additions get different positions.
    sqlx::query("SELECT FROM projects WHERE team_id = $1 AND id = $2 FOR NO KEY UPDATE")
        .bind(team.id)
        .bind(project)
        .fetch_one(change.db())
        .await?;
    let id = Uuid::now_v7();
    sqlx::query(
        "INSERT INTO milestones (team_id, id, project_id, position, title, due_on)
         SELECT $1, $2, $3, coalesce(max(position), 0) + 1, $4, $5 FROM milestones WHERE team_id = $1 AND project_id = $3",
    )
    .bind(team.id)
    .bind(id)
    .bind(project)
    .bind(title.trim())
    .bind(due_on)
    .execute(change.db())
    .await?;
    note(
        change,
        team,
        EventKind::MilestoneAdded,
        project,
        id,
        title.trim(),
    );
    Ok(id)
}

/// Changes a milestone's title or due date; goals stay linked.
pub(crate) async fn edit_milestone(
    change: &mut Change,
    team: &Team,
    milestone: Uuid,
    title: &str,
    due_on: Option<Date>,
) -> Result<()> {
    let project: Option<Uuid> = sqlx::query_scalar(
        "UPDATE milestones SET title = $3, due_on = $4 WHERE team_id = $1 AND id = $2 RETURNING project_id",
    )
    .bind(team.id)
    .bind(milestone)
    .bind(title.trim())
    .bind(due_on)
    .fetch_optional(change.db())
    .await?;
    let project = project.ok_or(Problem::NotFound)?;
    note(
        change,
        team,
        EventKind::MilestoneEdited,
        project,
        milestone,
        title.trim(),
    );
    Ok(())
}

/// Moves a milestone one place up or down in its project; at the end nothing changes.
pub(crate) async fn reorder_milestone(
    change: &mut Change,
    team: &Team,
    milestone: Uuid,
    up: bool,
) -> Result<()> {
    // Locks all milestones of the project, so that concurrent reorders run one after the other.
    let all: Vec<(Uuid, i32, Uuid, String)> = sqlx::query_as(
        "SELECT id, position, project_id, title FROM milestones
         WHERE team_id = $1 AND project_id = (SELECT project_id FROM milestones WHERE team_id = $1 AND id = $2)
         ORDER BY id FOR UPDATE",
    )
    .bind(team.id)
    .bind(milestone)
    .fetch_all(change.db())
    .await?;
    let (_, place, project, title) = all
        .iter()
        .find(|(id, ..)| *id == milestone)
        .ok_or(Problem::NotFound)?;
    let beyond = all.iter().filter(|(_, position, ..)| {
        if up {
            position < place
        } else {
            position > place
        }
    });
    let Some((neighbour, other, ..)) =
        beyond.min_by_key(|(_, position, ..)| (position - place).abs())
    else {
        return Ok(());
    };
    sqlx::query("SET CONSTRAINTS milestone_position DEFERRED")
        .execute(change.db())
        .await?;
    for (id, position) in [(milestone, other), (*neighbour, place)] {
        sqlx::query("UPDATE milestones SET position = $3 WHERE team_id = $1 AND id = $2")
            .bind(team.id)
            .bind(id)
            .bind(position)
            .execute(change.db())
            .await?;
    }
    note(
        change,
        team,
        EventKind::MilestoneReordered,
        *project,
        milestone,
        title,
    );
    Ok(())
}

/// Marks a milestone as reached, or reopens it.
pub(crate) async fn reach_milestone(
    change: &mut Change,
    team: &Team,
    milestone: Uuid,
    reached: bool,
) -> Result<()> {
    let at = change.at;
    let updated: Option<(Uuid, String)> = sqlx::query_as(
        "UPDATE milestones SET reached_at = CASE WHEN $3 THEN coalesce(reached_at, $4) END
         WHERE team_id = $1 AND id = $2 RETURNING project_id, title",
    )
    .bind(team.id)
    .bind(milestone)
    .bind(reached)
    .bind(at)
    .fetch_optional(change.db())
    .await?;
    let (project, title) = updated.ok_or(Problem::NotFound)?;
    let kind = if reached {
        EventKind::MilestoneReached
    } else {
        EventKind::MilestoneReopened
    };
    note(change, team, kind, project, milestone, &title);
    Ok(())
}

/// Deletes a milestone; its goals stay linked to the project.
pub(crate) async fn delete_milestone(
    change: &mut Change,
    team: &Team,
    milestone: Uuid,
) -> Result<()> {
    let deleted: Option<(Uuid, String)> = sqlx::query_as(
        "DELETE FROM milestones WHERE team_id = $1 AND id = $2 RETURNING project_id, title",
    )
    .bind(team.id)
    .bind(milestone)
    .fetch_optional(change.db())
    .await?;
    let (project, title) = deleted.ok_or(Problem::NotFound)?;
    note(
        change,
        team,
        EventKind::MilestoneDeleted,
        project,
        milestone,
        &title,
    );
    Ok(())
}

fn note(
    change: &mut Change,
    team: &Team,
    kind: EventKind,
    project: Uuid,
    milestone: Uuid,
    title: &str,
) {
    let after = json!({ "project": project, "milestone": milestone, "title": title });
    change.record(Event {
        team: team.id,
        task: None,
        kind,
        before: json!({}),
        after,
        version: None,
    });
}
