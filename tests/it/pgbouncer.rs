//! Programs whose database is behind PgBouncer in transaction mode.

use std::{
    fs::{self, File},
    os::unix::fs::{MetadataExt, PermissionsExt, chown},
    process::Stdio,
};

use fortnight::db::pool;
use serde_json::json;
use tempfile::TempDir;
use tokio::process::{Child, Command};

use crate::{
    asset_serving::Stream,
    fixtures::World,
    lifecycle::{create_by_command_line, new_browser, sign_in},
    program::{Place, Server, wait_until},
    several_programs::database_url,
};

/// A PgBouncer before the world's database, with fewer connections than a program.
struct PgBouncer {
    folder: TempDir,
    database: String,
    _child: Child,
}

impl PgBouncer {
    async fn before(world: &World, connect_query: Option<&str>) -> Self {
        let options = world.db.connect_options();
        let socket = options.get_socket().unwrap();
        let database = options.get_database().unwrap();
        let folder = tempfile::Builder::new()
            .prefix("fortnight-test-")
            .permissions(fs::Permissions::from_mode(0o711))
            .tempdir()
            .unwrap();
        let query = connect_query.map(|query| format!("connect_query='{query}'"));
        let settings = format!(
            "[databases]\n{database} = host={} port=5432 user=fortnight {}\n\
             [pgbouncer]\nunix_socket_dir = {}\nlisten_port = 6432\nauth_type = any\n\
             pool_mode = transaction\nmax_prepared_statements = 200\ndefault_pool_size = 4\n",
            socket.display(),
            query.unwrap_or_default(),
            folder.path().display(),
        );
        let path = folder.path().join("pgbouncer.ini");
        fs::write(&path, settings).unwrap();
        let log = File::create(folder.path().join("log")).unwrap();
        let mut command = Command::new("pgbouncer");
        if rustix::process::geteuid().is_root() {
            // It refuses to run as root, and Postgres knows the user who runs it.
            let owner = fs::metadata(socket).unwrap();
            chown(folder.path(), Some(owner.uid()), Some(owner.gid())).unwrap();
            command.uid(owner.uid()).gid(owner.gid());
        }
        let child = command
            .arg(&path)
            .current_dir("/")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .kill_on_drop(true)
            .spawn()
            .expect("PgBouncer 1.21 or newer is installed; bin/test does it");
        let bouncer = Self {
            folder,
            database: database.to_owned(),
            _child: child,
        };
        wait_until("PgBouncer listens", async || {
            bouncer.folder.path().join(".s.PGSQL.6432").exists()
        })
        .await;
        bouncer
    }

    fn url(&self) -> String {
        format!(
            "postgres://fortnight@localhost:6432/{}?host={}",
            self.database,
            self.folder.path().display()
        )
    }
}

async fn empty_world() -> World {
    let world = World::new().await;
    sqlx::raw_sql("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
        .execute(&world.db)
        .await
        .unwrap();
    world
}

async fn create_task(server: &Server, token: &str, title: &str) {
    let created = crate::program::new_client()
        .post(format!("{}/api/v1/teams/infrastructure/tasks", server.url))
        .bearer_auth(token)
        .json(&json!({ "title": title }))
        .send()
        .await
        .unwrap();
    assert_eq!(created.status(), 201, "{}", created.text().await.unwrap());
}

/// From the migration of an empty database to a move on another program's board.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn team_works_with_two_programs_behind_pgbouncer() {
    let world = empty_world().await;
    let bouncer = PgBouncer::before(&world, Some(pool::SETTINGS)).await;
    let (url, direct) = (bouncer.url(), database_url(&world));
    let variables = [
        ("DATABASE_URL", url.as_str()),
        ("FORTNIGHT_DATABASE_LISTEN_URL", &direct),
    ];
    let places = [(); 2].map(|()| Place::new().with_variables(&variables));
    let token = create_by_command_line(&places[0], "ada", "infrastructure", "INF").await;
    let (one, other) = (places[0].serve().await, places[1].serve().await);

    let browser = new_browser();
    sign_in(&browser, &one, "ada").await;
    create_task(&one, &token, "Cut over").await;
    let board = format!("{}/teams/infrastructure", other.url);
    let stream = browser.get(format!("{board}/live")).send().await.unwrap();
    let mut stream = Stream::of(stream);
    stream.next_named("presence").await;
    let moved = browser
        .put(format!("{}/tasks/INF-1/position", one.url))
        .header("fortnight-fragment", "card")
        .form(&[("column", "in-progress")])
        .send()
        .await
        .unwrap();
    assert_eq!(moved.status(), 200, "{}", moved.text().await.unwrap());
    let card = stream.next_named("card").await;
    assert_eq!(card.data["column"], json!("in-progress"));

    // more at once than PgBouncer has connections
    let visit = async |client: usize| {
        let server = [&one, &other][client % 2];
        for nth in 0..5 {
            create_task(server, &token, &format!("Task {client}.{nth}")).await;
            for page in [
                "",
                "/standup",
                "/flow",
                "/planning",
                "/history",
                "/check-in",
            ] {
                let url = format!("{}/teams/infrastructure{page}", server.url);
                let response = browser.get(&url).send().await.unwrap();
                assert_eq!(response.status(), 200, "{page}");
            }
            let search = format!("{}/search?q=cut", server.url);
            let found = browser.get(&search).send().await.unwrap();
            assert!(found.text().await.unwrap().contains("/tasks/INF-1\""));
        }
    };
    futures_util::future::join_all((0..12).map(visit)).await;
    let text = browser.get(&board).send().await.unwrap().text().await;
    assert!(text.unwrap().contains("Task 11.4"));

    let file = places[0].data_dir().with_extension("backup");
    let saved = places[0].run(&["backup", file.to_str().unwrap()]).await;
    assert!(saved.status.success(), "{saved:?}");
    for server in [&one, &other] {
        let log = server.read_log();
        assert!(
            !log.contains("ERROR") && !log.contains("connect_query"),
            "{log}"
        );
    }
    // two programs listen, past PgBouncer, and no lock of a session is left behind
    let (listening, locks): (i64, i64) = sqlx::query_as(
        "SELECT (SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN%'),
                (SELECT count(*) FROM pg_locks l JOIN pg_database d ON d.oid = l.database
                 WHERE locktype = 'advisory' AND datname = current_database())",
    )
    .fetch_one(&world.db)
    .await
    .unwrap();
    assert_eq!((listening, locks), (2, 0));
}

#[test]
fn documentation_has_the_settings_for_pgbouncer() {
    let docs = include_str!("../../docs/SCALING.md");
    assert!(docs.contains(&format!("connect_query='{}'", pool::SETTINGS)));
}

/// Without a way around it, settings and locks would end up in the sessions of others.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pgbouncer_without_a_way_around_it_is_refused() {
    let world = empty_world().await;
    let bouncer = PgBouncer::before(&world, None).await;
    let place = Place::new().with_variables(&[("DATABASE_URL", &bouncer.url())]);
    let refused = place.run(&["serve"]).await;
    let reason = String::from_utf8(refused.stderr).unwrap();
    assert_eq!(refused.status.code(), Some(1), "{reason}");
    assert!(reason.contains("--database-listen-url"), "{reason}");
    // and one that sets neither timeouts nor how queries are planned is warned of
    let direct = database_url(&world);
    let place = place.with_variables(&[("FORTNIGHT_DATABASE_LISTEN_URL", &direct)]);
    let server = place.serve().await;
    let log = server.read_log();
    assert!(
        log.contains("connect_query") && log.contains(pool::SETTINGS),
        "{log}"
    );
}
