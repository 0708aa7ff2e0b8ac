//! The workspace's sequence number, which every board's revision contains.

use sqlx::PgConnection;

use crate::domain::error::Result;

/// Increments the sequence number, for a change that every board shows: people, teams, columns,
/// sprints. It locks the workspace row until the transaction ends, so that such changes wait for
/// each other.
pub(crate) async fn bump_workspace_seq(db: &mut PgConnection) -> Result<()> {
    sqlx::query("UPDATE workspace SET seq = seq + 1")
        .execute(db)
        .await?;
    Ok(())
}
