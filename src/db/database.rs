//! Opening and closing the database of a command: your own Postgres or the bundled one.

use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use anyhow::{Context, bail};
use sqlx::{Connection, PgConnection, postgres::PgConnectOptions};

use crate::db::{
    embedded::{DATABASE, Durability, Embedded, passes},
    libpq::Libpq,
    pool::{Pool, open_behind_pooler, open_noting},
    timeline::Timeline,
};

/// Time for the pool to close, out of the ten seconds that a supervisor gives the whole program.
const CLOSE_WITHIN: Duration = Duration::from_millis(500);
/// Time to wait for Postgres, which may start after Fortnight when a machine boots.
const COMES_UP_WITHIN: Duration = Duration::from_secs(10);

/// Your own Postgres.
#[derive(Clone, Debug)]
pub struct NamedDatabase {
    /// Where requests are served from; a pooler, if there is one.
    options: PgConnectOptions,
    /// The same database past a pooler; `None` without one.
    direct: Option<PgConnectOptions>,
    /// The same as `direct`, or else as `options`.
    libpq: Libpq,
}

impl NamedDatabase {
    /// Reads the database's URL, and the one past a pooler if it is behind one.
    pub(crate) fn of_urls(url: &str, direct: Option<&str>) -> anyhow::Result<Self> {
        let read = |url: &str| {
            url.parse::<PgConnectOptions>()
                .map(|options| options.extra_float_digits(None))
        };
        Ok(Self {
            options: read(url).context("the database URL (DATABASE_URL) is invalid")?,
            direct: direct
                .map(read)
                .transpose()
                .context("the URL of --database-listen-url is invalid")?,
            libpq: Libpq::of_url(direct.unwrap_or(url))?,
        })
    }
}

/// An open pool, and the bundled Postgres if it is used.
pub struct Database {
    /// The connection pool.
    pub pool: Pool,
    /// Which of its servers the pool has reached.
    pub(crate) timeline: Timeline,
    /// The same database past any pooler, for connections with a state of their own.
    pub(crate) direct: PgConnectOptions,
    /// The same for Postgres's own programs.
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
        let NamedDatabase {
            options,
            direct,
            libpq,
        } = named;
        wait_for(&options)
            .await
            .context("cannot reach the database")?;
        let timeline = Timeline::default();
        let pool = match &direct {
            Some(direct) => {
                wait_for(direct)
                    .await
                    .context("cannot reach the database at --database-listen-url")?;
                open_behind_pooler(options.clone()).await?
            }
            None => {
                refuse_shared_sessions(&options).await?;
                open_noting(options.clone(), &timeline).await?
            }
        };
        Ok(Self {
            pool,
            timeline,
            direct: direct.unwrap_or(options),
            libpq,
            data_dir: None,
            embedded: None,
        })
    }

    async fn of(embedded: Embedded, data_dir: &Path) -> anyhow::Result<Self> {
        let direct = embedded.connect_options(DATABASE);
        let timeline = Timeline::default();
        match open_noting(direct.clone(), &timeline).await {
            Ok(pool) => Ok(Self {
                pool,
                timeline,
                direct,
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

/// Refuses a pooler in transaction mode whose way around it is not known: a setting of one connection would be found in
/// another, and an advisory lock never be released.
async fn refuse_shared_sessions(options: &PgConnectOptions) -> anyhow::Result<()> {
    let mut connection = PgConnection::connect_with(options).await?;
    let mark = uuid::Uuid::now_v7().to_string();
    sqlx::query("SELECT set_config('fortnight.session', $1, false)")
        .bind(&mark)
        .execute(&mut connection)
        .await?;
    let mut other = PgConnection::connect_with(options).await?;
    let found: Option<String> =
        sqlx::query_scalar("SELECT current_setting('fortnight.session', true)")
            .fetch_one(&mut other)
            .await?;
    other.close().await?;
    connection.close().await?;
    if found == Some(mark) {
        bail!(
            "the database URL leads to a pooler in transaction mode, such as PgBouncer: name Postgres itself with --database-listen-url (FORTNIGHT_DATABASE_LISTEN_URL), for what the pooler cannot pass on"
        );
    }
    Ok(())
}
