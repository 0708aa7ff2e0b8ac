//! The connections to Postgres, the schema's version, and the Postgres that comes with it.

pub mod database;
pub mod embedded;
pub mod pool;

use anyhow::{Context, bail};
use sqlx::migrate::{MigrateError, Migrator};
use sqlx::{Connection, PgConnection, PgPool};

pub use crate::db::database::Database;

static MIGRATOR: Migrator = sqlx::migrate!("./migrations");

/// Brings the schema up to this program's version; refuses a database that is ahead of it.
///
/// It has a connection without limits of time: a migration may rewrite a table, and of two
/// instances that start at once the second waits for the first (sqlx takes an advisory lock).
pub async fn migrate(pool: &PgPool) -> anyhow::Result<()> {
    let mut connection = PgConnection::connect_with(&pool.connect_options())
        .await
        .context("cannot reach the database")?;
    let outcome = MIGRATOR.run(&mut connection).await;
    // after an error the session may still hold the advisory lock: closing lets go of it
    connection.close().await?;
    match outcome {
        Ok(()) => Ok(()),
        Err(MigrateError::VersionMissing(version)) => bail!(
            "this database was last used by a newer Fortnight (its schema has step {version}, which this program does not know): start that version again, or restore the backup from before the upgrade"
        ),
        Err(error) => Err(error).context("cannot bring the database's schema up to date"),
    }
}

/// Whether the database answers and has every table this program needs.
pub async fn is_ready(pool: &PgPool) -> bool {
    let newest = MIGRATOR.iter().map(|step| step.version).max().unwrap_or(0);
    let applied: sqlx::Result<i64> =
        sqlx::query_scalar("SELECT coalesce(max(version), 0) FROM _sqlx_migrations WHERE success")
            .fetch_one(pool)
            .await;
    applied.is_ok_and(|version| version >= newest)
}
