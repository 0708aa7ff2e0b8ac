//! Faults on purpose. Each seed gives the same clients and the same faults, and is printed.
//!
//! A longer run: `FAULT_ROUNDS=200 FAULT_SEED=7 cargo test --test it faults -- --nocapture`.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use axum::{
    body::Body,
    http::{Method, Request, header},
};
use fortnight::{app::App, http::router::router};
use futures_util::future::join_all;
use rustix::process::{Signal, kill_process};
use serde_json::{Value, json};
use sqlx::PgConnection;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{UnixListener, UnixStream},
    sync::watch,
};

use crate::{
    fixtures::{Client, Response, World, report},
    lifecycle::create_by_command_line,
    program::{Place, wait_until},
};

/// Where the connection is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cut {
    /// The statement does not arrive.
    Before,
    /// It does, but its answer does not.
    After,
}

/// Stands before Postgres's socket, and cuts the connection at one of the next statements, of whichever connection.
struct Scissors {
    folder: tempfile::TempDir,
    /// How many statements pass before the cut.
    armed: Arc<Mutex<Option<(usize, Cut)>>>,
}

impl Scissors {
    fn before(postgres: &Path) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let listener = UnixListener::bind(folder.path().join(".s.PGSQL.5432")).unwrap();
        let armed = Arc::new(Mutex::new(None));
        let (socket, shared) = (postgres.join(".s.PGSQL.5432"), armed.clone());
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let server = UnixStream::connect(&socket).await.unwrap();
                tokio::spawn(Self::pass(client, server, shared.clone()));
            }
        });
        Self { folder, armed }
    }

    fn arm(&self, after: usize, cut: Cut) {
        *self.armed.lock().unwrap() = Some((after, cut));
    }

    /// Whether it had been armed and did not cut yet.
    fn disarm(&self) -> bool {
        self.armed.lock().unwrap().take().is_some()
    }

    /// Counts a statement, and tells whether the connection is to be cut at it.
    fn count(armed: &Mutex<Option<(usize, Cut)>>) -> Option<Cut> {
        let mut armed = armed.lock().unwrap();
        match &mut *armed {
            Some((0, cut)) => {
                let cut = *cut;
                *armed = None;
                Some(cut)
            }
            Some((left, _)) => {
                *left -= 1;
                None
            }
            None => None,
        }
    }

    /// Passes on what both say, until a connection ends or is cut. sqlx sends each statement at once.
    async fn pass(
        mut client: UnixStream,
        mut server: UnixStream,
        armed: Arc<Mutex<Option<(usize, Cut)>>>,
    ) {
        let (mut said, mut answered) = (vec![0; 1 << 16], vec![0; 1 << 16]);
        loop {
            tokio::select! {
                read = client.read(&mut said) => {
                    let Ok(count @ 1..) = read else { return };
                    let cut = Self::count(&armed);
                    if cut == Some(Cut::Before) || server.write_all(&said[..count]).await.is_err() {
                        return;
                    }
                    if cut == Some(Cut::After) {
                        let _ = server.read(&mut answered).await;
                        return;
                    }
                }
                read = server.read(&mut answered) => {
                    let Ok(count @ 1..) = read else { return };
                    if client.write_all(&answered[..count]).await.is_err() {
                        return;
                    }
                }
            }
        }
    }
}

async fn write(
    client: &Client,
    key: &str,
    (method, path, body): (Method, &str, Value),
) -> Response {
    let request = Request::builder()
        .method(method)
        .uri(format!("/api/v1{path}"))
        .header(header::CONTENT_TYPE, "application/json")
        .header("idempotency-key", key)
        .body(Body::from(body.to_string()))
        .unwrap();
    client.send(request).await
}

