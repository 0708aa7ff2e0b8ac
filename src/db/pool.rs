//! The connection pool.

use std::time::Duration;

use anyhow::Context;
use sqlx::{
    Connection, Executor, PgConnection, PgPool,
    postgres::{PgConnectOptions, PgPoolOptions},
};

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
