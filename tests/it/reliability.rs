//! Unreliable networks, slow clients and many clients at once.

use std::{path::Path, time::Duration};

use axum::http::Method;
use fortnight::{
    app::App,
    domain::policy::viewer::Scope,
    http::{live::dispatcher, router::router},
};
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpStream, UnixListener, UnixStream},
    sync::watch,
    time::timeout,
};

use crate::{
    asset_serving::Served,
    concurrency::check_board,
    fixtures::{Client, World},
    program::TIMEOUT,
    silencer::Silencer,
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
            crate::program::new_client(),
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

/// H1. A database that vanishes behind a firewall closes no connection: it says nothing any more.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn boards_return_after_all_database_connections_fell_silent() {
    let world = World::new().await;
    let options = world.db.connect_options();
    let silencer = Silencer::before(options.get_socket().unwrap());
    let behind = (*options).clone().socket(silencer.folder());
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

/// Without polling, only notifications tell this program of the other one's changes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn notifications_return_after_their_connection_fell_silent() {
    let world = World::new().await;
    let options = world.db.connect_options();
    let silencer = Silencer::before(options.get_socket().unwrap());
    let behind = (*options).clone().socket(silencer.folder());
    let pool = fortnight::db::pool::open(behind).await.unwrap();
    let app = App::new("http://fortnight.test", pool, world.app.clock.clone());
    let served = Served::without_polling(app).await;
    let other = world.app.clone();
    tokio::spawn(async move { dispatcher::forward(&other).await });
    let elif = &world.elif;
    elif.create_task("infrastructure", "todo", "Cut over").await;
    let mut stream = served.listen(&world.jonas, "infrastructure", None).await;
    let mut arrives = async || {
        loop {
            elif.create_task("infrastructure", "todo", "Next").await;
            let card = stream.next_named("card");
            if timeout(Duration::from_secs(1), card).await.is_ok() {
                return;
            }
        }
    };
    timeout(TIMEOUT, arrives()).await.expect("it listens");
    silencer.silence();
    timeout(TIMEOUT * 2, arrives())
        .await
        .expect("it listens again");
}

