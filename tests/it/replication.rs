//! A primary and its synchronous standby, and the address that leads to one of them.

use std::{
    fs::{self, Permissions},
    os::unix::fs::{MetadataExt, PermissionsExt, chown},
    path::{Path, PathBuf},
    process::Stdio,
};

use sqlx::{AssertSqlSafe, Connection, PgConnection, postgres::PgConnectOptions};
use tempfile::TempDir;
use tokio::{
    io::copy_bidirectional,
    net::{UnixListener, UnixStream},
    process::Command,
    sync::watch,
};

use crate::{cluster, program::wait_until};

/// Two clusters: `one` starts as the primary, and `two` as its standby.
pub struct Replication {
    folder: TempDir,
    programs: PathBuf,
    /// The user and group that run Postgres.
    runs_as: (u32, u32),
    leads_to: watch::Sender<PathBuf>,
}

impl Replication {
    pub async fn start() -> Self {
        // The same programs and user as those of the tests' Postgres.
        let socket = cluster::create_database().await.connect_options();
        let socket = socket.get_socket().unwrap().clone();
        let pid = fs::read_to_string(socket.with_file_name("postgres").join("postmaster.pid"));
        let pid = pid.unwrap().lines().next().unwrap().to_owned();
        let program = fs::read_link(format!("/proc/{pid}/exe")).unwrap();
        let owner = fs::metadata(&socket).unwrap();
        let folder = tempfile::Builder::new()
            .prefix("fortnight-test-")
            .permissions(Permissions::from_mode(0o711))
            .tempdir()
            .unwrap();
        let (leads_to, _) = watch::channel(folder.path().join("one"));
        let this = Self {
            programs: program.parent().unwrap().to_owned(),
            runs_as: (owner.uid(), owner.gid()),
            leads_to,
            folder,
        };
        for name in ["", "one", "two"] {
            let path = this.folder.path().join(name);
            fs::create_dir_all(&path).unwrap();
            chown(&path, Some(owner.uid()), Some(owner.gid())).unwrap();
        }
        this.make_primary().await;
        this.make_standby().await;
        this.forward();
        this
    }

    async fn make_primary(&self) {
        let data = self.data("one");
        let options = "--username=fortnight --auth=trust --encoding=UTF8 --locale=C --lc-ctype=C.UTF-8 --no-sync";
        let mut initdb = self.command("initdb");
        initdb.arg("-D").arg(data).args(options.split(' '));
        run(initdb).await;
        self.start_cluster("one").await;
        let mut sql = self.sql("one", "postgres").await;
        sqlx::raw_sql("CREATE DATABASE fortnight")
            .execute(&mut sql)
            .await
            .unwrap();
    }

    async fn make_standby(&self) {
        let mut copy = self.command("pg_basebackup");
        copy.arg("-D").arg(self.data("two"));
        copy.arg("-h").arg(self.folder.path().join("one"));
        let options = "--username=fortnight --write-recovery-conf --checkpoint=fast --no-sync";
        copy.args(options.split(' '));
        run(copy).await;
        self.start_cluster("two").await;
        let mut sql = self.sql("one", "postgres").await;
        self.wait_for_standbys("*").await;
        let mut is_synchronous = async || {
            let state = "SELECT EXISTS (SELECT FROM pg_stat_replication WHERE sync_state = 'sync')";
            sqlx::query_scalar::<_, bool>(state)
                .fetch_one(&mut sql)
                .await
                .unwrap()
        };
        wait_until("the standby follows", async || is_synchronous().await).await;
    }

    async fn start_cluster(&self, name: &str) {
        let socket = self.folder.path().join(name);
        let options = format!(
            "-c listen_addresses= -c unix_socket_directories={} -c shared_buffers=32MB -c fsync=off",
            socket.display()
        );
        let mut start = self.command("pg_ctl");
        start.arg("start").arg("-D").arg(self.data(name));
        start
            .arg("-l")
            .arg(self.folder.path().join(name).join("log"));
        start.args(["--wait", "--options", &options]);
        run(start).await;
    }

    /// Ends a cluster at once, as if its machine were gone.
    pub async fn kill(&self, name: &str) {
        let mut stop = self.command("pg_ctl");
        stop.args(["stop", "--mode=immediate", "-D"])
            .arg(self.data(name));
        run(stop).await;
    }

