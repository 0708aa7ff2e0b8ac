//! Creates, edits, reorders and deletes goals, and updates their progress.

use serde_json::json;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::domain::{
    error::{Problem, Result},
    events::{Change, EventKind},
    goals::{
        locked_goal::{lock, note, open_sprint},
        progress::CountedBy,
    },
    humanize,
    measure::Measure,
    policy::predicates::{named_beside, seen_by},
    team::Team,
};

/// A goal as a form or the API sends it.
#[derive(Clone, Debug)]
pub(crate) struct Draft {
    pub(crate) title: String,
    pub(crate) measure: Measure,
    pub(crate) unit: String,
    pub(crate) target: i64,
    pub(crate) counted_by: CountedBy,
    pub(crate) why: String,
    pub(crate) needs: String,
    /// Handles.
    pub(crate) owners: Vec<String>,
    /// The slug of a project.
    pub(crate) project: Option<String>,
    pub(crate) milestone: Option<Uuid>,
    pub(crate) key_result: Option<Uuid>,
}

/// Creates a goal, as the last of its team's in that sprint.
///
/// # Errors
/// `Invalid` for a number or text that breaks a rule, `Conflict` when the team has closed the
/// sprint.
pub(crate) async fn add_goal(
    change: &mut Change,
    team: &Team,
    sprint: Uuid,
    draft: &Draft,
) -> Result<Uuid> {
    open_sprint(change, team, sprint).await?;
    let target = checked_target(draft)?;
    let project = project_of(change, draft).await?;
    let id = Uuid::now_v7();
    // The lowest colour that no other goal of the sprint has; a sprint has few goals.
    sqlx::query(
        "INSERT INTO goals (team_id, id, sprint_id, position, title, measure, unit, target, counted_by, hue, why, needs,
                            project_team_id, project_id, milestone_id, key_result_id)
         SELECT $1, $2, $3, coalesce(max(g.position), 0) + 1, $4, $5, $6, $7, $8,
                (SELECT h FROM unnest('{8,2,5,10,0,6,3,11,7,1,4,9}'::smallint[]) WITH ORDINALITY AS hues (h, n)
                 ORDER BY h = ANY(coalesce(array_agg(g.hue), '{}')), n LIMIT 1),
                $9, $10, $11, $12, $13, $14
         FROM goals g WHERE g.team_id = $1 AND g.sprint_id = $3",
    )
    .bind(team.id)
    .bind(id)
    .bind(sprint)
    .bind(draft.title.trim())
    .bind(draft.measure.as_str())
    .bind(draft.unit.trim())
    .bind(target)
    .bind(draft.counted_by.as_str())
    .bind(draft.why.trim())
    .bind(draft.needs.trim())
    .bind(project.map(|(team, _)| team))
    .bind(project.map(|(_, id)| id))
    .bind(draft.milestone)
    .bind(draft.key_result)
    .execute(change.db())
    .await?;
    own(change, team, id, &draft.owners).await?;
    note(
        change,
        team,
        EventKind::GoalCreated,
        json!({}),
        json!({ "goal": id, "title": draft.title.trim(), "target": target, "owners": draft.owners }),
    );
    Ok(id)
}

