//! The primary is replaced by its standby while people work.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex},
    time::Instant,
};

use reqwest::{Client, StatusCode, header::HeaderValue};
use serde_json::{Value, json};
use tokio::{sync::watch, time::timeout};

use crate::{
    asset_serving::Stream,
    fixtures::report,
    lifecycle::create_by_command_line,
    open_board::{Address, OpenBoard, columns_in_database},
    program::{Place, Server, TIMEOUT, wait_until},
    replication::Replication,
};

/// What writers were told.
#[derive(Default)]
struct Answers {
    /// The titles whose creation was acknowledged, and when.
    created: BTreeMap<String, Instant>,
    /// The titles of which was said that nothing was changed, and never anything else.
    denied: BTreeSet<String>,
    refused: usize,
    was_read_only: bool,
    is_over: bool,
}

type Shared = Arc<Mutex<Answers>>;

/// A server on replicated clusters, with a token of its only user.
struct Board {
    replication: Replication,
    _place: Place,
    server: Server,
    token: String,
}

impl Board {
    async fn new() -> Self {
        let replication = Replication::start().await;
        let place = Place::new().with_variables(&[("DATABASE_URL", &replication.url())]);
        let token = create_by_command_line(&place, "ada", "infrastructure", "INF").await;
        let server = place.serve().await;
        Self {
            replication,
            _place: place,
            server,
            token,
        }
    }

    fn api(&self) -> Api {
        Api {
            http: Client::new(),
            team: format!("{}/api/v1/teams/infrastructure", self.server.url),
            live: format!("{}/teams/infrastructure/live", self.server.url),
            token: self.token.clone(),
        }
    }
}

#[derive(Clone)]
struct Api {
    http: Client,
    team: String,
    live: String,
    token: String,
}

impl Api {
    async fn create(&self, title: &str) -> reqwest::Response {
        self.http
            .post(format!("{}/tasks", self.team))
            .bearer_auth(&self.token)
            .header("idempotency-key", title)
            .json(&json!({ "title": title }))
            .send()
            .await
            .unwrap()
    }

    /// Creates tasks until it is over. One that was refused is given up or, by a patient writer, sent again.
    async fn write(self, writer: usize, answers: Shared) {
        let is_patient = writer.is_multiple_of(2);
        for nth in 0.. {
            let title = format!("Task {writer}.{nth}");
            loop {
                let response = self.create(&title).await;
                let status = response.status();
                let says_when = response.headers().contains_key("retry-after");
                let text = response.text().await.unwrap();
                let mut answers = answers.lock().unwrap();
                if answers.is_over {
                    return;
                }
                if status == StatusCode::CREATED {
                    answers.created.insert(title.clone(), Instant::now());
                    break;
                }
                assert!(
                    status == StatusCode::SERVICE_UNAVAILABLE && says_when,
                    "{status} {text}"
                );
                answers.refused += 1;
                answers.was_read_only |= text.contains("read-only");
                if !is_patient {
                    if text.contains("Nothing was changed") {
                        answers.denied.insert(title.clone());
                    }
                    break;
                }
            }
        }
    }

    /// Follows the board as a browser does: it connects again with the last number, and loads the board when told to.
    async fn follow(self, seen: Arc<Mutex<BTreeSet<String>>>) {
        let mut last = 0;
        loop {
            let request = self.http.get(&self.live).bearer_auth(&self.token);
            let response = request.header("last-event-id", last).send().await.unwrap();
            if response.status() != 200 {
                continue;
            }
            let mut stream = Stream::of(response);
            while let Some(event) = stream.next().await {
                last = event.id.unwrap_or(last);
                match event.name.as_str() {
                    "card" => {
                        let key = event.data["key"].as_str().unwrap().to_owned();
                        seen.lock().unwrap().insert(key);
                    }
                    "reset" => {
                        let keys = self.keys().await.unwrap_or_default();
                        seen.lock().unwrap().extend(keys);
                    }
                    "bye" => panic!("the reader may see the team: {event:?}"),
                    _ => {}
                }
            }
        }
    }

