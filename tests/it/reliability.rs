//! Unreliable networks, slow clients and many clients at once.

use std::{path::Path, time::Duration};

use axum::http::Method;
use fortnight::{app::App, domain::policy::viewer::Scope, http::router::router};
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional},
    net::{TcpStream, UnixListener, UnixStream},
    sync::watch,
    time::timeout,
};

use crate::{
    asset_serving::Served,
    concurrency::check_board,
    fixtures::{Client, World},
};

/// Case R7. A client that loses its connection during a write sends it again, and it is done once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn retried_write_after_a_lost_connection_is_done_once() {
    let world = World::new().await;
    let served = Served::of(&world).await;
    let token = world
        .program_of(&world.elif, Scope::Write)
        .await
        .bearer
        .unwrap();
    const POINTS: usize = 60;
    for nth in 0..POINTS {
        let body = json!({ "title": format!("Task {nth}") }).to_string();
        let request = format!(
            "POST /api/v1/teams/infrastructure/tasks HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {token}\r\ncontent-type: application/json\r\n\
             idempotency-key: task-{nth}\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        let mut connection = TcpStream::connect(served.address).await.unwrap();
        // cut within the request, and later ever further into its processing
        let sent = (nth + 1) * request.len() * 2 / POINTS;
        connection
            .write_all(&request.as_bytes()[..sent.min(request.len())])
            .await
            .unwrap();
        for _ in 0..nth * 40 {
            tokio::task::yield_now().await;
        }
        drop(connection);
        let mut again = TcpStream::connect(served.address).await.unwrap();
        again
            .write_all(
                request
                    .replace("host: localhost", "host: localhost\r\nconnection: close")
                    .as_bytes(),
            )
            .await
            .unwrap();
        let mut response = String::new();
        again.read_to_string(&mut response).await.unwrap();
        assert!(response.starts_with("HTTP/1.1 201"), "{nth}: {response}");
    }
    let (tasks, titles): (i64, i64) =
        sqlx::query_as("SELECT count(*), count(DISTINCT title) FROM tasks")
            .fetch_one(&world.db)
            .await
            .unwrap();
    assert_eq!((tasks, titles), (POINTS as i64, POINTS as i64));
    check_board(&world).await;
}

/// Case R9. A client that does not read its event stream does not delay the others.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clients_that_stop_reading_do_not_delay_others() {
    let world = World::new().await;
    let served = Served::of(&world).await;
    world
        .elif
        .create_task("infrastructure", "todo", "Cut over")
        .await;
    let mut stalled = Vec::new();
    for _ in 0..20 {
        let mut connection = TcpStream::connect(served.address).await.unwrap();
        let ask = format!(
            "GET /teams/infrastructure/live HTTP/1.1\r\nhost: localhost\r\ncookie: {}\r\n\r\n",
            world.elif.cookie
        );
        connection.write_all(ask.as_bytes()).await.unwrap();
        stalled.push(connection);
    }
    let mut reading = Vec::new();
    for _ in 0..5 {
        let mut stream = served.listen(&world.jonas, "infrastructure", None).await;
        stream.next_named("presence").await;
        reading.push(stream);
    }
    for n in 0..300 {
        let column = if n % 2 == 0 { "in-progress" } else { "todo" };
        world
            .elif
            .submit_by_script(
                Method::PUT,
                "/tasks/INF-1/position",
                "card",
                &[("column", column)],
            )
            .await
            .ok();
        if n % 50 == 49 {
            let now: i64 = sqlx::query_scalar("SELECT seq FROM teams WHERE key = 'INF'")
                .fetch_one(&world.db)
                .await
                .unwrap();
            for stream in &mut reading {
                while stream.next().await.unwrap().id != Some(now) {}
            }
        }
    }
    drop(stalled);
}

