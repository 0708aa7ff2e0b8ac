//! Connections to Postgres, migrations, and the bundled Postgres.

pub mod backup;
pub mod database;
pub mod embedded;
pub mod libpq;
pub mod pool;
pub mod replica;

use std::time::Duration;

use anyhow::{Context, bail};
use sqlx::{
    Connection, PgConnection, PgPool,
    migrate::{MigrateError, Migrator},
    postgres::PgConnectOptions,
};

pub use crate::db::database::Database;

/// Supervisors ask often, and wait a few seconds.
const READY_WITHIN: Duration = Duration::from_secs(2);

static MIGRATOR: Migrator = sqlx::migrate!("./migrations");

/// Opens a connection without the pool's timeouts, for what takes longer than a request.
pub(crate) async fn connect(options: &PgConnectOptions) -> anyhow::Result<PgConnection> {
    PgConnection::connect_with(options)
        .await
        .context("cannot reach the database")
}

/// Migrates the schema to this version; refuses a database of a newer one.
///
/// It uses a connection without timeouts: a migration may rewrite a table, and of two instances
/// that start at once the second waits for the first (sqlx takes an advisory lock).
pub async fn migrate(pool: &PgPool) -> anyhow::Result<()> {
    migrate_with(&pool.connect_options()).await
}

/// As [`migrate`], of a database that is reached past a pooler.
pub(crate) async fn migrate_with(options: &PgConnectOptions) -> anyhow::Result<()> {
    let mut connection = connect(options).await?;
    let outcome = MIGRATOR.run(&mut connection).await;
    // after an error the session may still hold the advisory lock: closing releases it
    connection.close().await?;
    match outcome {
        Ok(()) => Ok(()),
        Err(MigrateError::VersionMissing(version)) => bail!(
            "this database was last used by a newer Fortnight (its schema has migration {version}, which this version does not know): start the newer version again, or restore the backup from before the upgrade"
        ),
        Err(error) => Err(error).context("cannot migrate the database"),
    }
}

/// The newest migration that this version knows.
pub(crate) fn newest_schema() -> i64 {
    MIGRATOR.iter().map(|step| step.version).max().unwrap_or(0)
}

/// Whether the database responds, can be written to, and its schema is up to date.
pub async fn is_ready(pool: &PgPool) -> bool {
    let asked = sqlx::query_as::<_, (i64, bool)>(
        "SELECT coalesce(max(version), 0), current_setting('transaction_read_only') = 'off'
         FROM _sqlx_migrations WHERE success",
    )
    .fetch_one(pool);
    match tokio::time::timeout(READY_WITHIN, asked).await {
        Ok(Ok((version, is_writable))) => is_writable && version >= newest_schema(),
        _ => false,
    }
}
