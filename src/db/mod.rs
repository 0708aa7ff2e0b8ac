//! The connections to Postgres, the schema's version, and the Postgres that comes with it.

pub mod database;
pub mod embedded;

use std::time::Duration;

use anyhow::{Context, bail};
use sqlx::migrate::{MigrateError, Migrator};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{Connection, Executor, PgConnection, PgPool};

pub use crate::db::database::Database;

static MIGRATOR: Migrator = sqlx::migrate!("./migrations");

/// Opens the pool that requests are served from.
///
/// Streams hold no connection, so this many writers and readers at once is many. Whoever gets
/// none within three seconds is told so, rather than kept waiting.
pub async fn open(options: PgConnectOptions) -> anyhow::Result<PgPool> {
    PgPoolOptions::new()
        .max_connections(16)
        .min_connections(2)
        .acquire_timeout(Duration::from_secs(3))
        // Asking a connection before every use whether it lives is a way there and back for each query:
        // only one that has rested may have died unnoticed.
        .test_before_acquire(false)
        .before_acquire(|connection, rested| {
            Box::pin(async move {
                if rested.idle_for > Duration::from_secs(1) {
                    connection.ping().await?;
                }
                Ok(true)
            })
        })
        .after_connect(|connection, _| Box::pin(async move { limit(connection).await }))
        .connect_with(options.application_name("fortnight"))
        .await
        .context("cannot reach the database")
}

/// One stuck request must not hold a lock, or a connection, for ever. Set by a statement rather
/// than in the connection's options, which PgBouncer refuses. No question of a page runs long enough
/// to be worth compiling: that took longer than answering it. Nor is one worth planning anew for
/// what is asked this time: for most pages that was a third of their whole time.
async fn limit(connection: &mut PgConnection) -> sqlx::Result<()> {
    connection
        .execute(
            "SET statement_timeout = '30s'; SET lock_timeout = '3s'; \
             SET idle_in_transaction_session_timeout = '15s'; SET jit = off; \
             SET plan_cache_mode = force_generic_plan",
        )
        .await?;
    Ok(())
}

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
