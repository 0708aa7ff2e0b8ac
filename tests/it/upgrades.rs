//! A new version with a newer schema starts on the database of an older one.

use std::{fs, path::Path};

use fortnight::db::{
    backup::place,
    libpq::Libpq,
    pool::Pool,
    upgrade::{Before, upgrade},
};
use sqlx::{Connection, PgConnection, migrate::Migrator, postgres::PgConnectOptions};
use tempfile::TempDir;

use crate::{
    cluster,
    fixtures::NOW,
    importing::database_url,
    ports::free_port,
    program::{Place, wait_until},
};

/// The migrations of a version to come: those of today, and these.
pub async fn version_with(later: &[(u32, &str)]) -> (TempDir, Migrator) {
    let folder = TempDir::new().unwrap();
    let today = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations");
    for file in fs::read_dir(today).unwrap() {
        let file = file.unwrap();
        fs::copy(file.path(), folder.path().join(file.file_name())).unwrap();
    }
    for (number, sql) in later {
        let name = format!("{number}_later.sql");
        fs::write(folder.path().join(name), sql).unwrap();
    }
    let steps = Migrator::new(folder.path()).await.unwrap();
    (folder, steps)
}

/// Three more migrations, each of another table.
async fn later_version() -> (TempDir, Migrator) {
    version_with(&[
        (
            9001,
            "ALTER TABLE tasks ADD COLUMN later int NOT NULL DEFAULT 7",
        ),
        (
            9002,
            "ALTER TABLE goals ADD COLUMN later int NOT NULL DEFAULT 7",
        ),
        (
            9003,
            "ALTER TABLE comments ADD COLUMN later int NOT NULL DEFAULT 7",
        ),
    ])
    .await
}

pub fn libpq(options: &PgConnectOptions) -> Libpq {
    let socket = options.get_socket().unwrap().display().to_string();
    let folder = percent_encoding::utf8_percent_encode(&socket, percent_encoding::NON_ALPHANUMERIC);
    let (user, name) = (options.get_username(), options.get_database().unwrap());
    Libpq::of_url(&format!("postgres://{user}@localhost/{name}?host={folder}")).unwrap()
}

async fn applied(db: &Pool) -> Vec<i64> {
    sqlx::query_scalar("SELECT version FROM _sqlx_migrations WHERE version > 9000 ORDER BY 1")
        .fetch_all(db)
        .await
        .unwrap()
}

#[tokio::test]
async fn backup_is_made_before_the_schema_is_upgraded() {
    let (db, folder) = (cluster::create_database().await, TempDir::new().unwrap());
    let (_files, steps) = later_version().await;
    let options = db.connect_options();
    let before = Before::BackUp {
        place: place::Place::Folder(folder.path().join("backups")),
        libpq: libpq(&options),
        now: NOW,
    };
    upgrade(&options, &steps, &before).await.unwrap();
    assert_eq!(applied(&db).await, [9001, 9002, 9003]);
    let files: Vec<_> = fs::read_dir(folder.path().join("backups"))
        .unwrap()
        .map(|file| file.unwrap().path())
        .collect();
    let [backup] = &files[..] else {
        panic!("{files:?}")
    };
    let name = backup.file_name().unwrap().to_str().unwrap();
    let migrations = concat!(env!("CARGO_MANIFEST_DIR"), "/migrations");
    let schema = i64::try_from(fs::read_dir(migrations).unwrap().count()).unwrap();
    let start = format!("before-upgrade-of-schema-{schema}-");
    assert!(name.starts_with(&start), "{name}");
    // it is of the old schema, so the old version can restore it
    let manifest = fortnight::db::backup::archive::check(backup, schema).unwrap();
    assert!(
        format!("{manifest:?}").contains(&format!("schema: {schema}")),
        "{manifest:?}"
    );
    // there is nothing to do the next time, so nothing is backed up either
    upgrade(&options, &steps, &before).await.unwrap();
    assert_eq!(
        fs::read_dir(folder.path().join("backups")).unwrap().count(),
        1
    );
}

