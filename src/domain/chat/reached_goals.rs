//! Goals that are reached, and were announced in a channel.

use std::collections::HashMap;

use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::domain::{
    error::Result,
    goals::{self, Goal},
    sprints::queries::{active, sprints_of, unclosed},
};

/// The goals of a team that are reached now, in the active sprint and in one that has yet to be closed.
pub(crate) async fn reached(
    db: &mut PgConnection,
    team: Uuid,
    now: OffsetDateTime,
) -> Result<Vec<Goal>> {
    let sprints = sprints_of(&mut *db, team).await?;
    let going = [active(&sprints), unclosed(&sprints)];
    let mut reached = Vec::new();
    for sprint in going.into_iter().flatten() {
        let goals = goals::read(db, &[team], sprint, &HashMap::new(), now).await?;
        reached.extend(goals.into_iter().filter(Goal::is_reached));
    }
    Ok(reached)
}

/// The goals that are reached, and of which the channel was not told; from now on, it was.
pub(crate) async fn newly_reached(
    db: &mut PgConnection,
    team: Uuid,
    now: OffsetDateTime,
) -> Result<Vec<Uuid>> {
    let goals = reached(db, team, now).await?;
    let ids: Vec<Uuid> = goals.into_iter().map(|goal| goal.id).collect();
    Ok(sqlx::query_scalar(
        "INSERT INTO chat_goals (team_id, goal_id) SELECT $1, unnest($2::uuid[]) ON CONFLICT DO NOTHING RETURNING goal_id",
    )
    .bind(team)
    .bind(ids)
    .fetch_all(db)
    .await?)
}

/// Forgets that these goals were announced, except those that are still reached.
pub(crate) async fn forget(
    db: &mut PgConnection,
    team: Uuid,
    goals: &[Uuid],
    still: &[Uuid],
) -> Result<()> {
    sqlx::query(
        "DELETE FROM chat_goals WHERE team_id = $1 AND goal_id = ANY($2) AND goal_id <> ALL($3)",
    )
    .bind(team)
    .bind(goals)
    .bind(still)
    .execute(db)
    .await?;
    Ok(())
}
