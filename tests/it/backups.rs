//! Backing up, verifying and restoring a workspace with the real program, while it is used.

use std::{
    collections::BTreeMap,
    path::Path,
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    time::Duration,
};

use fortnight::{
    db::{backup::place::Place as StoragePlace, file_store::FileStore},
    domain::attachments::delete_unused,
};
use rustix::process::Signal;
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, PgConnection, PgPool};
use tempfile::TempDir;
use time::OffsetDateTime;
use tokio::time::timeout;

use crate::{
    cluster,
    importing::database_url,
    lifecycle::{create_by_command_line, new_browser, sign_in},
    program::{Place, Server, TIMEOUT, wait_until},
};

/// Every table with the text of its rows.
pub async fn rows(db: &mut PgConnection) -> BTreeMap<String, Vec<String>> {
    let tables: Vec<String> = sqlx::query_scalar(
        "SELECT relname::text FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'",
    )
    .fetch_all(&mut *db)
    .await
    .unwrap();
    let mut all = BTreeMap::new();
    for table in tables {
        let query = format!("SELECT t::text FROM {table} t ORDER BY 1");
        let rows = sqlx::query_scalar(AssertSqlSafe(query))
            .fetch_all(&mut *db)
            .await
            .unwrap();
        all.insert(table, rows);
    }
    all
}

pub fn path_in(folder: &TempDir, name: &str) -> String {
    folder.path().join(name).to_str().unwrap().to_owned()
}

async fn create_task(server: &Server, token: &str, title: &str) -> u16 {
    crate::program::new_client()
        .post(format!("{}/api/v1/teams/crew/tasks", server.url))
        .bearer_auth(token)
        .json(&json!({ "title": title }))
        .send()
        .await
        .unwrap()
        .status()
        .as_u16()
}

