//! H10. Disks that are full: that of the database, and those of backups.

use std::collections::BTreeSet;

use reqwest::{Method, RequestBuilder};
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::{
    faults::{Random, check_history},
    lifecycle::{create_by_command_line, new_browser, sign_in},
    program::{Place, Server, wait_until},
    small_disk::SmallDisk,
};

const MEGABYTES: usize = 160;

/// A text that Postgres cannot make small enough for the space that is left in its files.
fn long_text(seed: u64) -> String {
    let mut random = Random::of(seed);
    let letters = std::iter::from_fn(|| char::from_digit(random.next(36) as u32, 36));
    letters.take(20_000).collect()
}

/// Ada, with her token and the answers she got.
struct Ada<'s> {
    server: &'s Server,
    token: String,
    created: BTreeSet<String>,
}

impl Ada<'_> {
    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        crate::program::new_client()
            .request(method, format!("{}/api/v1{path}", self.server.url))
            .bearer_auth(&self.token)
    }

    /// Creates a task, and again if the answer says so: the title is the request's key. Returns why it was refused.
    async fn create(&mut self, nth: u64) -> Result<(), Value> {
        let title = format!("Task {nth}");
        let response = self
            .request(Method::POST, "/teams/crew/tasks")
            .header("idempotency-key", &title)
            .json(&json!({ "title": title, "description": long_text(nth) }))
            .send()
            .await
            .unwrap();
        if response.status() == 201 {
            self.created.insert(title);
            return Ok(());
        }
        assert_eq!(response.status(), 503);
        assert_eq!(
            response.headers()["content-type"],
            "application/problem+json"
        );
        assert!(response.headers().contains_key("retry-after"));
        Err(response.json().await.unwrap())
    }

    /// Creates this and the following tasks until one is refused. Returns its number and the reason.
    async fn create_until_refused(&mut self, first: u64) -> (u64, String) {
        for nth in first.. {
            if let Err(problem) = self.create(nth).await {
                return (nth, problem["detail"].as_str().unwrap().to_owned());
            }
        }
        unreachable!("the disk is full")
    }

    async fn titles_on_board(&self) -> BTreeSet<String> {
        let board = self.request(Method::GET, "/teams/crew/board?sprint=all");
        let board: Value = board.send().await.unwrap().json().await.unwrap();
        let columns = board["columns"].as_array().unwrap().iter();
        let tasks = columns.flat_map(|column| column["tasks"].as_array().unwrap());
        tasks
            .map(|task| task["title"].as_str().unwrap().to_owned())
            .collect()
    }
}