/// Every kind of write, cut at each of its statements in turn, and then sent again with the same key.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn write_is_made_once_wherever_its_connection_is_cut() {
    let world = World::new().await;
    let options = world.db.connect_options();
    let scissors = Scissors::before(options.get_socket().unwrap());
    let behind = (*options).clone().socket(scissors.folder.path());
    let pool = fortnight::db::pool::open(behind).await.unwrap();
    let app = App::new("http://fortnight.test", pool, world.app.clock.clone());
    let elif = Client {
        router: router(app),
        ..world.elif.clone()
    };
    // of the task with this key
    type Write = fn(&str) -> (Method, String, Value);
    let kinds: [(&str, Write); 8] = [
        ("task.created", |_| {
            (
                Method::POST,
                "/teams/infrastructure/tasks".into(),
                json!({ "title": "New" }),
            )
        }),
        ("task.edited", |key| {
            (
                Method::PATCH,
                format!("/tasks/{key}"),
                json!({ "title": "Changed" }),
            )
        }),
        ("task.moved", |key| {
            (
                Method::PUT,
                format!("/tasks/{key}/position"),
                json!({ "column": "in-progress" }),
            )
        }),
        ("task.blocked", |key| {
            (
                Method::PUT,
                format!("/tasks/{key}/block"),
                json!({ "kind": "text", "note": "Legal" }),
            )
        }),
        ("task.unblocked", |key| {
            (Method::DELETE, format!("/tasks/{key}/block"), json!({}))
        }),
        ("task.assigned", |key| {
            (
                Method::PUT,
                format!("/tasks/{key}/owners"),
                json!({ "owners": ["jonas"] }),
            )
        }),
        ("comment.added", |key| {
            (
                Method::POST,
                format!("/tasks/{key}/comments"),
                json!({ "body": "Once" }),
            )
        }),
        ("task.archived", |key| {
            (Method::DELETE, format!("/tasks/{key}"), json!({}))
        }),
    ];
    let mut cuts = 0;
    for (kind, request) in kinds {
        for cut in [Cut::Before, Cut::After] {
            for nth in 0.. {
                let task = world
                    .elif
                    .create_task("infrastructure", "todo", "Subject")
                    .await;
                if kind == "task.unblocked" {
                    let note = json!({ "kind": "text", "note": "Legal" });
                    let path = format!("/tasks/{task}/block");
                    world.elif.api(Method::PUT, &path, note).await.ok();
                }
                let (method, path, body) = request(&task);
                let key = format!("{kind}-{cut:?}-{nth}");
                let before = events(&world, kind).await;
                scissors.arm(nth, cut);
                let first = write(&elif, &key, (method.clone(), &path, body.clone())).await;
                if scissors.disarm() {
                    assert!(first.status.is_success(), "{key}: {}", first.text());
                    assert_eq!(events(&world, kind).await, before + 1, "{key}");
                    assert!(nth >= 5, "{key}: a write has at least five statements");
                    break;
                }
                cuts += 1;
                let made = events(&world, kind).await - before;
                let status = first.status.as_u16();
                match status {
                    200..300 => assert_eq!(made, 1, "{key}: acknowledged"),
                    503 => {
                        let text = first.text();
                        let is_denied = text.contains("Nothing was changed");
                        assert!(!is_denied || made == 0, "{key}: {text}");
                    }
                    _ => panic!("{key}: {status} {}", first.text()),
                }
                let again = write(&elif, &key, (method, &path, body)).await;
                assert!(again.status.is_success(), "{key}, again: {}", again.text());
                assert_eq!(events(&world, kind).await, before + 1, "{key}: made once");
            }
        }
    }
    report(&format!("{cuts} cuts of 8 kinds of writes, each made once"));
}

async fn events(world: &World, kind: &str) -> i64 {
    sqlx::query_scalar("SELECT count(*) FROM events WHERE kind = $1")
        .bind(kind)
        .fetch_one(&world.db)
        .await
        .unwrap()
}

/// Numbers that look random, the same for each seed (SplitMix64).
#[derive(Clone)]
pub struct Random(u64);

impl Random {
    pub fn of(seed: u64) -> Self {
        Self(seed)
    }

    pub fn next(&mut self, below: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % below as u64) as usize
    }
}

/// What the clients remember.
#[derive(Default)]
struct Memory {
    /// Titles of tasks whose creation was acknowledged, with their keys.
    created: BTreeMap<String, String>,
    /// Titles that were sent, acknowledged or not.
    sent: BTreeSet<String>,
    /// Texts of comments that were acknowledged.
    comments: BTreeSet<String>,
    moves: usize,
}

