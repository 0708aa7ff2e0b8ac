//! Connections to Postgres, migrations, and the bundled Postgres.

pub mod backup;
pub mod database;
pub mod embedded;
pub mod export;
pub mod file_store;
pub mod libpq;
pub mod pool;
pub mod postgres_upgrade;
pub mod replica;
pub mod schema;
pub mod status;
pub mod timeline;
pub mod tls;
pub mod upgrade;

use std::time::Duration;

use sqlx::postgres::PgConnectOptions;

pub use crate::db::database::Database;
use crate::{
    db::pool::Pool,
    db::{
        schema::STEPS,
        upgrade::{Before, upgrade},
    },
};

/// Supervisors ask often, and wait a few seconds.
const READY_WITHIN: Duration = Duration::from_secs(2);

/// Migrates the schema to this version; refuses a database of a newer one.
pub async fn migrate(options: &PgConnectOptions, before: &Before) -> anyhow::Result<()> {
    upgrade(options, &STEPS, before).await
}

/// Whether the database responds, can be written to, and its schema is up to date.
pub async fn is_ready(pool: &Pool) -> bool {
    let asked = sqlx::query_as::<_, (i64, bool)>(
        "SELECT coalesce(max(version), 0), current_setting('transaction_read_only') = 'off'
         FROM _sqlx_migrations WHERE success",
    )
    .fetch_one(pool);
    match tokio::time::timeout(READY_WITHIN, asked).await {
        Ok(Ok((version, is_writable))) => is_writable && version >= schema::newest(),
        _ => false,
    }
}
