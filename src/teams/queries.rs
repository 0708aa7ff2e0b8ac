//! Reading teams.

use sqlx::PgPool;
use uuid::Uuid;

use super::Team;
use crate::web::error::Result;

/// Every team by name.
pub async fn teams(db: &PgPool) -> Result<Vec<Team>> {
    Ok(sqlx::query_as("SELECT id, slug, name, key, seq FROM teams ORDER BY name").fetch_all(db).await?)
}

/// The teams that somebody is on.
pub async fn teams_of(db: &PgPool, account: Uuid) -> Result<Vec<Team>> {
    Ok(sqlx::query_as(
        "SELECT t.id, t.slug, t.name, t.key, t.seq FROM teams t JOIN members m ON m.team_id = t.id WHERE m.account_id = $1 ORDER BY t.name",
    )
    .bind(account)
    .fetch_all(db)
    .await?)
}
