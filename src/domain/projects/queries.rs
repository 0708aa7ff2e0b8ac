//! Reads projects, milestones and objectives.

use sqlx::PgPool;
use time::{Date, OffsetDateTime};
use uuid::Uuid;

use crate::domain::{error::Result, measure::Measure};

/// A project, which spans sprints.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Project {
    pub team_id: Uuid,
    pub id: Uuid,
    pub slug: String,
    pub name: String,
    pub about: String,
    #[sqlx(try_from = "String")]
    pub measure: Measure,
    pub unit: String,
    pub target: i64,
    pub typed: Option<i64>,
    pub hue: i16,
    pub key_result_id: Option<Uuid>,
    pub finished_at: Option<OffsetDateTime>,
}

/// A milestone of a project.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Milestone {
    pub id: Uuid,
    pub title: String,
    pub due_on: Option<Date>,
    pub reached_at: Option<OffsetDateTime>,
}

/// A team's objective for a quarter.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Objective {
    pub id: Uuid,
    pub quarter: String,
    pub title: String,
    pub why: String,
}

/// A key result, which measures an objective.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct KeyResult {
    pub id: Uuid,
    pub objective_id: Uuid,
    pub title: String,
    #[sqlx(try_from = "String")]
    pub measure: Measure,
    pub unit: String,
    pub target: i64,
    pub typed: Option<i64>,
}

/// Returns every project that one of these teams leads; unfinished ones first.
pub async fn projects(db: &PgPool, teams: &[Uuid]) -> Result<Vec<Project>> {
    Ok(sqlx::query_as(
        "SELECT team_id, id, slug, name, about, measure, unit, target, typed, hue, key_result_id, finished_at FROM projects
         WHERE team_id = ANY($1) ORDER BY finished_at IS NOT NULL, lower(name), id",
    )
    .bind(teams)
    .fetch_all(db)
    .await?)
}

/// Returns a project's milestones, in order.
pub async fn milestones(db: &PgPool, project: &Project) -> Result<Vec<Milestone>> {
    Ok(sqlx::query_as(
        "SELECT id, title, due_on, reached_at FROM milestones WHERE team_id = $1 AND project_id = $2 ORDER BY position",
    )
    .bind(project.team_id)
    .bind(project.id)
    .fetch_all(db)
    .await?)
}

/// Returns a team's objectives with their key results, newest quarter first.
pub async fn objectives(db: &PgPool, team: Uuid) -> Result<Vec<(Objective, Vec<KeyResult>)>> {
    let objectives: Vec<Objective> = sqlx::query_as(
        "SELECT id, quarter, title, why FROM objectives WHERE team_id = $1 ORDER BY quarter DESC, position LIMIT 40",
    )
    .bind(team)
    .fetch_all(db)
    .await?;
    let results: Vec<KeyResult> = sqlx::query_as(
        "SELECT id, objective_id, title, measure, unit, target, typed FROM key_results WHERE team_id = $1 ORDER BY position",
    )
    .bind(team)
    .fetch_all(db)
    .await?;
    let of = |objective: &Objective| {
        results
            .iter()
            .filter(|one| one.objective_id == objective.id)
            .cloned()
            .collect()
    };
    Ok(objectives
        .into_iter()
        .map(|objective| (objective.clone(), of(&objective)))
        .collect())
}

/// Returns slug and name of the projects that a task can be added to: unfinished projects of these
/// teams, and the task's current one.
pub async fn selectable_projects(
    db: &PgPool,
    teams: &[Uuid],
    own: Option<&str>,
) -> Result<Vec<(String, String)>> {
    Ok(sqlx::query_as("SELECT slug, name FROM projects WHERE team_id = ANY($2) AND (finished_at IS NULL OR slug = $1) ORDER BY name, id")
        .bind(own)
        .bind(teams)
        .fetch_all(db)
        .await?)
}