/// Edits a goal. `seen` is the version that the client saw.
///
/// # Errors
/// As for `add_goal`, and `Conflict` when the goal was changed since.
pub(crate) async fn edit_goal(
    change: &mut Change,
    team: &Team,
    goal: Uuid,
    draft: &Draft,
    seen: Option<i64>,
) -> Result<()> {
    let old = lock(change, team, goal).await?;
    if seen.is_some_and(|seen| seen != old.version) {
        let (editor, ago) = last_editor(change, team, goal).await?;
        return Err(Problem::conflict(format!(
            "{editor} changed this goal {ago}. Your changes are still in the form. Compare them with the current version, then save again."
        )));
    }
    let target = checked_target(draft)?;
    let (project, milestone) = match project_of(change, draft).await? {
        Some(project) => (Some(project), draft.milestone),
        None => hidden_project(change, team, goal).await?,
    };
    sqlx::query(
        // Progress in another measure is meaningless: 31 of 50 is neither 31 % nor a yes.
        "UPDATE goals SET title = $3, manual_value = CASE WHEN measure = $4 THEN manual_value END, measure = $4, unit = $5, target = $6, counted_by = $7, why = $8, needs = $9,
                project_team_id = $10, project_id = $11, milestone_id = $12, key_result_id = $13, version = version + 1
         WHERE team_id = $1 AND id = $2",
    )
    .bind(team.id)
    .bind(goal)
    .bind(draft.title.trim())
    .bind(draft.measure.as_str())
    .bind(draft.unit.trim())
    .bind(target)
    .bind(draft.counted_by.as_str())
    .bind(draft.why.trim())
    .bind(draft.needs.trim())
    .bind(project.map(|(team, _)| team))
    .bind(project.map(|(_, id)| id))
    .bind(milestone)
    .bind(draft.key_result)
    .execute(change.db())
    .await?;
    own(change, team, goal, &draft.owners).await?;
    let mut before = json!({ "goal": goal, "title": old.title, "target": old.target });
    let mut after = json!({ "goal": goal, "title": draft.title.trim(), "target": target, "owners": draft.owners });
    let serves = project.map(|(_, id)| id);
    if old.project_id != serves {
        // Followers of either project are notified.
        (before["project"], after["project"]) = (json!(old.project_id), json!(serves));
    }
    note(change, team, EventKind::GoalEdited, before, after);
    Ok(())
}

/// Who changed a goal last, and how long ago.
async fn last_editor(change: &mut Change, team: &Team, goal: Uuid) -> Result<(String, String)> {
    let last: Option<(Option<String>, OffsetDateTime)> = sqlx::query_as(
        "SELECT a.name, e.at FROM events e LEFT JOIN accounts a ON a.id = e.actor_id
         WHERE e.team_id = $1 AND e.after->>'goal' = $2 AND e.kind = 'goal.edited'
         ORDER BY e.seq DESC LIMIT 1",
    )
    .bind(team.id)
    .bind(goal.to_string())
    .fetch_optional(change.db())
    .await?;
    let (editor, when) = last.unwrap_or((None, change.at));
    Ok((
        editor.unwrap_or_else(|| "A former member".to_owned()),
        humanize::ago(change.at, when),
    ))
}

/// Sets a goal's progress. From then on the goal uses the last entered value.
pub(crate) async fn set_progress(
    change: &mut Change,
    team: &Team,
    goal: Uuid,
    value: i64,
    note_text: &str,
) -> Result<()> {
    let old = lock(change, team, goal).await?;
    let most = match old.measure {
        Measure::Count => 1_000_000_000,
        Measure::Share => 100,
        Measure::YesNo => 1,
    };
    if !(0..=most).contains(&value) {
        return Err(Problem::field(
            "value",
            format!("Enter a whole number from 0 to {most}."),
        ));
    }
    sqlx::query(
        "UPDATE goals SET manual_value = $3, counted_by = 'manual' WHERE team_id = $1 AND id = $2",
    )
    .bind(team.id)
    .bind(goal)
    .bind(value)
    .execute(change.db())
    .await?;
    let (actor, at) = (change.actor, change.at);
    sqlx::query(
        "INSERT INTO goal_entries (team_id, id, goal_id, value, note, by_id, at, measure) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
    )
    .bind(team.id)
    .bind(Uuid::now_v7())
    .bind(goal)
    .bind(value)
    .bind(note_text.trim())
    .bind(actor)
    .bind(at)
    .bind(old.measure.as_str())
    .execute(change.db())
    .await?;
    note(
        change,
        team,
        EventKind::GoalProgressed,
        json!({ "goal": goal, "value": old.manual_value }),
        json!({
            "goal": goal,
            "value": value,
            "measure": old.measure.as_str(),
            "note": note_text.trim(),
        }),
    );
    Ok(())
}