/// One client: it creates tasks, moves them and comments on them. An unanswered write is sent again with the same key.
struct Person {
    number: usize,
    token: String,
    random: Random,
    server: watch::Receiver<String>,
    http: reqwest::Client,
}

impl Person {
    async fn work(mut self, memory: &Mutex<Memory>, is_over: &AtomicBool, written: &AtomicUsize) {
        let mut own: Vec<String> = Vec::new();
        for nth in 0.. {
            if is_over.load(Ordering::Relaxed) {
                return;
            }
            let name = format!("{}-{nth}", self.number);
            let action = if own.is_empty() {
                0
            } else {
                self.random.next(3)
            };
            let answer = match action {
                0 => {
                    memory.lock().unwrap().sent.insert(name.clone());
                    self.send(
                        &name,
                        Method::POST,
                        "/teams/crew/tasks",
                        json!({ "title": name }),
                    )
                    .await
                }
                1 => {
                    let task = &own[self.random.next(own.len())].clone();
                    let column = ["todo", "in-progress", "in-review"][self.random.next(3)];
                    let path = format!("/tasks/{task}/position");
                    self.send(&name, Method::PUT, &path, json!({ "column": column }))
                        .await
                }
                _ => {
                    let task = &own[self.random.next(own.len())].clone();
                    let path = format!("/tasks/{task}/comments");
                    self.send(&name, Method::POST, &path, json!({ "body": name }))
                        .await
                }
            };
            written.fetch_add(1, Ordering::Relaxed);
            let mut memory = memory.lock().unwrap();
            match action {
                0 => {
                    let key = answer["key"].as_str().unwrap().to_owned();
                    own.push(key.clone());
                    memory.created.insert(name, key);
                }
                1 => memory.moves += 1,
                _ => {
                    memory.comments.insert(name);
                }
            }
        }
    }

    /// Sends a write until it is acknowledged.
    async fn send(&self, name: &str, method: Method, path: &str, body: Value) -> Value {
        let mut answer = None;
        wait_until("a write is acknowledged", async || {
            let url = format!("{}/api/v1{path}", self.server.borrow().clone());
            let request = self
                .http
                .request(method.clone(), url)
                .bearer_auth(&self.token)
                .header("idempotency-key", name)
                .json(&body);
            let Ok(response) = request.send().await else {
                return false;
            };
            let status = response.status();
            if status == 503 || status == 429 {
                return false;
            }
            let text = response.text().await.unwrap_or_default();
            assert!(
                status.is_success(),
                "{method} {path} {name}: {status} {text}"
            );
            answer = serde_json::from_str(&text).ok();
            answer.is_some()
        })
        .await;
        answer.unwrap()
    }
}

