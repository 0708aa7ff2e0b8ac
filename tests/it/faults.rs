//! Faults on purpose.

mod checker;
mod people;

use std::{
    path::Path,
    sync::{Arc, Mutex},
};

use axum::{
    body::Body,
    http::{Method, Request, header},
};
use fortnight::{app::App, http::router::router};
use serde_json::{Value, json};
use sqlx::PgConnection;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{UnixListener, UnixStream},
};

use crate::fixtures::{Client, Response, World, report};

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