fn checked_target(draft: &Draft) -> Result<i64> {
    let target = if draft.measure == Measure::YesNo {
        1
    } else {
        draft.target
    };
    let most = if draft.measure == Measure::Share {
        100
    } else {
        1_000_000_000
    };
    if (1..=most).contains(&target) {
        Ok(target)
    } else {
        Err(Problem::field(
            "target",
            format!("Enter a target: a whole number from 1 to {most}."),
        ))
    }
}

async fn project_of(change: &mut Change, draft: &Draft) -> Result<Option<(Uuid, Uuid)>> {
    let Some(slug) = draft.project.as_deref().filter(|slug| !slug.is_empty()) else {
        return if draft.milestone.is_some() {
            Err(Problem::field(
                "milestone",
                "A milestone belongs to a project. Choose the project too.",
            ))
        } else {
            Ok(None)
        };
    };
    let project: Option<(Uuid, Uuid)> = sqlx::query_as(concat!(
        "SELECT p.team_id, p.id FROM projects p JOIN teams t ON t.id = p.team_id WHERE p.slug = $1 AND ",
        seen_by!("$3", "$4"),
        "
            AND ($2::uuid IS NULL OR EXISTS (SELECT FROM milestones m WHERE m.team_id = p.team_id AND m.project_id = p.id AND m.id = $2))"
    ))
    .bind(slug)
    .bind(draft.milestone)
    .bind(change.actor)
    .bind(change.reach.clone())
    .fetch_optional(change.db())
    .await?;
    project
        .map(Some)
        .ok_or_else(|| Problem::field("project", "This project or milestone does not exist."))
}

/// The project and milestone of a goal if they belong to a private team that the editor cannot see.
/// The goal's forms do not show them, so the edit must keep them.
async fn hidden_project(
    change: &mut Change,
    team: &Team,
    goal: Uuid,
) -> Result<(Option<(Uuid, Uuid)>, Option<Uuid>)> {
    let (actor, reach) = (change.actor, change.reach.clone());
    let hidden: Option<(Uuid, Uuid, Option<Uuid>)> = sqlx::query_as(concat!(
        "SELECT g.project_team_id, g.project_id, g.milestone_id FROM goals g JOIN teams t ON t.id = g.project_team_id
         WHERE g.team_id = $1 AND g.id = $2 AND (NOT ",
        named_beside!("t", "g.team_id"),
        " OR NOT (",
        seen_by!("$3", "$4"),
        "))"
    ))
    .bind(team.id)
    .bind(goal)
    .bind(actor)
    .bind(reach)
    .fetch_optional(change.db())
    .await?;
    Ok(hidden.map_or((None, None), |(of, project, milestone)| {
        (Some((of, project)), milestone)
    }))
}

async fn own(change: &mut Change, team: &Team, goal: Uuid, handles: &[String]) -> Result<()> {
    if handles.len() > 20 {
        return Err(Problem::field(
            "owners",
            "A goal can have at most 20 owners.",
        ));
    }
    // A deactivated owner stays an owner until the owners are changed.
    let were: Vec<Uuid> = sqlx::query_scalar(
        "DELETE FROM goal_owners WHERE team_id = $1 AND goal_id = $2 RETURNING account_id",
    )
    .bind(team.id)
    .bind(goal)
    .fetch_all(change.db())
    .await?;
    let added: Vec<String> = sqlx::query_scalar(
        "WITH made AS (
            INSERT INTO goal_owners (team_id, goal_id, account_id)
            SELECT $1, $2, id FROM accounts WHERE handle = ANY($3) AND (deactivated_at IS NULL OR id = ANY($4)) RETURNING account_id)
         SELECT a.handle FROM made JOIN accounts a ON a.id = made.account_id",
    )
    .bind(team.id)
    .bind(goal)
    .bind(handles)
    .bind(were)
    .fetch_all(change.db())
    .await?;
    match handles.iter().find(|handle| !added.contains(handle)) {
        Some(missing) => Err(Problem::field(
            "owners",
            format!("No one is called {missing}."),
        )),
        None => Ok(()),
    }
}
