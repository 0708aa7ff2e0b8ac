//! Reads projects, milestones and objectives.

use time::{Date, OffsetDateTime};
use uuid::Uuid;

use crate::{
    db::pool::Pool,
    domain::{column_state::ColumnState, error::Result, measure::Measure},
};

/// A project, which spans sprints.
#[derive(Clone, Debug, sqlx::FromRow)]
pub(crate) struct Project {
    pub(crate) team_id: Uuid,
    pub(crate) id: Uuid,
    pub(crate) slug: String,
    pub(crate) name: String,
    pub(crate) about: String,
    pub(crate) measure: Measure,
    pub(crate) unit: String,
    pub(crate) target: i64,
    pub(crate) manual_value: Option<i64>,
    pub(crate) hue: i16,
    pub(crate) key_result_id: Option<Uuid>,
    pub(crate) finished_at: Option<OffsetDateTime>,
}

/// A milestone of a project.
#[derive(Clone, Debug, sqlx::FromRow)]
pub(crate) struct Milestone {
    pub(crate) id: Uuid,
    pub(crate) title: String,
    pub(crate) due_on: Option<Date>,
    pub(crate) reached_at: Option<OffsetDateTime>,
}

/// A team's objective for a quarter.
#[derive(Clone, Debug, sqlx::FromRow)]
pub(crate) struct Objective {
    pub(crate) id: Uuid,
    pub(crate) quarter: String,
    pub(crate) title: String,
    pub(crate) why: String,
}

/// A key result, which measures an objective.
#[derive(Clone, Debug, sqlx::FromRow)]
pub(crate) struct KeyResult {
    pub(crate) id: Uuid,
    pub(crate) objective_id: Uuid,
    pub(crate) title: String,
    pub(crate) measure: Measure,
    pub(crate) unit: String,
    pub(crate) target: i64,
    pub(crate) manual_value: Option<i64>,
}

/// Returns every project that one of these teams leads; unfinished ones first.
pub(crate) async fn projects(db: &Pool, teams: &[Uuid]) -> Result<Vec<Project>> {
    Ok(sqlx::query_as(
        "SELECT team_id, id, slug, name, about, measure, unit, target, manual_value, hue, key_result_id, finished_at FROM projects
         WHERE team_id = ANY($1) ORDER BY finished_at IS NOT NULL, fold(name), id",
    )
    .bind(teams)
    .fetch_all(db)
    .await?)
}

/// Returns a project's milestones, in order.
pub(crate) async fn milestones(db: &Pool, project: &Project) -> Result<Vec<Milestone>> {
    Ok(sqlx::query_as(
        "SELECT id, title, due_on, reached_at FROM milestones WHERE team_id = $1 AND project_id = $2 ORDER BY position",
    )
    .bind(project.team_id)
    .bind(project.id)
    .fetch_all(db)
    .await?)
}

