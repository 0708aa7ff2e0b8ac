//! Whether the workspace has been set up.

use sqlx::PgExecutor;

use crate::domain::error::Result;

/// Whether there is no account yet.
pub async fn is_empty(db: impl PgExecutor<'_>) -> Result<bool> {
    Ok(
        sqlx::query_scalar("SELECT NOT EXISTS (SELECT FROM accounts)")
            .fetch_one(db)
            .await?,
    )
}