#[tokio::test]
async fn nothing_is_upgraded_if_the_backup_fails() {
    let (db, folder) = (cluster::create_database().await, TempDir::new().unwrap());
    let (_files, steps) = later_version().await;
    let in_the_way = folder.path().join("file");
    fs::write(&in_the_way, "").unwrap();
    let options = db.connect_options();
    let before = Before::BackUp {
        place: place::Place::Folder(in_the_way.join("backups")),
        libpq: libpq(&options),
        now: NOW,
    };
    let error = upgrade(&options, &steps, &before).await.unwrap_err();
    let words = format!("{error:#}");
    assert!(
        words.starts_with("cannot make the backup from before the upgrade: "),
        "{words}"
    );
    assert!(applied(&db).await.is_empty());
}

/// The connection of a killed program ends, in the middle of each step in turn.
#[tokio::test]
async fn upgrade_goes_on_where_it_was_killed() {
    let db = cluster::create_database().await;
    let (_files, steps) = later_version().await;
    let options = db.connect_options();
    for (done, table) in ["tasks", "goals", "comments"].into_iter().enumerate() {
        let mut reader = db.begin().await.unwrap();
        let lock = format!("LOCK TABLE {table} IN ACCESS SHARE MODE");
        sqlx::raw_sql(sqlx::AssertSqlSafe(lock))
            .execute(&mut *reader)
            .await
            .unwrap();
        let kill = async {
            let mut killed = 0_i64;
            wait_until("the step waits for the table", async || {
                killed = sqlx::query_scalar(
                    "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
                     WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE '%ADD COLUMN later%'",
                )
                .fetch_one(&db)
                .await
                .unwrap();
                killed > 0
            })
            .await;
        };
        let (outcome, ()) = tokio::join!(upgrade(&options, &steps, &Before::Nothing), kill);
        assert!(outcome.is_err(), "it was killed");
        assert_eq!(applied(&db).await.len(), done);
        reader.rollback().await.unwrap();
    }
    upgrade(&options, &steps, &Before::Nothing).await.unwrap();
    assert_eq!(applied(&db).await, [9001, 9002, 9003]);
}

#[tokio::test]
async fn of_two_programs_that_start_at_once_one_upgrades() {
    let (db, folder) = (cluster::create_database().await, TempDir::new().unwrap());
    let (_files, steps) = later_version().await;
    let options = db.connect_options();
    let before = Before::BackUp {
        place: place::Place::Folder(folder.path().to_owned()),
        libpq: libpq(&options),
        now: NOW,
    };
    let (one, other) = tokio::join!(
        upgrade(&options, &steps, &before),
        upgrade(&options, &steps, &before)
    );
    one.unwrap();
    other.unwrap();
    assert_eq!(applied(&db).await, [9001, 9002, 9003]);
    assert_eq!(
        fs::read_dir(folder.path()).unwrap().count(),
        1,
        "one backup"
    );
}

/// H9. A proxy and a person get an answer at once while the database is being upgraded.
#[tokio::test]
async fn program_that_upgrades_says_that_it_is_starting() {
    let db = cluster::create_database().await;
    let place = Place::new();
    let listen = format!("127.0.0.1:{}", free_port());
    // as another program that upgrades
    let mut other = PgConnection::connect_with(&db.connect_options())
        .await
        .unwrap();
    sqlx::query("SELECT pg_advisory_lock($1)")
        .bind(fortnight::db::upgrade::LOCK)
        .execute(&mut other)
        .await
        .unwrap();
    let url = database_url(&db);
    let variables = [
        ("DATABASE_URL", url.as_str()),
        ("FORTNIGHT_LISTEN", &listen),
    ];
    let look = async {
        let get = async |path: &str| {
            crate::program::new_client()
                .get(format!("http://{listen}{path}"))
                .send()
                .await
        };
        wait_until("it answers", async || get("/healthz").await.is_ok()).await;
        let health = get("/healthz").await.unwrap();
        assert_eq!(health.status(), 200);
        assert_eq!(health.text().await.unwrap(), "starting");
        assert_eq!(get("/readyz").await.unwrap().status(), 503);
        let board = get("/teams/infrastructure").await.unwrap();
        assert_eq!(
            (board.status().as_u16(), &board.headers()["retry-after"]),
            (503, &"5".parse().unwrap())
        );
        assert!(
            board
                .text()
                .await
                .unwrap()
                .contains("Fortnight is starting")
        );
        other.close().await.unwrap();
    };
    let (server, ()) = tokio::join!(place.serve_with(&variables), look);
    assert_eq!(server.get("/readyz").await, (200, "ready".to_owned()));
    assert_eq!(server.get("/healthz").await.1, "ok");
}
