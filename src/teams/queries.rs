//! Reading teams.

use sqlx::PgPool;
use uuid::Uuid;

use super::Team;
use crate::{markdown::Links, web::error::Result};

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

/// What Markdown may link to.
pub async fn links(db: &PgPool) -> Result<Links> {
    let team_keys: Vec<String> = sqlx::query_scalar("SELECT key FROM teams").fetch_all(db).await?;
    let handles: Vec<String> = sqlx::query_scalar("SELECT handle FROM accounts").fetch_all(db).await?;
    Ok(Links { team_keys: team_keys.into_iter().collect(), handles: handles.into_iter().collect() })
}
