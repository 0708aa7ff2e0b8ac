//! What a goal can contribute to, for the goal form; and goals found by number.

use uuid::Uuid;

use crate::{
    db::pool::Pool,
    domain::{error::Result, policy::predicates::named_beside},
};

/// A project, milestone or key result that a goal can contribute to.
#[derive(sqlx::FromRow)]
pub(crate) struct Choice {
    /// The value in the form: a project's slug, or an id.
    pub(crate) value: String,
    pub(crate) name: String,
}

/// Returns the unfinished projects that a team's goal can contribute to, and the goal's own one.
/// Another team's private project is not among them; `reach` limits them to a token's teams.
pub(crate) async fn projects(
    db: &Pool,
    team: Uuid,
    reach: Option<&[Uuid]>,
    own: Option<&str>,
) -> Result<Vec<Choice>> {
    Ok(sqlx::query_as(concat!(
        "SELECT p.slug AS value, p.name FROM projects p JOIN teams t ON t.id = p.team_id
         WHERE (p.finished_at IS NULL OR p.slug = $3) AND ",
        named_beside!("t", "$1"),
        " AND ($2::uuid[] IS NULL OR t.id = ANY($2))
         ORDER BY p.name"
    ))
    .bind(team)
    .bind(reach)
    .bind(own)
    .fetch_all(db)
    .await?)
}

/// Returns the milestones of such projects.
pub(crate) async fn milestones(
    db: &Pool,
    team: Uuid,
    reach: Option<&[Uuid]>,
    own: Option<Uuid>,
) -> Result<Vec<Choice>> {
    Ok(sqlx::query_as(concat!(
        "SELECT m.id::text AS value, p.name || ': ' || m.title AS name FROM milestones m
         JOIN projects p ON p.team_id = m.team_id AND p.id = m.project_id JOIN teams t ON t.id = p.team_id
         WHERE (p.finished_at IS NULL OR m.id = $3) AND ",
        named_beside!("t", "$1"),
        " AND ($2::uuid[] IS NULL OR t.id = ANY($2))
         ORDER BY p.name, m.position"
    ))
    .bind(team)
    .bind(reach)
    .bind(own)
    .fetch_all(db)
    .await?)
}

/// Returns a team's key results, newest quarter first.
pub(crate) async fn key_results(db: &Pool, team: Uuid) -> Result<Vec<Choice>> {
    Ok(sqlx::query_as(
        "SELECT k.id::text AS value, o.quarter || ' ' || k.title AS name FROM key_results k
         JOIN objectives o ON o.team_id = k.team_id AND o.id = k.objective_id
         WHERE k.team_id = $1 ORDER BY o.quarter DESC, o.position, k.position",
    )
    .bind(team)
    .fetch_all(db)
    .await?)
}

/// Finds a team's goal by its number: in `sprint`, else in the task's sprint, else in `current`.
pub(crate) async fn goal_of_number(
    db: &Pool,
    team: Uuid,
    number: i32,
    sprint: Option<Uuid>,
    task: Option<Uuid>,
    current: Option<Uuid>,
) -> Result<Option<Uuid>> {
    Ok(sqlx::query_scalar(
        "SELECT id FROM goals WHERE team_id = $1 AND position = $2
             AND sprint_id = coalesce($3, (SELECT sprint_id FROM tasks WHERE team_id = $1 AND id = $4), $5)",
    )
    .bind(team)
    .bind(number)
    .bind(sprint)
    .bind(task)
    .bind(current)
    .fetch_optional(db)
    .await?)
}
