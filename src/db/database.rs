//! Which Postgres a command works with, from opening to closing.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Context;
use sqlx::postgres::PgConnectOptions;
use sqlx::{Connection, PgConnection, PgPool};

use crate::db::embedded::{DATABASE, Durability, Embedded, passes};
use crate::db::pool::open;

/// Part of the ten seconds that a supervisor gives the whole program to end.
const CLOSE_WITHIN: Duration = Duration::from_millis(500);
/// When a machine starts, its Postgres may come up after us.
const COMES_UP_WITHIN: Duration = Duration::from_secs(10);

/// An open pool, and the Postgres behind it where that is ours to stop.
pub struct Database {
    /// What queries go through.
    pub pool: PgPool,
    embedded: Option<Embedded>,
}

impl Database {
    /// Opens the Postgres that was named, or else the one that comes with it. Only one server
    /// may run on a data folder.
    pub async fn to_serve(
        named: Option<PgConnectOptions>,
        data_dir: &Path,
    ) -> anyhow::Result<Self> {
        match named {
            Some(options) => Self::named(options).await,
            None => Self::of(Embedded::start(data_dir, Durability::Safe).await?).await,
        }
    }

    /// As [`Database::to_serve`], for a command that may be given while the server runs.
    pub async fn to_work_beside(
        named: Option<PgConnectOptions>,
        data_dir: &Path,
    ) -> anyhow::Result<Self> {
        match named {
            Some(options) => Self::named(options).await,
            None => Self::of(Embedded::start_or_attach(data_dir).await?).await,
        }
    }

    /// The one that comes with it, emptied first.
    pub async fn emptied(data_dir: &Path) -> anyhow::Result<Self> {
        let embedded = Embedded::start(data_dir, Durability::Safe).await?;
        embedded
            .reset()
            .await
            .context("cannot empty the database")?;
        Self::of(embedded).await
    }

    async fn named(options: PgConnectOptions) -> anyhow::Result<Self> {
        wait_for(&options)
            .await
            .context("cannot reach the database")?;
        let pool = open(options).await?;
        Ok(Self {
            pool,
            embedded: None,
        })
    }

    async fn of(embedded: Embedded) -> anyhow::Result<Self> {
        match open(embedded.connect_options(DATABASE)).await {
            Ok(pool) => Ok(Self {
                pool,
                embedded: Some(embedded),
            }),
            Err(error) => {
                embedded.stop().await;
                Err(error)
            }
        }
    }

    /// Closes the pool and then ends the Postgres behind it, if that is ours.
    pub async fn close(self) {
        // somebody may still hold a connection, whom Postgres will cut off
        if tokio::time::timeout(CLOSE_WITHIN, self.pool.close())
            .await
            .is_err()
        {
            tracing::warn!("some connections to the database were still in use");
        }
        if let Some(embedded) = self.embedded {
            embedded.stop().await;
        }
    }
}

/// The pool would only say that it got no connection; this says why.
async fn wait_for(options: &PgConnectOptions) -> anyhow::Result<()> {
    let since = Instant::now();
    loop {
        let attempt = PgConnection::connect_with(options);
        match tokio::time::timeout(COMES_UP_WITHIN, attempt).await? {
            Ok(connection) => return Ok(connection.close().await?),
            Err(error) if passes(&error) && since.elapsed() < COMES_UP_WITHIN => {
                tracing::info!("waiting for the database: {error}");
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
            Err(error) => return Err(error.into()),
        }
    }
}