/// Returns a team's objectives with their key results, newest quarter first.
pub(crate) async fn objectives(db: &Pool, team: Uuid) -> Result<Vec<(Objective, Vec<KeyResult>)>> {
    let objectives: Vec<Objective> = sqlx::query_as(
        "SELECT id, quarter, title, why FROM objectives WHERE team_id = $1 ORDER BY quarter DESC, position LIMIT 40",
    )
    .bind(team)
    .fetch_all(db)
    .await?;
    let results: Vec<KeyResult> = sqlx::query_as(
        "SELECT id, objective_id, title, measure, unit, target, manual_value FROM key_results WHERE team_id = $1 ORDER BY position",
    )
    .bind(team)
    .fetch_all(db)
    .await?;
    let of = |objective: &Objective| {
        results
            .iter()
            .filter(|key_result| key_result.objective_id == objective.id)
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
pub(crate) async fn selectable_projects(
    db: &Pool,
    teams: &[Uuid],
    own: Option<&str>,
) -> Result<Vec<(String, String)>> {
    Ok(sqlx::query_as("SELECT slug, name FROM projects WHERE team_id = ANY($2) AND (finished_at IS NULL OR slug = $1) ORDER BY name, id")
        .bind(own)
        .bind(teams)
        .fetch_all(db)
        .await?)
}

/// Query: the tasks of project $1, its own and those of its goals, for a `WITH`.
macro_rules! of_project {
    () => {
        "own AS MATERIALIZED (
             SELECT k.team_id, k.id FROM projects p JOIN tasks k ON k.project_team_id = p.team_id AND k.project_id = p.id WHERE p.id = $1
             UNION SELECT k.team_id, k.id FROM projects p JOIN goals g ON g.project_team_id = p.team_id AND g.project_id = p.id
                          JOIN tasks k ON k.team_id = g.team_id AND k.goal_id = g.id WHERE p.id = $1)"
    };
}

/// Returns team and id of a project's tasks in these teams, the last moved first. `only` limits
/// them to some keys.
pub(crate) async fn tasks_of_project(
    db: &Pool,
    project: Uuid,
    teams: &[Uuid],
    with_archived: bool,
    only: Option<&[&str]>,
    most: i64,
) -> Result<Vec<(Uuid, Uuid)>> {
    Ok(sqlx::query_as(
        concat!("WITH ", of_project!(), "
         SELECT k.team_id, k.id FROM own
         CROSS JOIN LATERAL (SELECT * FROM tasks WHERE team_id = own.team_id AND id = own.id OFFSET 0) k JOIN teams t ON t.id = k.team_id
         WHERE (k.archived_at IS NULL OR $3) AND k.team_id = ANY($2)
           AND ($4::text[] IS NULL OR t.key || '-' || k.number = ANY($4))
         ORDER BY k.column_since DESC LIMIT $5"),
    )
    .bind(project)
    .bind(teams)
    .bind(with_archived)
    .bind(only)
    .bind(most)
    .fetch_all(db)
    .await?)
}

/// Counts a project's tasks in each state that has any, over these teams.
pub(crate) async fn count_by_state(
    db: &Pool,
    project: Uuid,
    teams: &[Uuid],
) -> Result<Vec<(ColumnState, i64)>> {
    let counts: Vec<(ColumnState, i64)> = sqlx::query_as(
        concat!("WITH ", of_project!(), "
         SELECT c.state, count(*) FROM own
         CROSS JOIN LATERAL (SELECT * FROM tasks WHERE team_id = own.team_id AND id = own.id AND archived_at IS NULL OFFSET 0) k
         JOIN columns c ON c.team_id = k.team_id AND c.id = k.column_id
         WHERE k.team_id = ANY($2) GROUP BY c.state"),
    )
    .bind(project)
    .bind(teams)
    .fetch_all(db)
    .await?;
    let count = |state: ColumnState| {
        counts
            .iter()
            .find(|(counted, _)| *counted == state)
            .copied()
    };
    Ok(ColumnState::ALL.into_iter().filter_map(count).collect())
}

/// Returns the key results that a project can contribute to: those of teams that the reader can
/// see, with the team's name and the quarter.
pub(crate) async fn selectable_key_results(
    db: &Pool,
    teams: &[Uuid],
) -> Result<Vec<(Uuid, String)>> {
    Ok(sqlx::query_as(
        "SELECT k.id, t.name || ', ' || o.quarter || ': ' || k.title FROM key_results k
         JOIN objectives o ON o.team_id = k.team_id AND o.id = k.objective_id JOIN teams t ON t.id = k.team_id
         WHERE k.team_id = ANY($1) ORDER BY o.quarter DESC, t.name, o.position, k.position LIMIT 200",
    )
    .bind(teams)
    .fetch_all(db)
    .await?)
}

/// Returns those of these key results that belong to one of these teams.
pub(crate) async fn key_results_of(
    db: &Pool,
    results: &[Uuid],
    teams: &[Uuid],
) -> Result<Vec<Uuid>> {
    Ok(
        sqlx::query_scalar("SELECT id FROM key_results WHERE id = ANY($1) AND team_id = ANY($2)")
            .bind(results)
            .bind(teams)
            .fetch_all(db)
            .await?,
    )
}

/// Returns a key result's type.
pub(crate) async fn measure_of_key_result(db: &Pool, team: Uuid, result: Uuid) -> Result<Measure> {
    Ok(
        sqlx::query_scalar("SELECT measure FROM key_results WHERE team_id = $1 AND id = $2")
            .bind(team)
            .bind(result)
            .fetch_one(db)
            .await?,
    )
}
