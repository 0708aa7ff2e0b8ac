//! What the database says of itself: its version, its sizes, its connections, and its clock.

use time::OffsetDateTime;

use crate::db::pool::Pool;

/// How many of the largest tables are listed.
const TABLES: i64 = 8;

/// The state of the database, as the database knows it.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct DatabaseStatus {
    /// Such as `17.6`.
    pub version: String,
    /// The newest migration that was applied.
    pub schema: i64,
    /// False for a standby, or where an administrator allows no changes.
    pub is_writable: bool,
    /// Of all tables and indexes.
    pub bytes: i64,
    /// How many transactions old the oldest row is that was never frozen. Postgres stops at 2,000,000,000.
    pub frozen_age: i64,
    /// Connections of all programs to this server, of at most `max_connections`.
    pub connections: i64,
    pub max_connections: i64,
    /// The time on the database's machine.
    pub now: OffsetDateTime,
}

/// A table, its size with its indexes, and about how many rows it has, once Postgres has counted them.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct TableSize {
    pub name: String,
    pub bytes: i64,
    pub rows: Option<i64>,
}

/// Asks the database for its state.
pub async fn read(db: &Pool) -> sqlx::Result<DatabaseStatus> {
    sqlx::query_as(
        "SELECT split_part(current_setting('server_version'), ' ', 1) AS version,
                (SELECT coalesce(max(version), 0) FROM _sqlx_migrations WHERE success) AS schema,
                current_setting('transaction_read_only') = 'off' AS is_writable,
                pg_database_size(oid) AS bytes,
                age(datfrozenxid)::bigint AS frozen_age,
                (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend') AS connections,
                current_setting('max_connections')::bigint AS max_connections,
                clock_timestamp() AS now
         FROM pg_database WHERE datname = current_database()",
    )
    .fetch_one(db)
    .await
}

/// The largest tables, the largest first.
pub async fn largest_tables(db: &Pool) -> sqlx::Result<Vec<TableSize>> {
    sqlx::query_as(
        "SELECT relname::text AS name, pg_total_relation_size(oid) AS bytes,
                nullif(reltuples, -1)::bigint AS rows
         FROM pg_class WHERE relkind = 'r' AND relnamespace = current_schema()::regnamespace
         ORDER BY 2 DESC, 1 LIMIT $1",
    )
    .bind(TABLES)
    .fetch_all(db)
    .await
}