/// Makes Postgres end: it cannot go on without space for its log.
async fn use_up_the_log(place: &Place) {
    let mut db = place.sql().await;
    let next = "SELECT pg_switch_wal(), pg_logical_emit_message(false, 'full', 'disk')";
    while sqlx::query(next).execute(&mut db).await.is_ok() {}
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn full_disk_refuses_writes_and_loses_nothing() {
    let Some(disk) = SmallDisk::of_megabytes(MEGABYTES) else {
        return;
    };
    let place = Place::new().in_folder(disk.path().join("data").to_str().unwrap());
    let token = create_by_command_line(&place, "ada", "crew", "CRW").await;
    let server = place.serve().await;
    let browser = new_browser();
    sign_in(&browser, &server, "ada").await;
    let mut ada = Ada {
        server: &server,
        token,
        created: BTreeSet::new(),
    };
    for nth in 1..=5 {
        ada.create(nth).await.unwrap();
    }

    // something else fills the disk
    disk.fill();
    let (refused, reason) = ada.create_until_refused(6).await;
    assert_eq!(
        reason,
        "The disk of the database is full. Nothing was changed. Please try again later."
    );
    let form = [("body", long_text(0))];
    let comment = browser
        .post(format!("{}/tasks/CRW-1/comments", server.url))
        .form(&form);
    let comment = comment.send().await.unwrap();
    assert_eq!(comment.status(), 503);
    let page = comment.text().await.unwrap();
    assert!(page.contains("The disk of the database is full"), "{page}");
    let log = server.read_log();
    let errors: Vec<&str> = log.lines().filter(|line| line.contains("ERROR")).collect();
    assert!(errors.len() >= 2, "{log}");
    for line in errors {
        assert!(line.contains("The disk of the database is full"), "{line}");
    }
    // reading needs no space
    let mut db = place.sql().await;
    let make_admin = "UPDATE accounts SET role = 'admin'";
    sqlx::query(make_admin).execute(&mut db).await.unwrap();
    let system = browser.get(format!("{}/settings/system", server.url));
    let system = system.send().await.unwrap().text().await.unwrap();
    assert!(
        system.contains("The disk of the database has 0 bytes left."),
        "{system}"
    );
    assert_eq!(ada.titles_on_board().await, ada.created);
    let board = browser.get(format!("{}/teams/crew", server.url));
    assert_eq!(board.send().await.unwrap().status(), 200);
    check_tasks_and_comments(&place, &ada).await;

    // it gets worse
    use_up_the_log(&place).await;
    wait_until("the log says why Postgres ended", async || {
        let log = server.read_log();
        let ended = log.lines().find(|line| line.contains("Postgres exited"));
        ended.is_some_and(|line| line.contains("No space left on device"))
    })
    .await;
    let problem = ada.create(refused).await.unwrap_err();
    let reason = problem["detail"].as_str().unwrap();
    assert!(reason.starts_with("The database cannot be reached. Nothing was changed."));
    let (status, page) = server.get("/readyz").await;
    assert_eq!(status, 503);
    assert!(page.contains("The database is not available"), "{page}");

    // an administrator makes space, and restarts nothing
    disk.free();
    wait_until("writes are accepted again", async || {
        ada.create(refused).await.is_ok()
    })
    .await;
    for nth in refused + 1..refused + 5 {
        ada.create(nth).await.unwrap();
    }
    assert_eq!(server.get("/readyz").await.0, 200);
    assert_eq!(ada.titles_on_board().await, ada.created);
    check_tasks_and_comments(&place, &ada).await;
}

/// Each task is there once, if and only if that was acknowledged, with its history; and the refused comment is not.
async fn check_tasks_and_comments(place: &Place, ada: &Ada<'_>) {
    let mut db = place.sql().await;
    let titles: Vec<String> = sqlx::query_scalar("SELECT title FROM tasks ORDER BY number")
        .fetch_all(&mut db)
        .await
        .unwrap();
    assert_eq!(titles.len(), ada.created.len(), "{titles:?}");
    assert_eq!(titles.into_iter().collect::<BTreeSet<_>>(), ada.created);
    let comments: i64 = sqlx::query_scalar("SELECT count(*) FROM comments")
        .fetch_one(&mut db)
        .await
        .unwrap();
    assert_eq!(comments, 0);
    check_history(&mut db).await;
}

#[tokio::test]
async fn start_on_a_full_disk_says_that_it_is_full() {
    let Some(disk) = SmallDisk::of_megabytes(MEGABYTES) else {
        return;
    };
    let place = Place::new().in_folder(disk.path().join("data").to_str().unwrap());
    let mut server = place.serve().await;
    disk.fill();
    use_up_the_log(&place).await;
    server.signal(Signal::TERM);
    server.wait_for_exit().await.unwrap();
    let reason = refused(&place, &["serve"]).await;
    assert!(reason.contains("Postgres did not start: "), "{reason}");
    assert!(
        reason.contains("No space left on device") || reason.contains("its disk is full"),
        "{reason}"
    );
    disk.free();
    assert_eq!(place.serve().await.get("/readyz").await.0, 200);
}

/// Runs a command that must fail, and returns its last line.
async fn refused(place: &Place, args: &[&str]) -> String {
    let output = place.run(args).await;
    assert_eq!(output.status.code(), Some(1), "{args:?}");
    let text = String::from_utf8(output.stderr).unwrap();
    text.lines().next_back().unwrap().to_owned()
}

fn names_in(disk: &SmallDisk) -> Vec<String> {
    let entries = std::fs::read_dir(disk.path()).unwrap();
    let mut names: Vec<String> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[tokio::test]
async fn backup_to_a_full_disk_leaves_no_file_behind() {
    let Some(disk) = SmallDisk::of_megabytes(4) else {
        return;
    };
    let place = Place::new();
    let server = place.serve().await;
    let token = create_by_command_line(&place, "ada", "crew", "CRW").await;
    let mut ada = Ada {
        server: &server,
        token,
        created: BTreeSet::new(),
    };
    ada.create(1).await.unwrap();
    let file = disk.path().join("backup");
    let file = file.to_str().unwrap();
    let no_space = format!("fortnight: cannot write {file}: No space left on device (os error 28)");

    disk.fill();
    assert_eq!(refused(&place, &["backup", file]).await, no_space);
    assert_eq!(names_in(&disk), ["filler"]);
    disk.free();
    // and if there is space for its beginning
    for nth in 2..=400 {
        ada.create(nth).await.unwrap();
    }
    assert_eq!(refused(&place, &["backup", file]).await, no_space);
    assert_eq!(names_in(&disk), Vec::<String>::new());
    assert_eq!(ada.titles_on_board().await.len(), 400);
}

#[tokio::test]
async fn scheduled_backup_to_a_full_disk_is_warned_of() {
    let Some(disk) = SmallDisk::of_megabytes(4) else {
        return;
    };
    let place = Place::new();
    create_by_command_line(&place, "ada", "crew", "CRW").await;
    let backups = disk.path().to_str().unwrap();
    let system_page = async |server: &Server| {
        let make_admin = "UPDATE accounts SET role = 'admin'";
        let mut db = place.sql().await;
        sqlx::query(make_admin).execute(&mut db).await.unwrap();
        let browser = new_browser();
        sign_in(&browser, server, "ada").await;
        let page = browser.get(format!("{}/settings/system", server.url));
        page.send().await.unwrap().text().await.unwrap()
    };
    disk.fill();
    let server = place.serve_with(&[("FORTNIGHT_BACKUP_TO", backups)]).await;
    wait_until("the failure is logged", async || {
        let log = server.read_log();
        let failed = log
            .lines()
            .find(|line| line.contains("a background job failed"));
        failed.is_some_and(|line| {
            line.contains(&format!("cannot write {backups}/fortnight-"))
                && line.contains("No space left on device")
        })
    })
    .await;
    let page = system_page(&server).await;
    assert!(
        page.contains("The backup just now failed: cannot write")
            && page.contains("No space left on device"),
        "{page}"
    );
    assert!(
        page.contains("The disk of the backups has 0 bytes left"),
        "{page}"
    );
    assert_eq!(names_in(&disk), ["filler"]);
    drop(server);

    disk.free();
    let server = place.serve_with(&[("FORTNIGHT_BACKUP_TO", backups)]).await;
    wait_until("a backup is made", async || names_in(&disk).len() == 1).await;
    wait_until("the page shows it", async || {
        !system_page(&server).await.contains("failed")
    })
    .await;
}
