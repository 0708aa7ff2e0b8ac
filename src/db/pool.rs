//! The connection pool.

use std::time::Duration;

use anyhow::Context;
use sqlx::{
    Connection, Executor, PgConnection, PgPool,
    postgres::{PgConnectOptions, PgPoolOptions},
};

/// Opens the pool that requests are served from.
///
/// Event streams hold no connection, so 16 are enough. A request that gets none within three
/// seconds fails instead of waiting on.
pub async fn open(options: PgConnectOptions) -> anyhow::Result<PgPool> {
    PgPoolOptions::new()
        .max_connections(16)
        .min_connections(2)
        .acquire_timeout(Duration::from_secs(3))
        // Testing a connection before every use costs a round trip per query: only an idle one may
        // have died unnoticed.
        .test_before_acquire(false)
        .before_acquire(|connection, metadata| {
            Box::pin(async move {
                if metadata.idle_for > Duration::from_secs(1) {
                    connection.ping().await?;
                }
                Ok(true)
            })
        })
        .after_connect(|connection, _| Box::pin(async move { configure_session(connection).await }))
        .connect_with(options.application_name("fortnight"))
        .await
        .context("cannot reach the database")
}

/// Opens a connection without the pool's timeouts, for what takes longer than a request.
pub(crate) async fn connect(options: &PgConnectOptions) -> anyhow::Result<PgConnection> {
    PgConnection::connect_with(options)
        .await
        .context("cannot reach the database")
}

/// Timeouts, so that a query ends before its request does (20 s) and a stuck request does not hold
/// a lock or connection for ever; and how queries are planned. Set by a statement rather than in
/// the connection's options, which PgBouncer refuses.
///
/// # How plans are chosen
///
/// Postgres plans each query once per connection, without knowing its parameters: planning every
/// execution anew was a third of most pages' time. It plans neither parallel workers nor JIT, whose
/// start took longer than the pages' queries. A plan therefore has to be right for a team with ten
/// years behind it as for a new one, and queries are written so that Postgres has no choice:
///
/// - They start from the few rows that are known: the open tasks, the sprint, the range of time.
///   Large tables are then read by key, in a `CROSS JOIN LATERAL (… OFFSET 0)` where Postgres would
///   otherwise prefer to read all of them once. `random_page_cost` says that a lookup by key is
///   cheap, as it is from memory or an SSD.
/// - A range names both ends, the later one as `at <= 'infinity'` if it has none. Of an open range
///   Postgres assumes that a third of the table is in it, of a closed one half a percent.
/// - What is over is left out by a column with a partial index (`archived_at`, `rank`,
///   `is_archived`, `ended_at`), not by reading it.
///
/// `tests/it/query_plans.rs` holds every page to this.
async fn configure_session(connection: &mut PgConnection) -> sqlx::Result<()> {
    connection
        .execute(
            "SET statement_timeout = '15s'; SET lock_timeout = '3s'; \
             SET idle_in_transaction_session_timeout = '15s'; SET jit = off; \
             SET max_parallel_workers_per_gather = 0; SET random_page_cost = 1.1; \
             SET plan_cache_mode = force_generic_plan",
        )
        .await?;
    Ok(())
}
