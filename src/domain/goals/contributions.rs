//! Contributions of goals, in all sprints, to projects and key results.

use sqlx::types::Json;
use uuid::Uuid;

use crate::{
    db::pool::Pool,
    domain::{
        error::Result,
        goals::{
            FrozenGoal,
            progress::{Counted, CountedBy},
        },
        measure::Measure,
    },
};

/// A goal that contributes to something, with its progress.
#[derive(Clone, Debug)]
pub(crate) struct Contribution {
    pub(crate) id: Uuid,
    pub(crate) team: String,
    pub(crate) team_name: String,
    pub(crate) title: String,
    pub(crate) hue: i16,
    pub(crate) sprint: i32,
    pub(crate) sprint_name: String,
    pub(crate) measure: Measure,
    pub(crate) current: i64,
    pub(crate) figure: String,
    pub(crate) project: Option<Uuid>,
    pub(crate) milestone: Option<Uuid>,
    pub(crate) key_result: Option<Uuid>,
}

impl Contribution {
    /// Its progress in the form that `combined_progress` takes.
    pub(crate) fn figure(&self) -> (Measure, i64) {
        (self.measure, self.current)
    }
}

/// Returns the goals of these teams, in all sprints, that contribute to one of these projects or
/// key results, by sprint; one query.
pub(crate) async fn load_contributions(
    db: &Pool,
    projects: &[Uuid],
    key_results: &[Uuid],
    teams: &[Uuid],
) -> Result<Vec<Contribution>> {
    #[derive(sqlx::FromRow)]
    struct Row {
        id: Uuid,
        team: String,
        team_name: String,
        title: String,
        hue: i16,
        sprint: i32,
        sprint_name: String,
        measure: Measure,
        target: i64,
        counted_by: CountedBy,
        manual_value: Option<i64>,
        project_id: Option<Uuid>,
        milestone_id: Option<Uuid>,
        key_result_id: Option<Uuid>,
        done: i64,
        all: i64,
        done_points: i64,
        all_points: i64,
        frozen: Option<Json<FrozenGoal>>,
    }
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT g.id, t.slug AS team, t.name AS team_name, g.title, g.hue, s.number AS sprint, s.name AS sprint_name, g.measure, g.target,
                g.counted_by, g.manual_value, g.project_id, g.milestone_id, g.key_result_id, k.done, k.all, k.done_points, k.all_points,
                f.figures->'goals'->(g.id::text) AS frozen
         FROM goals g JOIN teams t ON t.id = g.team_id JOIN sprints s ON s.id = g.sprint_id
         LEFT JOIN sprint_reports f ON f.team_id = g.team_id AND f.sprint_id = g.sprint_id
         CROSS JOIN LATERAL (
            SELECT count(*) FILTER (WHERE c.state = 'done') AS done,
                   count(*) FILTER (WHERE c.state = 'done' OR k.archived_at IS NULL) AS all,
                   coalesce(sum(k.estimate) FILTER (WHERE c.state = 'done'), 0) AS done_points,
                   coalesce(sum(k.estimate) FILTER (WHERE c.state = 'done' OR k.archived_at IS NULL), 0) AS all_points
            FROM tasks k JOIN columns c ON c.team_id = k.team_id AND c.id = k.column_id
            WHERE k.team_id = g.team_id AND k.goal_id = g.id) k
         WHERE (g.project_id = ANY($1) OR g.key_result_id = ANY($2)) AND g.team_id = ANY($3) ORDER BY s.number, t.name, g.position",
    )
    .bind(projects)
    .bind(key_results)
    .bind(teams)
    .fetch_all(db)
    .await?;
    let goal = |row: Row| {
        let counted = Counted {
            measure: row.measure,
            by: row.counted_by,
            target: row.target,
            manual_value: row.manual_value.unwrap_or(0),
            tasks: (row.done, row.all),
            points: (row.done_points, row.all_points),
        };
        let current = match &row.frozen {
            Some(Json(frozen)) => frozen.current,
            None => counted.figures().0,
        };
        Contribution {
            id: row.id,
            figure: row.measure.figure(current, row.target),
            team: row.team,
            team_name: row.team_name,
            title: row.title,
            hue: row.hue,
            sprint: row.sprint,
            sprint_name: row.sprint_name,
            measure: row.measure,
            current,
            project: row.project_id,
            milestone: row.milestone_id,
            key_result: row.key_result_id,
        }
    };
    Ok(rows.into_iter().map(goal).collect())
}