/// Programs and databases are killed while people work.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn acknowledged_changes_survive_kills_of_program_and_database() {
    let number = |name: &str, default: u64| {
        std::env::var(name).map_or(default, |text| text.parse().unwrap())
    };
    let (rounds, seed) = (number("FAULT_ROUNDS", 4), number("FAULT_SEED", 1));
    let place = Place::new();
    let token = create_by_command_line(&place, "ada", "crew", "CRW").await;
    let mut server = place.serve().await;
    let (urls, url) = watch::channel(server.url.clone());
    let (memory, is_over, written) = (
        Mutex::default(),
        AtomicBool::new(false),
        AtomicUsize::new(0),
    );
    let people = (0..4).map(|number| {
        let person = Person {
            number,
            token: token.clone(),
            random: Random(seed * 1000 + number as u64),
            server: url.clone(),
            http: reqwest::Client::builder()
                .timeout(Duration::from_secs(10))
                .build()
                .unwrap(),
        };
        person.work(&memory, &is_over, &written)
    });
    let faults = async {
        let (mut random, mut kinds) = (Random(seed), [0; 3]);
        for _ in 0..rounds {
            let enough = written.load(Ordering::Relaxed) + 5 + random.next(30);
            wait_until("people work", async || {
                written.load(Ordering::Relaxed) >= enough
            })
            .await;
            let kind = random.next(3);
            kinds[kind] += 1;
            match kind {
                0 => {
                    server.signal(Signal::KILL);
                    server.wait_for_exit().await.unwrap();
                    server = place.serve().await;
                    urls.send_replace(server.url.clone());
                }
                1 => {
                    let before = place.postmaster();
                    kill_process(before, Signal::KILL).unwrap();
                    wait_until("another Postgres has started", async || {
                        place.has_postmaster_other_than(before)
                    })
                    .await;
                }
                _ => {
                    sqlx::query(
                        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                         WHERE datname = current_database() AND pid <> pg_backend_pid()",
                    )
                    .execute(&mut place.sql().await)
                    .await
                    .unwrap();
                }
            }
        }
        let enough = written.load(Ordering::Relaxed) + 20;
        wait_until("people go on", async || {
            written.load(Ordering::Relaxed) >= enough
        })
        .await;
        is_over.store(true, Ordering::Relaxed);
        kinds
    };
    let (_, [programs, databases, connections]) = tokio::join!(join_all(people), faults);
    let memory = memory.into_inner().unwrap();
    let mut db = place.sql().await;
    check_nothing_lost_or_doubled(&mut db, &memory).await;
    check_history(&mut db).await;
    report(&format!(
        "seed {seed}: {programs} programs, {databases} databases and {connections} times all connections killed; {} tasks, {} comments and {} moves acknowledged, none lost or doubled",
        memory.created.len(),
        memory.comments.len(),
        memory.moves
    ));
}

async fn check_nothing_lost_or_doubled(db: &mut PgConnection, memory: &Memory) {
    let tasks: Vec<(String, String)> = sqlx::query_as(
        "SELECT k.title, t.key || '-' || k.number FROM tasks k JOIN teams t ON t.id = k.team_id",
    )
    .fetch_all(&mut *db)
    .await
    .unwrap();
    let count = tasks.len();
    let tasks: BTreeMap<String, String> = tasks.into_iter().collect();
    assert_eq!(tasks.len(), count, "no task is doubled");
    for (title, key) in &memory.created {
        assert_eq!(tasks.get(title), Some(key), "{title} was acknowledged");
    }
    assert!(tasks.keys().all(|title| memory.sent.contains(title)));
    let comments: Vec<String> = sqlx::query_scalar("SELECT body FROM comments")
        .fetch_all(db)
        .await
        .unwrap();
    let unique: BTreeSet<&String> = comments.iter().collect();
    assert_eq!(unique.len(), comments.len(), "no comment is doubled");
    assert!(memory.comments.iter().all(|body| unique.contains(body)));
}

/// The history has no gaps and leads to the state of today.
pub async fn check_history(db: &mut PgConnection) {
    let gaps: Vec<String> = sqlx::query_scalar(
        "SELECT t.slug FROM teams t LEFT JOIN events e ON e.team_id = t.id
         GROUP BY t.id HAVING count(e.seq) <> t.seq OR coalesce(max(e.seq), 0) <> t.seq",
    )
    .fetch_all(&mut *db)
    .await
    .unwrap();
    assert!(gaps.is_empty(), "{gaps:?}");
    let astray: Vec<String> = sqlx::query_scalar(
        "SELECT k.title FROM tasks k JOIN columns c ON c.team_id = k.team_id AND c.id = k.column_id
         CROSS JOIN LATERAL (
             SELECT e.after->>'column' AS slug FROM events e
             WHERE e.task_id = k.id AND e.after ? 'column' ORDER BY e.seq DESC LIMIT 1) last
         WHERE last.slug <> c.slug",
    )
    .fetch_all(&mut *db)
    .await
    .unwrap();
    assert!(astray.is_empty(), "{astray:?}");
    let same_place: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM (SELECT FROM tasks WHERE archived_at IS NULL
         GROUP BY team_id, column_id, rank HAVING count(*) > 1) twice",
    )
    .fetch_one(db)
    .await
    .unwrap();
    assert_eq!(same_place, 0);
}