    async fn keys(&self) -> Option<Vec<String>> {
        let url = format!("{}/board?sprint=all", self.team);
        let response = self
            .http
            .get(url)
            .bearer_auth(&self.token)
            .send()
            .await
            .ok()?;
        let board: Value = response.error_for_status().ok()?.json().await.ok()?;
        let columns = board["columns"].as_array()?.iter();
        let tasks = columns.flat_map(|column| column["tasks"].as_array().unwrap());
        Some(
            tasks
                .map(|task| task["key"].as_str().unwrap().to_owned())
                .collect(),
        )
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn failover_loses_nothing_and_needs_no_restart() {
    let board = Board::new().await;
    let (api, replication) = (board.api(), &board.replication);
    let answers = Shared::default();
    let seen = Arc::default();
    let following = tokio::spawn(api.clone().follow(Arc::clone(&seen)));
    let writers: Vec<_> = (0..8)
        .map(|writer| tokio::spawn(api.clone().write(writer, answers.clone())))
        .collect();
    let until = async |what, is_so: &dyn Fn(&Answers) -> bool| {
        wait_until(what, async || is_so(&answers.lock().unwrap())).await;
    };
    until("writes", &|answers| answers.created.len() > 100).await;

    let killed = Instant::now();
    replication.kill("one").await;
    until("refused writes", &|answers| answers.refused > 0).await;
    // for a moment the address leads to a server that is still a standby
    replication.lead_to("two");
    until("a read-only server", &|answers| answers.was_read_only).await;
    assert_eq!(board.server.get("/readyz").await.0, 503);
    let promoting = Instant::now();
    replication.promote().await;
    let promoted = Instant::now();
    let since = move |answers: &Answers| {
        answers
            .created
            .values()
            .filter(|at| **at > promoting)
            .count()
    };
    until("writes again", &|answers| since(answers) > 100).await;
    wait_until("it is ready again", async || {
        board.server.get("/readyz").await.0 == 200
    })
    .await;
    answers.lock().unwrap().is_over = true;
    for writer in writers {
        writer.await.unwrap();
    }

    let mut sql = replication.sql("two", "fortnight").await;
    let titles: Vec<String> = sqlx::query_scalar("SELECT title FROM tasks ORDER BY title")
        .fetch_all(&mut sql)
        .await
        .unwrap();
    let there: BTreeSet<&String> = titles.iter().collect();
    assert_eq!(there.len(), titles.len(), "none was made twice");
    let (created, denied, refused, first) = {
        let answers = answers.lock().unwrap();
        let first = answers.created.values().filter(|at| **at > promoting).min();
        (
            answers.created.clone(),
            answers.denied.clone(),
            answers.refused,
            *first.unwrap(),
        )
    };
    let lost: Vec<_> = created
        .keys()
        .filter(|title| !there.contains(title))
        .collect();
    assert!(lost.is_empty(), "acknowledged and lost: {lost:?}");
    let made: Vec<_> = denied
        .iter()
        .filter(|title| there.contains(title))
        .collect();
    assert!(made.is_empty(), "denied and made: {made:?}");
    // the open board has caught up
    let numbers: Vec<i64> = sqlx::query_scalar("SELECT number FROM tasks")
        .fetch_all(&mut sql)
        .await
        .unwrap();
    wait_until("the stream has caught up", async || {
        let seen: std::sync::MutexGuard<BTreeSet<String>> = seen.lock().unwrap();
        numbers
            .iter()
            .all(|number| seen.contains(&format!("INF-{number}")))
    })
    .await;
    following.abort();
    report(&format!(
        "failover under load: {} writes acknowledged, 0 lost, {refused} refused; first write {} ms after the promotion began, \
         {} ms after it ended, {} ms after the primary was killed",
        created.len(),
        (first - promoting).as_millis(),
        first.saturating_duration_since(promoted).as_millis(),
        (first - killed).as_millis()
    ));
}

/// A primary that is cut off from its standby must not acknowledge what a failover would lose.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn write_that_the_standby_does_not_have_is_not_acknowledged() {
    let board = Board::new().await;
    let api = board.api();
    assert_eq!(api.create("Before").await.status(), 201);
    board.replication.kill("two").await;
    let answer = timeout(TIMEOUT, api.create("Without a standby"))
        .await
        .unwrap();
    assert_eq!(answer.status(), 503);
    let text = answer.text().await.unwrap();
    assert!(
        text.contains("Reload the page to see whether it is there"),
        "{text}"
    );
}

/// The number of the team's newest event.
async fn newest(replication: &Replication, cluster: &str) -> i64 {
    sqlx::query_scalar("SELECT seq FROM teams")
        .fetch_one(&mut replication.sql(cluster, "fortnight").await)
        .await
        .unwrap()
}

/// Waits until open boards show what is in a cluster.
async fn check_boards(boards: &[OpenBoard], replication: &Replication, cluster: &str) {
    let mut sql = replication.sql(cluster, "fortnight").await;
    let expected = columns_in_database(&mut sql, "infrastructure").await;
    for board in boards {
        board.wait_until_it_shows(&expected, cluster).await;
    }
}

/// With asynchronous replication a change that was acknowledged may be lost. Then no page shows it any more, although
/// as many others took its number.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn failover_to_a_standby_that_was_behind_shows_no_one_the_old_world() {
    let board = Board::new().await;
    let (replication, token) = (&board.replication, &board.token);
    let other_place = Place::new().with_variables(&[("DATABASE_URL", &replication.url())]);
    let other = other_place.serve().await;
    let servers = [&board.server, &other];
    replication.wait_for_standbys("").await;
    let api = board.api();
    for nth in 1..=5 {
        let kept = api.create(&format!("Kept {nth}")).await;
        assert_eq!(kept.status(), 201);
    }
    replication.stop_following().await;
    let (_always, always) = watch::channel(true);
    let boards = [
        ("one program's board", servers[0]),
        ("the other's", servers[1]),
    ];
    let boards = boards.map(|(name, server)| {
        let address = Address {
            server: watch::channel(server.url.clone()).1,
            team: "infrastructure",
            token: token.clone(),
        };
        OpenBoard::open(name, &address, always.clone())
    });
    for nth in 1..=7 {
        let lost = api.create(&format!("Lost {nth}")).await;
        assert_eq!(lost.status(), 201);
    }
    check_boards(&boards, replication, "one").await;
    let before = newest(replication, "one").await;
    // what browsers and programs have stored
    let read = async |server: &Server, path: &str, etag: Option<&HeaderValue>| {
        let mut request = Client::new()
            .get(format!("{}{path}", server.url))
            .bearer_auth(token);
        if let Some(etag) = etag {
            request = request.header("if-none-match", etag);
        }
        request.send().await.unwrap()
    };
    let paths = [
        "/teams/infrastructure?sprint=all",
        "/api/v1/teams/infrastructure/board?sprint=all",
    ];
    let mut stored = Vec::new();
    for server in servers {
        for path in paths {
            let page = read(server, path, None).await;
            let etag = page.headers()["etag"].clone();
            assert!(page.text().await.unwrap().contains("Lost 7"));
            stored.push((server, path, etag));
        }
    }