/// Case R11. Event streams hold no database connections, however many there are.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn open_streams_hold_no_database_connections() {
    let world = World::new().await;
    let served = Served::of(&world).await;
    let most = world.db.options().get_max_connections() as usize;
    let mut streams = Vec::new();
    for _ in 0..most * 5 {
        let mut stream = served.listen(&world.elif, "infrastructure", None).await;
        stream.next_named("presence").await;
        streams.push(stream);
    }
    for _ in 0..most {
        timeout(
            Duration::from_secs(5),
            world.elif.get("/teams/infrastructure"),
        )
        .await
        .unwrap()
        .ok();
    }
    // all connections of the pool are available
    let mut held = Vec::new();
    for _ in 0..most {
        held.push(
            timeout(Duration::from_secs(5), world.db.acquire())
                .await
                .unwrap()
                .unwrap(),
        );
    }
    drop(streams);
}

/// Case R3. Two columns are always locked in the same order, whichever way tasks move.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn swapping_tasks_between_columns_never_deadlocks() {
    let world = World::new().await;
    let served = Served::of(&world).await;
    let token = world
        .program_of(&world.elif, Scope::Write)
        .await
        .bearer
        .unwrap();
    for n in 0..20 {
        world
            .elif
            .create_task(
                "infrastructure",
                if n % 2 == 0 { "todo" } else { "done" },
                &format!("Task {n}"),
            )
            .await;
    }
    let swap = |client: u64| {
        let (http, token, base) = (
            reqwest::Client::new(),
            token.clone(),
            format!("http://{}/api/v1", served.address),
        );
        tokio::spawn(async move {
            for round in 0..30 {
                let column = if (client + round).is_multiple_of(2) {
                    "done"
                } else {
                    "todo"
                };
                let path = format!("{base}/tasks/INF-{}/position", client % 20 + 1);
                let place =
                    json!({ "column": column, "before": format!("INF-{}", (client + 7) % 20 + 1) });
                let response = http
                    .put(path)
                    .bearer_auth(&token)
                    .json(&place)
                    .send()
                    .await
                    .unwrap();
                assert_eq!(response.status(), 200, "{}", response.text().await.unwrap());
            }
        })
    };
    for client in (0..40).map(swap).collect::<Vec<_>>() {
        client.await.unwrap();
    }
    check_board(&world).await;
}

/// Stands between the program and Postgres, and can fall silent on the connections that it has.
struct Silencer {
    folder: tempfile::TempDir,
    generation: watch::Sender<u32>,
}

impl Silencer {
    fn before(postgres: &Path) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let listener = UnixListener::bind(folder.path().join(".s.PGSQL.5432")).unwrap();
        let (generation, generations) = watch::channel(0);
        let socket = postgres.join(".s.PGSQL.5432");
        tokio::spawn(async move {
            while let Ok((mut client, _)) = listener.accept().await {
                let mut generations = generations.clone();
                let born = *generations.borrow();
                let mut server = UnixStream::connect(&socket).await.unwrap();
                tokio::spawn(async move {
                    let silenced = async {
                        drop(generations.wait_for(|generation| *generation > born).await);
                    };
                    tokio::select! {
                        _ = copy_bidirectional(&mut client, &mut server) => return,
                        () = silenced => {}
                    }
                    // open, but nothing passes any more
                    std::future::pending::<()>().await;
                });
            }
        });
        Self { folder, generation }
    }

    fn silence(&self) {
        self.generation.send_modify(|generation| *generation += 1);
    }
}

/// H1. A database that vanishes behind a firewall closes no connection: it says nothing any more.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn boards_return_after_all_database_connections_fell_silent() {
    let world = World::new().await;
    let options = world.db.connect_options();
    let silencer = Silencer::before(options.get_socket().unwrap());
    let behind = (*options).clone().socket(silencer.folder.path());
    let pool = fortnight::db::pool::open(behind).await.unwrap();
    let app = App::new("http://fortnight.test", pool, world.app.clock.clone());
    let elif = Client {
        router: router(app),
        ..world.elif.clone()
    };
    elif.get("/teams/infrastructure").await.ok();
    silencer.silence();
    let mut statuses = Vec::new();
    while statuses.last() != Some(&200) && statuses.len() < 10 {
        let answer = timeout(Duration::from_secs(5), elif.get("/teams/infrastructure"));
        statuses.push(answer.await.expect("an answer in time").status.as_u16());
    }
    assert_eq!(statuses.last(), Some(&200), "{statuses:?}");
    assert!(statuses.len() <= 4, "{statuses:?}");
    assert!(statuses.iter().all(|status| [200, 503].contains(status)));
}