/// Stands before Postgres's socket, and cuts a connection at a COMMIT.
struct Cutter {
    folder: tempfile::TempDir,
    cuts: watch::Sender<Cut>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Cut {
    Nothing,
    /// The next COMMIT does not arrive.
    BeforeCommit,
    /// The next COMMIT is carried out, but its answer does not arrive.
    AfterCommit,
    /// The same, and after that there are no connections.
    AfterCommitForGood,
    /// The next COMMIT is answered, and after that there are no connections.
    AfterAnswer,
    NoConnections,
}

impl Cutter {
    fn before(postgres: &Path) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let listener = UnixListener::bind(folder.path().join(".s.PGSQL.5432")).unwrap();
        let (cuts, _) = watch::channel(Cut::Nothing);
        let (socket, cutting) = (postgres.join(".s.PGSQL.5432"), cuts.clone());
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                if *cutting.borrow() == Cut::NoConnections {
                    continue;
                }
                let server = UnixStream::connect(&socket).await.unwrap();
                tokio::spawn(Self::pass(client, server, cutting.clone()));
            }
        });
        Self { folder, cuts }
    }

    /// Passes on what both say, until a connection ends or is cut.
    async fn pass(mut client: UnixStream, mut server: UnixStream, cuts: watch::Sender<Cut>) {
        let (mut said, mut answered) = (vec![0; 1 << 16], vec![0; 1 << 16]);
        loop {
            tokio::select! {
                read = client.read(&mut said) => {
                    let Ok(count @ 1..) = read else { return };
                    let is_commit = said[..count].windows(6).any(|word| word == b"COMMIT");
                    let cut = *cuts.borrow();
                    if cut == Cut::NoConnections {
                        return;
                    }
                    if is_commit && cut != Cut::Nothing {
                        let is_for_good = [Cut::AfterCommitForGood, Cut::AfterAnswer].contains(&cut);
                        let then = if is_for_good { Cut::NoConnections } else { Cut::Nothing };
                        cuts.send_replace(then);
                        if cut != Cut::BeforeCommit {
                            server.write_all(&said[..count]).await.unwrap();
                            let count = server.read(&mut answered).await.unwrap();
                            if cut == Cut::AfterAnswer {
                                client.write_all(&answered[..count]).await.unwrap();
                            }
                        }
                        return;
                    }
                    if server.write_all(&said[..count]).await.is_err() {
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

/// H3. What is said of a write is true, also if the connection is lost during its COMMIT.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lost_commit_is_looked_up() {
    let world = World::new().await;
    let options = world.db.connect_options();
    let cutter = Cutter::before(options.get_socket().unwrap());
    let behind = (*options).clone().socket(cutter.folder.path());
    let pool = fortnight::db::pool::open(behind).await.unwrap();
    let app = App::new("http://fortnight.test", pool, world.app.clock.clone());
    let elif = Client {
        router: router(app),
        ..world.elif.clone()
    };
    let create = async |title: &str| {
        let body = json!({ "title": title });
        elif.api(Method::POST, "/teams/infrastructure/tasks", body)
            .await
    };
    let count = async |title: &str| -> i64 {
        sqlx::query_scalar("SELECT count(*) FROM tasks WHERE title = $1")
            .bind(title)
            .fetch_one(&world.db)
            .await
            .unwrap()
    };
    for nth in 0..5 {
        let title = format!("Made {nth}");
        cutter.cuts.send_replace(Cut::AfterCommit);
        let created = create(&title).await.status(201).json();
        assert_eq!(created["title"], json!(title));
        assert_eq!(count(&title).await, 1);

        let title = format!("Not made {nth}");
        cutter.cuts.send_replace(Cut::BeforeCommit);
        let refused = create(&title).await.status(503);
        assert_eq!(refused.header("retry-after"), "5");
        let text = refused.text();
        assert!(
            text.contains("cannot be reached. Nothing was changed"),
            "{text}"
        );
        assert_eq!(count(&title).await, 0);
    }
    // and if the database cannot be asked either
    cutter.cuts.send_replace(Cut::AfterCommitForGood);
    let unknown = create("Perhaps").await.status(503).text();
    assert!(
        unknown.contains("Reload the page to see whether it is there")
            && !unknown.contains("Nothing was changed"),
        "{unknown}"
    );
    assert_eq!(count("Perhaps").await, 1);
    cutter.cuts.send_replace(Cut::Nothing);
    create("Afterwards").await.status(201);
    // saved, but the answer needs the database once more
    cutter.cuts.send_replace(Cut::AfterAnswer);
    let saved = create("Not shown").await.status(503).text();
    assert!(
        saved.contains("Your change was saved, but its result could not be loaded"),
        "{saved}"
    );
    assert_eq!(count("Not shown").await, 1);
}

/// H5. A standby is not an error of the program.
#[tokio::test]
async fn read_only_database_is_said_to_be_one() {
    let world = World::new().await;
    sqlx::query(
        "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET default_transaction_read_only = on', current_database()); END $$",
    )
    .execute(&world.db)
    .await
    .unwrap();
    let pool = fortnight::db::pool::open((*world.db.connect_options()).clone())
        .await
        .unwrap();
    let app = App::new("http://fortnight.test", pool, world.app.clock.clone());
    let elif = Client {
        router: router(app),
        ..world.elif.clone()
    };
    elif.get("/teams/infrastructure").await.ok();
    let refused = elif
        .api(
            Method::POST,
            "/teams/infrastructure/tasks",
            json!({ "title": "One" }),
        )
        .await
        .status(503);
    assert_eq!(refused.header("retry-after"), "5");
    assert!(
        refused
            .text()
            .contains("read-only at the moment. Nothing was changed")
    );
    elif.get("/readyz").await.status(503);
    world.elif.get("/readyz").await.ok();
}

/// H2. A stream whose reader can't be checked ends, and does not feed a revoked token.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn streams_end_when_the_database_falls_silent() {
    let mut world = World::new().await;
    let options = world.db.connect_options();
    let silencer = Silencer::before(options.get_socket().unwrap());
    let behind = (*options).clone().socket(silencer.folder());
    let pool = fortnight::db::pool::open(behind).await.unwrap();
    world.app = App::new("http://fortnight.test", pool, world.app.clock.clone());
    let served = Served::of(&world).await;
    let mut stream = served.listen(&world.elif, "infrastructure", None).await;
    stream.next_named("presence").await;
    // A new connection that works would let the reader be checked, and the stream go on.
    silencer.silence_for_good();
    let ended = timeout(TIMEOUT, async {
        while let Some(event) = stream.next().await {
            assert_ne!(event.name, "bye", "it may connect again");
        }
    });
    ended.await.expect("it ends in time");
}

/// H4. A standby that was behind has taken over.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn database_that_went_back_in_time_is_noticed() {
    let world = World::new().await;
    let served = Served::of(&world).await;
    let elif = &world.elif;
    elif.create_task("infrastructure", "todo", "Kept").await;
    elif.create_task("infrastructure", "todo", "Lost").await;
    let mut stream = served.listen(elif, "infrastructure", None).await;
    stream.next_named("presence").await;
    assert!(
        elif.get("/teams/infrastructure")
            .await
            .ok()
            .text()
            .contains("Lost")
    );
    for lost in [
        "DELETE FROM events WHERE seq = 2",
        "DELETE FROM tasks WHERE title = 'Lost'",
        "UPDATE teams SET seq = 1, last_number = 1 WHERE key = 'INF'",
    ] {
        sqlx::query(lost).execute(&world.db).await.unwrap();
    }
    let ended = timeout(TIMEOUT, async { while stream.next().await.is_some() {} });
    ended.await.expect("it ends, and connects again");
    let mut again = served.listen(elif, "infrastructure", Some(2)).await;
    assert_eq!(again.next_named("reset").await.data["why"], "restored");
    let board = elif.get("/teams/infrastructure").await.ok().text();
    assert!(board.contains("Kept") && !board.contains("Lost"), "{board}");
    // and what happens from now on arrives, with the same number
    elif.create_task("infrastructure", "todo", "New").await;
    let card = again.next_named("card").await;
    assert_eq!((card.id, &card.data["key"]), (Some(2), &json!("INF-2")));
}