    replication.kill("one").await;
    replication.lead_to("two");
    replication.promote().await;
    for nth in 1.. {
        let title = format!("New {nth}");
        wait_until("a new task is created", async || {
            api.create(&title).await.status() == 201
        })
        .await;
        if newest(replication, "two").await == before {
            break;
        }
    }
    for (server, path, etag) in &stored {
        let mut page = read(server, path, Some(etag)).await;
        while page.status() == 503 {
            page = read(server, path, Some(etag)).await;
        }
        assert_eq!(
            page.status(),
            200,
            "{path}: what was stored is of the old world"
        );
        let text = page.text().await.unwrap();
        assert!(
            text.contains("Kept 5") && text.contains("New 1") && !text.contains("Lost"),
            "{path}: {text}"
        );
    }
    check_boards(&boards, replication, "two").await;

    // one that slept meanwhile, and has seen the first of those that were lost
    assert_eq!(api.create("Afterwards").await.status(), 201);
    for server in servers {
        let live = format!("/teams/infrastructure/live?after={}", before - 6);
        let mut stream = Stream::of(read(server, &live, None).await);
        let mut first = stream.next().await.unwrap();
        // the number of unread notifications, which is no part of the board
        while first.name == "inbox" {
            first = stream.next().await.unwrap();
        }
        assert_eq!(
            (first.name.as_str(), &first.data["why"]),
            ("reset", &json!("restored"))
        );
    }
    // all goes on as before
    check_boards(&boards, replication, "two").await;
    assert_eq!(api.create("At last").await.status(), 201);
    check_boards(&boards, replication, "two").await;
}
