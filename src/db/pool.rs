//! The connection pool.

use std::{
    cell::Cell,
    ops::Deref,
    time::{Duration, Instant},
};

use anyhow::Context;
use futures_util::{
    FutureExt, StreamExt, TryFutureExt, TryStreamExt,
    future::BoxFuture,
    stream::{self, BoxStream},
};
use sqlx::{
    ConnectOptions, Connection, Describe, Either, Execute, Executor, PgConnection, PgPool,
    Postgres, SqlStr, Transaction,
    pool::PoolConnection,
    postgres::{PgConnectOptions, PgPoolOptions, PgQueryResult, PgRow, PgStatement, PgTypeInfo},
};

use crate::db::timeline::Timeline;

/// What every connection of the pool is set to: timeouts in milliseconds, so that a query ends before its request does
/// (20 s) and a stuck request does not hold a lock or connection for ever; and how queries are planned.
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
pub const SETTINGS: &str = "SET statement_timeout = 15000; SET lock_timeout = 3000; \
     SET idle_in_transaction_session_timeout = 15000; SET jit = off; \
     SET max_parallel_workers_per_gather = 0; SET random_page_cost = 1.1; \
     SET plan_cache_mode = force_generic_plan";

tokio::task_local! {
    /// How long the request has waited for connections so far.
    static WAITED: Cell<Duration>;
}

/// Runs a request, and limits the time that all of its queries together wait for connections to what one query may wait.
/// While all connections are in use, it fails in time.
pub(crate) async fn with_patience<T>(request: impl Future<Output = T>) -> T {
    WAITED.scope(Cell::new(Duration::ZERO), request).await
}

/// The connections that are shared by all requests: a `PgPool` that limits how long a request waits for them.
#[derive(Clone, Debug)]
pub struct Pool(PgPool);

impl Deref for Pool {
    type Target = PgPool;

    fn deref(&self) -> &PgPool {
        &self.0
    }
}

impl Pool {
    /// Wraps a pool of connections that are set up already.
    pub fn new(connections: PgPool) -> Self {
        Self(connections)
    }

    /// A connection, which is given back when it is dropped.
    pub async fn acquire(&self) -> sqlx::Result<PoolConnection<Postgres>> {
        self.wait(self.0.acquire()).await
    }

    /// Begins a transaction, which is rolled back when it is dropped.
    pub async fn begin(&self) -> sqlx::Result<Transaction<'static, Postgres>> {
        self.wait(self.0.begin()).await
    }

    async fn wait<T>(&self, connection: impl Future<Output = sqlx::Result<T>>) -> sqlx::Result<T> {
        // Outside a request, each wait is on its own.
        let Ok(waited) = WAITED.try_with(Cell::get) else {
            return connection.await;
        };
        let patience = self.options().get_acquire_timeout();
        let start = Instant::now();
        let outcome = tokio::time::timeout(patience.saturating_sub(waited), connection).await;
        let _ = WAITED.try_with(|total| total.set(waited + start.elapsed()));
        outcome.unwrap_or(Err(sqlx::Error::PoolTimedOut))
    }
}

impl<'p> Executor<'p> for &'_ Pool {
    type Database = Postgres;

    fn fetch_many<'e, 'q: 'e, E>(
        self,
        query: E,
    ) -> BoxStream<'e, sqlx::Result<Either<PgQueryResult, PgRow>>>
    where
        E: 'q + Execute<'q, Postgres>,
    {
        let pool = self.clone();
        let rows = async move {
            let mut connection = pool.acquire().await?;
            // The rows are collected. To read them one at a time, acquire a connection.
            connection.fetch_many(query).try_collect::<Vec<_>>().await
        };
        rows.map_ok(|rows| stream::iter(rows.into_iter().map(Ok)))
            .try_flatten_stream()
            .boxed()
    }

    fn fetch_optional<'e, 'q: 'e, E>(self, query: E) -> BoxFuture<'e, sqlx::Result<Option<PgRow>>>
    where
        E: 'q + Execute<'q, Postgres>,
    {
        let pool = self.clone();
        async move { pool.acquire().await?.fetch_optional(query).await }.boxed()
    }

    fn prepare_with<'e>(
        self,
        sql: SqlStr,
        parameters: &'e [PgTypeInfo],
    ) -> BoxFuture<'e, sqlx::Result<PgStatement>>
    where
        'p: 'e,
    {
        let pool = self.clone();
        async move { pool.acquire().await?.prepare_with(sql, parameters).await }.boxed()
    }

    fn describe<'e>(self, sql: SqlStr) -> BoxFuture<'e, sqlx::Result<Describe<Postgres>>> {
        let pool = self.clone();
        async move { pool.acquire().await?.describe(sql).await }.boxed()
    }
}