    /// Lets the standby catch up, and then hear no more of the primary. Commits must not wait for it.
    pub async fn stop_following(&self) {
        let mut standby = self.sql("two", "postgres").await;
        let mut primary = self.sql("one", "postgres").await;
        let written: String = sqlx::query_scalar("SELECT pg_current_wal_lsn()::text")
            .fetch_one(&mut primary)
            .await
            .unwrap();
        wait_until("the standby has caught up", async || {
            sqlx::query_scalar("SELECT pg_last_wal_replay_lsn() >= $1::text::pg_lsn")
                .bind(&written)
                .fetch_one(&mut standby)
                .await
                .unwrap()
        })
        .await;
        for statement in [
            "ALTER SYSTEM SET primary_conninfo = ''",
            "SELECT pg_reload_conf()",
        ] {
            sqlx::raw_sql(statement)
                .execute(&mut standby)
                .await
                .unwrap();
        }
        wait_until("the standby hears no more", async || {
            sqlx::query_scalar("SELECT NOT EXISTS (SELECT FROM pg_stat_replication)")
                .fetch_one(&mut primary)
                .await
                .unwrap()
        })
        .await;
    }

    /// Makes the standby the primary.
    pub async fn promote(&self) {
        let mut promote = self.command("pg_ctl");
        promote
            .args(["promote", "--wait", "-D"])
            .arg(self.data("two"));
        run(promote).await;
    }

    /// Lets the address lead to this cluster, and cuts all connections to the other.
    pub fn lead_to(&self, name: &str) {
        self.leads_to.send_replace(self.folder.path().join(name));
    }

    /// The URL of whichever cluster the address leads to.
    pub fn url(&self) -> String {
        self.url_of("front")
    }

    /// The URL of one of the clusters.
    pub fn url_of(&self, name: &str) -> String {
        format!(
            "postgres://fortnight@localhost/fortnight?host={}",
            self.folder.path().join(name).display()
        )
    }

    /// Lets commits wait for the standby, or not.
    pub async fn wait_for_standbys(&self, names: &str) {
        let mut sql = self.sql("one", "postgres").await;
        let set = format!("ALTER SYSTEM SET synchronous_standby_names = '{names}'");
        for statement in [set.as_str(), "SELECT pg_reload_conf()"] {
            // built from constants
            let statement = AssertSqlSafe(statement.to_owned());
            sqlx::raw_sql(statement).execute(&mut sql).await.unwrap();
        }
    }

    pub async fn sql(&self, name: &str, database: &str) -> PgConnection {
        let options = PgConnectOptions::new_without_pgpass()
            .socket(self.folder.path().join(name))
            .port(5432)
            .username("fortnight")
            .database(database);
        PgConnection::connect_with(&options).await.unwrap()
    }

    fn data(&self, name: &str) -> PathBuf {
        self.folder.path().join(name).join("data")
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(self.programs.join(program));
        if rustix::process::geteuid().is_root() {
            command.uid(self.runs_as.0).gid(self.runs_as.1);
        }
        // an output that Postgres inherits would stay open
        command
            .current_dir("/")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        command
    }

    /// Passes connections on, as a load balancer or a virtual address does.
    fn forward(&self) {
        let front = self.folder.path().join("front");
        fs::create_dir(&front).unwrap();
        let listener = UnixListener::bind(socket_in(&front)).unwrap();
        let leads_to = self.leads_to.clone();
        tokio::spawn(async move {
            while let Ok((mut client, _)) = listener.accept().await {
                let mut leads_to = leads_to.subscribe();
                let target = leads_to.borrow_and_update().clone();
                tokio::spawn(async move {
                    let Ok(mut server) = UnixStream::connect(socket_in(&target)).await else {
                        return;
                    };
                    tokio::select! {
                        _ = copy_bidirectional(&mut client, &mut server) => {}
                        _ = leads_to.changed() => {}
                    }
                });
            }
        });
    }
}

impl Drop for Replication {
    fn drop(&mut self) {
        for name in ["two", "one"] {
            let program = self.programs.join("pg_ctl");
            let mut stop = std::process::Command::new(program);
            if rustix::process::geteuid().is_root() {
                use std::os::unix::process::CommandExt;
                stop.uid(self.runs_as.0).gid(self.runs_as.1);
            }
            stop.args(["stop", "--mode=immediate", "-D"])
                .arg(self.data(name));
            let quiet = stop
                .current_dir("/")
                .stdout(Stdio::null())
                .stderr(Stdio::null());
            // one of them may have ended already
            let _ = quiet.status();
        }
    }
}

fn socket_in(folder: &Path) -> PathBuf {
    folder.join(".s.PGSQL.5432")
}

async fn run(mut command: Command) {
    let status = command.status().await.unwrap();
    assert!(status.success(), "{command:?}");
}
