//! The bundled Postgres: the machine's own programs, started as a private server.
//!
//! It does not listen on the network and has no password: its socket is in the data directory,
//! which only this user can enter, and the kernel identifies the peer.

pub mod cluster;
pub mod complaint;
pub mod folder;
pub mod os_user;
pub mod programs;
pub mod settings;
pub mod supervisor;
pub mod swap;

use std::{
    fs::{self, File},
    os::unix::net::UnixStream,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use anyhow::{Context, bail};
use rustix::process::{Signal, kill_process, test_kill_process};
use sqlx::{
    Connection, PgConnection,
    postgres::{PgConnectOptions, PgSslMode},
};

pub use crate::db::embedded::settings::Durability;
use crate::db::embedded::settings::{PORT, ROLE};
use crate::db::embedded::supervisor::{Keeper, State};
use crate::db::embedded::{cluster::Cluster, folder::Lock};
use crate::db::libpq::Libpq;

/// The database with Fortnight's tables.
pub const DATABASE: &str = "fortnight";

/// Time for the Postgres of a killed process to stop.
const ORPHAN_ENDS_WITHIN: Duration = Duration::from_secs(10);
/// Time to start: after a crash Postgres replays its log, which can take minutes on a slow disk.
const RECOVERS_WITHIN: Duration = Duration::from_secs(300);
const WRITES_LOG_WITHIN: Duration = Duration::from_secs(1);
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// A running Postgres: our own, or that of a server that already runs on this data directory.
pub struct Embedded {
    sockets: PathBuf,
    own: Option<Own>,
}

struct Own {
    keeper: Keeper,
    /// Held while Postgres is ours; the kernel releases it however the process ends.
    _lock: File,
}

impl Embedded {
    /// Starts Postgres on this data directory, creating it if needed. Fails if another Fortnight
    /// runs on it.
    pub async fn start(data_dir: &Path, durability: Durability) -> anyhow::Result<Self> {
        let cluster = Cluster::find(data_dir)?;
        folder::make(data_dir)?;
        match folder::lock(data_dir)? {
            Lock::Ours(lock) => Self::start_locked(&cluster, durability, lock).await,
            Lock::Theirs(holder) => bail!(
                "another Fortnight{holder} already runs on {}: stop it first, or choose another directory with --data-dir",
                data_dir.display()
            ),
        }
    }

    /// As [`Embedded::start`], but uses the Postgres of a running server, for commands that run
    /// beside it.
    pub(crate) async fn start_or_attach(data_dir: &Path) -> anyhow::Result<Self> {
        let cluster = Cluster::find(data_dir)?;
        folder::make(data_dir)?;
        match folder::lock(data_dir)? {
            Lock::Ours(lock) => Self::start_locked(&cluster, Durability::Safe, lock).await,
            Lock::Theirs(_) => {
                let beside = Self {
                    sockets: cluster.sockets().to_owned(),
                    own: None,
                };
                beside.answers().await.with_context(|| {
                    format!(
                        "cannot connect to the Fortnight that runs on {}",
                        data_dir.display()
                    )
                })?;
                Ok(beside)
            }
        }
    }

    /// Starts a cluster whose data directory is locked.
    pub(crate) async fn start_locked(
        cluster: &Cluster,
        durability: Durability,
        lock: File,
    ) -> anyhow::Result<Self> {
        cluster.prepare(durability)?;
        end_orphan(cluster).await?;
        refuse_copy_of_running(cluster)?;
        cluster.remove_socket_lock();
        let keeper = Keeper::start(cluster.server(durability)?, cluster.logs().clone())
            .context("cannot start Postgres")?;
        let embedded = Self {
            sockets: cluster.sockets().to_owned(),
            own: Some(Own {
                keeper,
                _lock: lock,
            }),
        };
        match embedded.ready(cluster).await {
            Ok(()) => Ok(embedded),
            Err(error) => {
                embedded.stop().await;
                Err(error)
            }
        }
    }

    /// The connection options of a database of this Postgres.
    #[must_use]
    pub fn connect_options(&self, database: &str) -> PgConnectOptions {
        PgConnectOptions::new_without_pgpass()
            .socket(&self.sockets)
            .port(PORT)
            .username(ROLE)
            .database(database)
            .ssl_mode(PgSslMode::Disable)
    }

    /// The same for Postgres's own programs.
    pub(crate) fn libpq(&self, database: &str) -> Libpq {
        Libpq::of_socket(&self.sockets, PORT, ROLE, database)
    }

    /// Drops and recreates the database.
    pub(crate) async fn reset(&self) -> anyhow::Result<()> {
        let mut admin = PgConnection::connect_with(&self.connect_options("postgres")).await?;
        sqlx::query("DROP DATABASE IF EXISTS fortnight WITH (FORCE)")
            .execute(&mut admin)
            .await?;
        make_database(&mut admin).await?;
        Ok(admin.close().await?)
    }

    /// Stops Postgres cleanly, if it is ours.
    pub(crate) async fn stop(self) {
        if let Some(own) = self.own {
            own.keeper.stop().await;
            // a socket directory in /tmp would stay for ever; it is only removed if it is empty
            if let Err(error) = fs::remove_dir(&self.sockets) {
                tracing::debug!("cannot remove {}: {error}", self.sockets.display());
            }
        }
    }

    /// Waits until Postgres accepts connections, and creates our database the first time.
    async fn ready(&self, cluster: &Cluster) -> anyhow::Result<()> {
        let since = Instant::now();
        let (mut ends, mut ends_before_alone) = (0, None);
        loop {
            let error = match PgConnection::connect_with(&self.connect_options("postgres")).await {
                Ok(mut admin) => {
                    make_database(&mut admin).await?;
                    return Ok(admin.close().await?);
                }
                Err(error) => error,
            };
            if !passes(&error) {
                return Err(error).context("Postgres started, but refused the connection");
            }
            let state = self.state();
            if let Some(State::Ended(count)) = state {
                ends = count;
            }
            // An old postmaster that was killed with its parent may not be reaped yet, and Postgres
            // refuses to start beside it: only an attempt without one counts.
            let beside_another = cluster.postmaster().is_some_and(|pid| {
                state != Some(State::Running(pid)) && test_kill_process(pid).is_ok()
            });
            if beside_another {
                ends_before_alone = None;
            } else {
                ends_before_alone.get_or_insert(ends);
            }
            let waited = beside_another && since.elapsed() > ORPHAN_ENDS_WITHIN;
            if waited || ends_before_alone.is_some_and(|before| ends > before) {
                bail!("Postgres did not start: {}", reason(cluster).await);
            }
            if since.elapsed() > RECOVERS_WITHIN {
                return Err(error).context("Postgres started, but does not respond");
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }

    fn state(&self) -> Option<State> {
        self.own.as_ref().map(|own| own.keeper.state())
    }

    /// Waits for another process's Postgres, which may just be starting.
    async fn answers(&self) -> anyhow::Result<()> {
        let since = Instant::now();
        loop {
            match PgConnection::connect_with(&self.connect_options(DATABASE)).await {
                Ok(connection) => return Ok(connection.close().await?),
                Err(error) if since.elapsed() > ORPHAN_ENDS_WITHIN => return Err(error.into()),
                Err(_) => tokio::time::sleep(LOOK_AGAIN).await,
            }
        }
    }
}

/// Why Postgres did not start. Another process writes its log, which may take a moment.
async fn reason(cluster: &Cluster) -> String {
    let since = Instant::now();
    while cluster.logs().reason().is_none() && since.elapsed() < WRITES_LOG_WITHIN {
        tokio::time::sleep(LOOK_AGAIN).await;
    }
    cluster.logs().complaint()
}

async fn make_database(admin: &mut PgConnection) -> sqlx::Result<()> {
    let there: bool =
        sqlx::query_scalar("SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)")
            .bind(DATABASE)
            .fetch_one(&mut *admin)
            .await?;
    if !there {
        sqlx::query("CREATE DATABASE fortnight")
            .execute(admin)
            .await?;
    }
    Ok(())
}

/// Whether a connection error means that Postgres is still starting.
pub(crate) fn passes(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_) => true,
        // "the database system is starting up", or shutting down
        sqlx::Error::Database(error) => error.code().as_deref() == Some("57P03"),
        _ => false,
    }
}

/// Stops a Postgres that survived a kill -9 of its parent. We hold the directory's lock, so a
/// server on the socket is an orphan.
pub(crate) async fn end_orphan(cluster: &Cluster) -> anyhow::Result<()> {
    let since = Instant::now();
    let socket = cluster.sockets().join(format!(".s.PGSQL.{PORT}"));
    let mut reported = false;
    // After a reboot the process id in the file may belong to another process. Only the socket
    // proves that it is a postmaster, since no one else can listen in that directory.
    while UnixStream::connect(&socket).is_ok() {
        let Some(pid) = cluster.postmaster() else {
            break;
        };
        if !reported {
            tracing::info!("stopping the Postgres that an earlier run left behind");
            kill_process(pid, Signal::INT).context("cannot stop an earlier run's Postgres")?;
            reported = true;
        }
        if since.elapsed() > ORPHAN_ENDS_WITHIN {
            bail!(
                "the Postgres of an earlier run (process {}) does not stop",
                pid.as_raw_nonzero()
            );
        }
        tokio::time::sleep(LOOK_AGAIN).await;
    }
    Ok(())
}

/// Refuses a directory that was copied while its Postgres ran: its files are of different moments.
fn refuse_copy_of_running(cluster: &Cluster) -> anyhow::Result<()> {
    let Some((original, process)) = cluster.running_original() else {
        return Ok(());
    };
    bail!(
        "this data directory was copied while the Postgres in {} (process {}) was running, so that the copy may be \
         incomplete: use fortnight backup and restore, or stop that server and copy again; a snapshot of one moment \
         starts once its postgres/postmaster.pid is deleted",
        original.display(),
        process.as_raw_nonzero()
    );
}