/// Opens the pool that requests are served from. Its settings are set by a statement, because PgBouncer refuses them among
/// the options of a connection.
pub async fn open(options: PgConnectOptions) -> anyhow::Result<Pool> {
    open_noting(options, &Timeline::default()).await
}

/// Like [`open`], and records the server's timeline with each new connection, so that a failover is noticed. Connections
/// to the old server end with it.
pub async fn open_noting(options: PgConnectOptions, timeline: &Timeline) -> anyhow::Result<Pool> {
    let timeline = timeline.clone();
    let pool = sized().after_connect(move |connection, _| {
        let timeline = timeline.clone();
        Box::pin(async move {
            connection.execute(SETTINGS).await?;
            timeline.ask(connection).await;
            Ok(())
        })
    });
    open_pool(pool, options).await
}

/// Like [`open`], but connects on first use, because the database may be down.
pub(crate) fn open_lazily(options: PgConnectOptions) -> Pool {
    let pool = sized().after_connect(|connection, _| {
        Box::pin(async move { connection.execute(SETTINGS).await.map(|_| ()) })
    });
    Pool(pool.min_connections(0).connect_lazy_with(accepted(options)))
}

/// Opens the pool through a pooler in transaction mode. There a connection of the pool is another session in each
/// transaction, so that [`SETTINGS`] are the pooler's to set; without them there is a warning.
pub async fn open_behind_pooler(options: PgConnectOptions) -> anyhow::Result<Pool> {
    let pool = open_pool(sized(), options).await?;
    let is_set: bool = sqlx::query_scalar(
        "SELECT current_setting('statement_timeout') <> '0' AND current_setting('lock_timeout') <> '0'
            AND current_setting('idle_in_transaction_session_timeout') <> '0'
            AND current_setting('plan_cache_mode') = 'force_generic_plan'",
    )
    .fetch_one(&pool)
    .await?;
    if !is_set {
        tracing::warn!(
            "the pooler's connections lack timeouts or the setting for plans: set its connect_query to '{SETTINGS}'"
        );
    }
    Ok(pool)
}

/// Event streams hold no connection, so eight are enough: on two processors they answer more requests than sixteen
/// (docs/PERFORMANCE.md). A request that waits for them for three seconds altogether fails.
fn sized() -> PgPoolOptions {
    PgPoolOptions::new()
        .max_connections(8)
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
}

/// Opens a connection without the pool's timeouts, for what takes longer than a request. Its slow statements are not
/// logged: a migration would fill the log of a first start with its text.
pub(crate) async fn connect(options: &PgConnectOptions) -> anyhow::Result<PgConnection> {
    PgConnection::connect_with(&options.clone().disable_statement_logging())
        .await
        .context("cannot reach the database")
}

async fn open_pool(pool: PgPoolOptions, options: PgConnectOptions) -> anyhow::Result<Pool> {
    pool.connect_with(accepted(options))
        .await
        .map(Pool)
        .context("cannot reach the database")
}

fn accepted(options: PgConnectOptions) -> PgConnectOptions {
    options
        .application_name("fortnight")
        // PgBouncer refuses it, and since Postgres 12 the default is exact
        .extra_float_digits(None)
}