async fn titles(server: &Server, token: &str) -> Vec<String> {
    let board: Value = crate::program::new_client()
        .get(format!("{}/api/v1/teams/crew/board?sprint=all", server.url))
        .bearer_auth(token)
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    let columns = board["columns"].as_array().unwrap();
    let tasks = columns
        .iter()
        .flat_map(|column| column["tasks"].as_array().unwrap());
    tasks
        .map(|task| task["title"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test]
async fn backup_under_load_is_restored_row_by_row_elsewhere() {
    let (there, elsewhere, folder) = (Place::new(), Place::new(), TempDir::new().unwrap());
    let server = there.serve_demo(&[]).await;
    let token = create_by_command_line(&there, "ada", "crew", "CRW").await;
    let (busy, quiet) = (path_in(&folder, "busy"), path_in(&folder, "quiet"));
    let (done, written) = (AtomicBool::new(false), AtomicUsize::new(0));
    let write = async {
        while !done.load(Ordering::Relaxed) {
            assert_eq!(create_task(&server, &token, "Under load").await, 201);
            written.fetch_add(1, Ordering::Relaxed);
        }
    };
    let back_up = async {
        wait_until("tasks are written", async || {
            written.load(Ordering::Relaxed) > 3
        })
        .await;
        let made = there.said(&["backup", &busy]).await;
        done.store(true, Ordering::Relaxed);
        made
    };
    let ((), made) = tokio::join!(write, back_up);
    assert!(
        made.starts_with("Backed up “Platform” with 9 people"),
        "{made}"
    );
    assert!(!Path::new(&format!("{busy}.part")).exists());
    let good = there.said(&["verify", &busy]).await;
    assert!(good.contains("is good: “Platform” with 9 people"), "{good}");

    sign_in(&new_browser(), &server, "ada").await;
    there.said(&["backup", &quiet]).await;
    let restored = elsewhere.said(&["restore", &quiet]).await;
    assert!(
        restored.contains("Everyone has to sign in again"),
        "{restored}"
    );
    let before = rows(&mut there.sql().await).await;
    let second = elsewhere.serve().await;
    let mut after = rows(&mut elsewhere.sql().await).await;
    // the teams' numbers go on, with an event that says so
    let events = after.get_mut("events").unwrap();
    let count = events.len();
    events.retain(|event| !event.contains("workspace.restored"));
    assert_eq!(count - events.len(), 3, "one in each team");
    let changed: Vec<&String> = before
        .keys()
        .filter(|table| before[*table] != after[*table])
        // That event is no news for anybody, which the second program may or may not have noted yet.
        .filter(|table| *table != "notification_cursors")
        .collect();
    assert_eq!(changed, ["sessions", "teams", "workspace"]);
    assert_eq!(before["teams"].len(), after["teams"].len());
    assert!(after["sessions"].is_empty());

    // she signs in, finds the board, follows it and goes on working
    let browser = new_browser();
    let home = sign_in(&browser, &second, "ada").await;
    assert!(home.contains("/teams/crew"), "{home}");
    let board = browser.get(format!("{}/teams/crew", second.url));
    assert!(
        board
            .send()
            .await
            .unwrap()
            .text()
            .await
            .unwrap()
            .contains("Under load")
    );
    let mut stream = browser
        .get(format!("{}/teams/crew/live", second.url))
        .send()
        .await
        .unwrap();
    assert_eq!(create_task(&second, &token, "After the restore").await, 201);
    let mut heard = String::new();
    while !heard.contains("After the restore") {
        let chunk = tokio::time::timeout(TIMEOUT, stream.chunk()).await.unwrap();
        heard.push_str(&String::from_utf8_lossy(&chunk.unwrap().unwrap()));
    }
    let history = browser.get(format!("{}/teams/crew/history", second.url));
    let history = history.send().await.unwrap().text().await.unwrap();
    assert!(
        history.contains("The workspace was restored from a backup"),
        "{history}"
    );
    // a backup of what was restored is as good
    let again = path_in(&folder, "again");
    elsewhere.said(&["backup", &again]).await;
    elsewhere.said(&["verify", &again]).await;
}

#[tokio::test]
async fn restore_under_a_running_server_shows_no_one_the_old_world() {
    let (place, folder) = (Place::new(), TempDir::new().unwrap());
    let file = path_in(&folder, "backup");
    let server = place.serve().await;
    let token = create_by_command_line(&place, "ada", "crew", "CRW").await;
    create_task(&server, &token, "Kept").await;
    place.said(&["backup", &file]).await;
    for _ in 0..5 {
        create_task(&server, &token, "Gone").await;
    }
    let browser = new_browser();
    sign_in(&browser, &server, "ada").await;
    let board = || browser.get(format!("{}/teams/crew?sprint=all", server.url));
    let old = board().send().await.unwrap();
    let etag = old.headers()["etag"].clone();
    assert!(old.text().await.unwrap().contains("Gone"));

    // not by mistake
    let reason = place.refused(&["restore", &file]).await;
    assert!(
        reason.contains("not empty (1 person, 6 tasks)") && reason.contains("--replace"),
        "{reason}"
    );
    let reason = place.refused(&["restore", "--replace", &file]).await;
    assert!(reason.contains("nothing was changed"), "{reason}");
    assert_eq!(titles(&server, &token).await.len(), 6);

    let mut stream = browser
        .get(format!("{}/teams/crew/live", server.url))
        .send()
        .await
        .unwrap();
    place
        .run_with_input("Fortnight\n", &["restore", "--replace", &file])
        .await;
    // the open board reloads, or finds out that its session has ended
    let mut heard = String::new();
    while !heard.contains("event: reset") && !heard.contains("event: bye") {
        let chunk = tokio::time::timeout(TIMEOUT, stream.chunk()).await.unwrap();
        match chunk.unwrap() {
            Some(chunk) => heard.push_str(&String::from_utf8_lossy(&chunk)),
            None => break,
        }
    }
    assert_eq!(titles(&server, &token).await, ["Kept"]);
    let signed_out = board().header("if-none-match", etag.clone()).send().await;
    assert!(!signed_out.unwrap().text().await.unwrap().contains("Gone"));
    sign_in(&browser, &server, "ada").await;
    let now = board().header("if-none-match", etag).send().await.unwrap();
    assert_eq!(now.status(), 200, "what was known before is not current");
    let now = now.text().await.unwrap();
    assert!(now.contains("Kept") && !now.contains("Gone"), "{now}");
    assert_eq!(create_task(&server, &token, "New").await, 201);
}

#[tokio::test]
async fn restore_that_fails_changes_nothing() {
    let (place, folder) = (Place::new(), TempDir::new().unwrap());
    let file = path_in(&folder, "backup");
    let server = place.serve().await;
    let token = create_by_command_line(&place, "ada", "crew", "CRW").await;
    place.said(&["backup", &file]).await;
    create_task(&server, &token, "Later").await;
    let mut db = place.sql().await;
    for statement in [
        "CREATE SCHEMA elsewhere",
        "CREATE FUNCTION elsewhere.refuse() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'the disk is full'; END $$",
        // near the end of a restore
        "CREATE EVENT TRIGGER refuse ON ddl_command_start WHEN TAG IN ('CREATE TRIGGER') EXECUTE FUNCTION elsewhere.refuse()",
    ] {
        sqlx::query(statement).execute(&mut db).await.unwrap();
    }
    let before = rows(&mut db).await;
    let output = place
        .output_with_input("Fortnight\n", &["restore", "--replace", &file])
        .await;
    let reason = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success(), "{reason}");
    assert!(
        reason.contains("nothing was restored or changed") && reason.contains("the disk is full"),
        "{reason}"
    );
    assert_eq!(rows(&mut db).await, before);
    assert_eq!(titles(&server, &token).await, ["Later"]);
    place.said(&["verify", &file]).await;
    let databases: Vec<String> = sqlx::query_scalar(
        "SELECT datname::text FROM pg_database WHERE datname LIKE 'fortnight_%'",
    )
    .fetch_all(&mut db)
    .await
    .unwrap();
    assert!(databases.is_empty(), "{databases:?}");
}

#[tokio::test]
async fn empty_database_has_no_backup() {
    let (place, folder) = (Place::new(), TempDir::new().unwrap());
    let reason = place
        .refused(&["backup", &path_in(&folder, "backup")])
        .await;
    assert!(reason.contains("nothing to back up"), "{reason}");
    let reason = place
        .refused(&["restore", &path_in(&folder, "missing")])
        .await;
    assert!(reason.contains("cannot open"), "{reason}");
    assert!(
        place
            .data_dir()
            .read_dir()
            .is_ok_and(|mut inside| inside.next().is_some()),
        "the first command has started Postgres"
    );
}

/// The workspace's settings, as its administrator sees them.
async fn settings(server: &Server) -> String {
    let browser = new_browser();
    sign_in(&browser, server, "ada").await;
    let page = browser.get(format!("{}/settings", server.url));
    page.send().await.unwrap().text().await.unwrap()
}

#[tokio::test]
async fn scheduled_backups_are_made_shown_and_thinned_out() {
    let (place, folder) = (Place::new(), TempDir::new().unwrap());
    create_by_command_line(&place, "ada", "crew", "CRW").await;
    let backups = path_in(&folder, "backups");
    std::fs::create_dir(&backups).unwrap();
    for old in ["20240101T030000Z", "20240102T030000Z", "20240102T150000Z"] {
        std::fs::write(format!("{backups}/fortnight-{old}.backup"), "old").unwrap();
    }
    std::fs::write(format!("{backups}/notes.txt"), "not ours").unwrap();
    let unfinished = format!("{backups}/fortnight-20240103T030000Z.backup.part");
    std::fs::write(unfinished, "killed").unwrap();
    let names = || {
        let entries = std::fs::read_dir(&backups).unwrap();
        let mut names: Vec<String> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    };
    let server = place
        .serve_with(&[
            ("FORTNIGHT_BACKUP_TO", &backups),
            ("FORTNIGHT_BACKUP_KEEP", "2d"),
        ])
        .await;
    wait_until("the backup is made and old ones are deleted", async || {
        names().len() == 3
    })
    .await;
    sqlx::query("UPDATE accounts SET role = 'admin'")
        .execute(&mut place.sql().await)
        .await
        .unwrap();
    let page = settings(&server).await;
    assert!(page.contains("Last backup: just now"), "{page}");
    assert!(
        page.contains(&format!("Made every day in {backups}.")),
        "{page}"
    );
    let [old, new, notes] = names().try_into().unwrap();
    assert_eq!(
        (&*old, &*notes),
        ("fortnight-20240102T150000Z.backup", "notes.txt")
    );
    let good = place.said(&["verify", &format!("{backups}/{new}")]).await;
    assert!(good.contains("with 1 person and 0 tasks"), "{good}");
    drop(server);

    // a folder that cannot be there
    let inside_a_file = format!("{backups}/notes.txt/backups");
    let server = place
        .serve_with(&[("FORTNIGHT_BACKUP_TO", &inside_a_file)])
        .await;
    wait_until("the failure is logged", async || {
        server
            .read_log()
            .contains("a background job failed: cannot create")
    })
    .await;
    let page = settings(&server).await;
    assert!(
        page.contains("No backup yet") && page.contains("just now failed: cannot create"),
        "{page}"
    );
    drop(server);

    let server = place.serve().await;
    assert!(settings(&server).await.contains("No scheduled backups"));
    let reason = place.refused(&["--backup-every", "1x", "migrate"]).await;
    assert!(reason.contains("such as 12h, 1d or 2w"), "{reason}");
}

#[tokio::test]
async fn own_postgres_is_backed_up_and_restored_too() {
    let (place, folder) = (Place::new(), TempDir::new().unwrap());
    let file = path_in(&folder, "backup");
    let new_database = async || {
        let own = cluster::create_database().await.connect_options();
        format!(
            "postgres://fortnight@localhost/{}?host={}",
            own.get_database().unwrap(),
            own.get_socket().unwrap().display()
        )
    };
    let (one, other) = (new_database().await, new_database().await);
    let at = ["--database-url", &one];
    place
        .run_with_input(
            "a long password\n",
            &[
                &at[..],
                &["user", "add", "ada@example.org", "--name", "Ada"],
            ]
            .concat(),
        )
        .await;
    place.said(&[&at[..], &["backup", &file]].concat()).await;
    place.said(&[&at[..], &["verify", &file]].concat()).await;
    let restored = place
        .said(&["--database-url", &other, "restore", &file])
        .await;
    assert!(restored.contains("with 1 person and 0 tasks"), "{restored}");
    let again = place
        .refused(&["--database-url", &other, "restore", &file])
        .await;
    assert!(again.contains("not empty (1 person, 0 tasks)"), "{again}");
    assert!(!place.data_dir().exists(), "no Postgres was started");
}

#[tokio::test]
async fn backup_is_restored_from_the_setup_page() {
    let (there, elsewhere, folder) = (Place::new(), Place::new(), TempDir::new().unwrap());
    let server = there.serve().await;
    let token = create_by_command_line(&there, "ada", "crew", "CRW").await;
    assert_eq!(create_task(&server, &token, "Moved along").await, 201);
    let file = path_in(&folder, "moved.backup");
    there.said(&["backup", &file]).await;
    drop(server);

    let mut second = elsewhere.serve().await;
    let link = second.read_setup_link().await;
    let key = link.split_once("key=").unwrap().1;
    let offered = format!("/setup/restore?key={key}");
    let (status, page) = second.get(&format!("/setup?key={key}")).await;
    assert!(status == 200 && page.contains(&offered), "{page}");
    let (_, page) = second.get(&offered).await;
    assert!(
        page.contains("There are no backups on the server"),
        "{page}"
    );
    let backups = elsewhere.data_dir().join("backups");
    std::fs::create_dir_all(&backups).unwrap();
    let (good, cut) = (backups.join("moved.backup"), backups.join("cut.backup"));
    std::fs::copy(&file, &good).unwrap();
    let bytes = std::fs::read(&file).unwrap();
    std::fs::write(&cut, &bytes[..bytes.len() / 2]).unwrap();
    let browser = new_browser();
    let restore = async |key: &str, file: &Path| {
        let form = [("key", key), ("file", file.to_str().unwrap())];
        let answer = browser
            .post(format!("{}/setup/restore", second.url))
            .form(&form)
            .send()
            .await
            .unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    };
    // neither with another link nor from anywhere else
    assert_eq!(restore("guessed", &good).await.0, 404);
    let (status, page) = restore(key, Path::new(&file)).await;
    assert!(
        status == 422 && page.contains("Choose one of the backups"),
        "{page}"
    );
    let (status, page) = restore(key, &cut).await;
    assert!(status == 422 && page.contains("damaged"), "{page}");
    assert!(
        page.contains("moved.backup"),
        "another one can be chosen: {page}"
    );
    let (status, page) = restore(key, &good).await;
    assert!(status == 200 && page.contains("Sign in"), "{page}");
    assert_eq!(titles(&second, &token).await, ["Moved along"]);
    assert!(
        sign_in(&browser, &second, "ada")
            .await
            .contains("/teams/crew")
    );
    assert_eq!(restore(key, &good).await.0, 404, "it is no longer empty");
}

/// How many programs wait for the table `held`.
async fn dumps(db: &PgPool) -> i64 {
    sqlx::query_scalar(
        "SELECT count(*) FROM pg_stat_activity
         WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE 'LOCK TABLE%held%'",
    )
    .fetch_one(db)
    .await
    .unwrap()
}

/// With a Postgres that goes on, nothing but the program ends pg_dump.
#[tokio::test]
async fn stopping_ends_the_backup_that_is_being_made() {
    let (place, folder) = (Place::new(), TempDir::new().unwrap());
    let db = cluster::create_database().await;
    // pg_dump waits for this table, which has no rows of its own to be counted before
    let held = "CREATE TABLE held (day date) PARTITION BY RANGE (day)";
    sqlx::raw_sql(held).execute(&db).await.unwrap();
    let mut other = db.begin().await.unwrap();
    sqlx::raw_sql("LOCK TABLE held")
        .execute(&mut *other)
        .await
        .unwrap();
    let mut server = place
        .serve_with(&[
            ("DATABASE_URL", &database_url(&db)),
            ("FORTNIGHT_BACKUP_TO", folder.path().to_str().unwrap()),
        ])
        .await;
    wait_until("pg_dump waits", async || dumps(&db).await == 1).await;
    let files = || std::fs::read_dir(folder.path()).unwrap().count();
    assert_eq!(files(), 1, "the unfinished file");
    server.signal(Signal::TERM);
    let exit = timeout(Duration::from_secs(10), server.wait_for_exit()).await;
    let exit = exit.expect("it stops before a supervisor kills it");
    assert_eq!(exit.unwrap().code(), Some(0));
    assert_eq!(files(), 0);
    wait_until("its query is cancelled", async || dumps(&db).await == 0).await;
    other.rollback().await.unwrap();
}

/// Housekeeping goes on beside a long backup, also that of other programs.
#[tokio::test]
async fn no_attached_file_is_deleted_while_a_backup_is_made() {
    let (place, folder) = (Place::new(), TempDir::new().unwrap());
    let db = cluster::create_database().await;
    let hash = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";
    let attachments = TempDir::new().unwrap();
    let file = attachments.path().join("2c").join(hash);
    std::fs::create_dir(file.parent().unwrap()).unwrap();
    std::fs::write(&file, "hello").unwrap();
    let stored = "INSERT INTO stored_files (hash, bytes, stored_at) VALUES ($1, 5, now()) RETURNING stored_at";
    let stored_at: OffsetDateTime = sqlx::query_scalar(stored)
        .bind(hash)
        .fetch_one(&db)
        .await
        .unwrap();
    // pg_dump waits for this table
    let held = "CREATE TABLE held (day date) PARTITION BY RANGE (day)";
    sqlx::raw_sql(held).execute(&db).await.unwrap();
    let mut other = db.begin().await.unwrap();
    sqlx::raw_sql("LOCK TABLE held")
        .execute(&mut *other)
        .await
        .unwrap();
    let server = place
        .serve_with(&[
            ("DATABASE_URL", &database_url(&db)),
            ("FORTNIGHT_BACKUP_TO", folder.path().to_str().unwrap()),
            (
                "FORTNIGHT_ATTACHMENTS",
                attachments.path().to_str().unwrap(),
            ),
        ])
        .await;
    wait_until("pg_dump waits", async || dumps(&db).await == 1).await;
    let files = FileStore::new(
        StoragePlace::Folder(attachments.path().to_owned()),
        attachments.path(),
        25,
        10_000,
    );
    let later = stored_at + time::Duration::days(2);
    delete_unused(&db, &files, later).await.unwrap();
    assert!(file.exists());
    other.rollback().await.unwrap();
    wait_until("a backup is made", async || {
        server.read_log().contains("made a backup")
    })
    .await;
    delete_unused(&db, &files, later).await.unwrap();
    assert!(!file.exists());
}
