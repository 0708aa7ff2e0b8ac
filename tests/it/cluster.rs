//! One Postgres server for the whole run, and a separate database for each test.

use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc;
use std::thread;

use fortnight::db;
use fortnight::db::embedded::{DATABASE, Durability, Embedded};
use fortnight::db::pool::Pool;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{AssertSqlSafe, Connection, PgConnection};

static CLUSTER: OnceLock<Cluster> = OnceLock::new();
static NEXT: AtomicU32 = AtomicU32::new(1);

struct Cluster {
    template: PgConnectOptions,
    /// Removes the folder once this process has ended, which closes its standard input.
    _sweeper: Child,
}

/// Creates a migrated database that only this test uses.
pub async fn create_database() -> Pool {
    let template = &CLUSTER.get_or_init(start_postgres).template;
    let name = format!("test_{}", NEXT.fetch_add(1, Ordering::Relaxed));
    let mut admin = PgConnection::connect_with(&template.clone().database("postgres"))
        .await
        .unwrap();
    // built from a counter and a constant, so injection is impossible
    let create = AssertSqlSafe(format!("CREATE DATABASE {name} TEMPLATE {DATABASE}"));
    sqlx::query(create).execute(&mut admin).await.unwrap();
    admin.close().await.unwrap();
    let connections = PgPoolOptions::new()
        .max_connections(5)
        .connect_with(template.clone().database(&name))
        .await;
    Pool::new(connections.unwrap())
}

fn start_postgres() -> Cluster {
    let folder = tempfile::Builder::new()
        .prefix("fortnight-test-")
        .permissions(std::fs::Permissions::from_mode(0o711))
        .tempdir()
        .unwrap()
        .keep();
    let (started, template) = mpsc::channel();
    let data_dir = folder.join("data");
    // Each test's thread and runtime end with the test. This thread keeps Postgres until the process
    // ends, and then the kernel tells Postgres to end too.
    thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let embedded = runtime.block_on(async {
            let embedded = Embedded::start(&data_dir, Durability::Fast).await.unwrap();
            let pool = fortnight::db::pool::open(embedded.connect_options(DATABASE))
                .await
                .unwrap();
            db::migrate(&pool.connect_options(), &db::upgrade::Before::Nothing)
                .await
                .unwrap();
            // a template must have no connection open
            pool.close().await;
            embedded
        });
        started.send(embedded.connect_options(DATABASE)).unwrap();
        loop {
            thread::park();
        }
    });
    Cluster {
        template: template.recv().expect("Postgres did not start; see above"),
        _sweeper: remove_folder_at_exit(&folder),
    }
}

/// A test binary cannot clean up when it ends. This shell waits until its input is closed, which
/// happens when this process ends, then up to five seconds for Postgres.
fn remove_folder_at_exit(folder: &Path) -> Child {
    let script = r#"
        cat >/dev/null
        tries=0
        while [ -e "$0/data/postgres/postmaster.pid" ] && [ "$tries" -lt 100 ]; do
            tries=$((tries + 1))
            sleep 0.05
        done
        rm -rf "$0"
    "#;
    Command::new("sh")
        .args(["-c", script])
        .arg(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        // Ctrl-C is for the tests only
        .process_group(0)
        .spawn()
        .unwrap()
}
