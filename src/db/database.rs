//! Opening and closing the database of a command: your own Postgres or the bundled one.

use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use anyhow::Context;
use sqlx::{Connection, PgConnection, PgPool, postgres::PgConnectOptions};

use crate::db::{
    embedded::{DATABASE, Durability, Embedded, passes},
    libpq::Libpq,
    pool::open,
};

/// Time for the pool to close, out of the ten seconds that a supervisor gives the whole program.
const CLOSE_WITHIN: Duration = Duration::from_millis(500);
/// Time to wait for Postgres, which may start after Fortnight when a machine boots.
const COMES_UP_WITHIN: Duration = Duration::from_secs(10);

/// Your own Postgres.
#[derive(Clone, Debug)]
pub struct NamedDatabase {
    pub(crate) options: PgConnectOptions,
    pub(crate) libpq: Libpq,
}

impl NamedDatabase {
    /// Reads a database URL.
    pub(crate) fn of_url(url: &str) -> anyhow::Result<Self> {
        Ok(Self {
            options: url
                .parse()
                .context("the database URL (DATABASE_URL) is invalid")?,
            libpq: Libpq::of_url(url)?,
        })
    }
}

/// An open pool, and the bundled Postgres if it is used.
pub struct Database {
    /// The connection pool.
    pub pool: PgPool,
    /// The same database for Postgres's own programs.
    pub(crate) libpq: Libpq,
    /// The data directory of the bundled Postgres, if it is used.
    pub(crate) data_dir: Option<PathBuf>,
    embedded: Option<Embedded>,
}

impl Database {
    /// Opens your own Postgres, or else starts the bundled one. Only one server can run on a data
    /// directory.
    pub(crate) async fn to_serve(
        named: Option<NamedDatabase>,
        data_dir: &Path,
    ) -> anyhow::Result<Self> {
        match named {
            Some(named) => Self::named(named).await,
            None => Self::of(Embedded::start(data_dir, Durability::Safe).await?, data_dir).await,
        }
    }

    /// As [`Database::to_serve`], for a command that may run beside the server.
    pub async fn to_work_beside(
        named: Option<NamedDatabase>,
        data_dir: &Path,
    ) -> anyhow::Result<Self> {
        match named {
            Some(named) => Self::named(named).await,
            None => Self::of(Embedded::start_or_attach(data_dir).await?, data_dir).await,
        }
    }

    /// The bundled database, emptied first.
    pub(crate) async fn emptied(data_dir: &Path) -> anyhow::Result<Self> {
        let embedded = Embedded::start(data_dir, Durability::Safe).await?;
        embedded
            .reset()
            .await
            .context("cannot empty the database")?;
        Self::of(embedded, data_dir).await
    }

    async fn named(named: NamedDatabase) -> anyhow::Result<Self> {
        let NamedDatabase { options, libpq } = named;
        wait_for(&options)
            .await
            .context("cannot reach the database")?;
        let pool = open(options).await?;
        Ok(Self {
            pool,
            libpq,
            data_dir: None,
            embedded: None,
        })
    }

    async fn of(embedded: Embedded, data_dir: &Path) -> anyhow::Result<Self> {
        match open(embedded.connect_options(DATABASE)).await {
            Ok(pool) => Ok(Self {
                pool,
                libpq: embedded.libpq(DATABASE),
                data_dir: Some(data_dir.to_owned()),
                embedded: Some(embedded),
            }),
            Err(error) => {
                embedded.stop().await;
                Err(error)
            }
        }
    }

    /// Closes the pool, and then stops the bundled Postgres.
    pub(crate) async fn close(self) {
        // Postgres will close connections that are still in use
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

/// Connects once to learn why, since the pool only reports that it got no connection.
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
