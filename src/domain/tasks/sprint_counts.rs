//! Numbers of many teams' sprints, read at once.

use time::OffsetDateTime;
use uuid::Uuid;

use crate::{
    db::pool::Pool,
    domain::{column_state::ColumnState, error::Result},
};

/// Counts the tasks in each state, for pairs of a team and its sprint.
pub(crate) async fn count_by_state(
    db: &Pool,
    teams: &[Uuid],
    sprints: &[Uuid],
) -> Result<Vec<(Uuid, ColumnState, i64)>> {
    Ok(sqlx::query_as(
        "SELECT k.team_id, c.state, count(*) FROM unnest($1::uuid[], $2::uuid[]) AS w (team, sprint)
         JOIN tasks k ON k.team_id = w.team AND k.sprint_id = w.sprint AND k.archived_at IS NULL
         JOIN columns c ON c.team_id = k.team_id AND c.id = k.column_id GROUP BY k.team_id, c.state",
    )
    .bind(teams)
    .bind(sprints)
    .fetch_all(db)
    .await?)
}

/// The task of a team's sprint that has been blocked for longest.
#[derive(Clone, sqlx::FromRow)]
pub(crate) struct LongestBlocked {
    pub(crate) team_id: Uuid,
    pub(crate) key: String,
    pub(crate) title: String,
    pub(crate) since: OffsetDateTime,
}

/// Returns the task that has been blocked for longest, for pairs of a team and its sprint.
pub(crate) async fn longest_blocked(
    db: &Pool,
    teams: &[Uuid],
    sprints: &[Uuid],
) -> Result<Vec<LongestBlocked>> {
    Ok(sqlx::query_as(
        "SELECT DISTINCT ON (k.team_id) k.team_id, t.key || '-' || k.number AS key, k.title, k.column_since AS since
         FROM unnest($1::uuid[], $2::uuid[]) AS w (team, sprint)
         JOIN tasks k ON k.team_id = w.team AND k.sprint_id = w.sprint AND k.archived_at IS NULL
         JOIN teams t ON t.id = k.team_id JOIN columns c ON c.team_id = k.team_id AND c.id = k.column_id AND c.state = 'blocked'
         ORDER BY k.team_id, k.column_since",
    )
    .bind(teams)
    .bind(sprints)
    .fetch_all(db)
    .await?)
}
