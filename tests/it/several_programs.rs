//! Any number of programs behind a proxy, on one Postgres.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Instant,
};

use axum::{
    body::Body,
    http::{Method, Request, header},
};
use fortnight::{
    app::{App, Settings},
    db::{
        self,
        backup::{
            place,
            schedule::{LOCK, Schedule},
        },
        file_store::FileStore,
        libpq::Libpq,
    },
    domain::{policy::viewer::Scope, retention},
    http::router::router,
    jobs::housekeeping,
};
use rustix::process::Signal;
use serde_json::{Value, json};
use sqlx::{Connection, PgConnection};
use tempfile::TempDir;
use time::Duration as Span;
use tokio::{sync::watch, time::timeout};

use crate::{
    api::send_with_key,
    asset_serving::{Served, Stream},
    concurrency::check_board,
    fixtures::{Client, NOW, Response, World, report},
    open_board::{Address, OpenBoard, columns_in_database},
    program::{Place, Server, TIMEOUT, wait_until},
    silencer::Silencer,
};

/// A program of its own on the world's database: nothing is shared with others in memory.
async fn start_program(world: &World, settings: Settings) -> App {
    let options = (*world.db.connect_options()).clone();
    let pool = db::pool::open(options).await.unwrap();
    let clock = world.app.clock.clone();
    App::with(settings, "http://fortnight.test", pool, clock)
}

/// The same person, whose next request reaches this program.
fn through(app: &App, client: &Client) -> Client {
    Client {
        router: router(app.clone()),
        ..client.clone()
    }
}

/// The URL of the world's database.
pub fn database_url(world: &World) -> String {
    let options = world.db.connect_options();
    format!(
        "postgres://fortnight@localhost/{}?host={}",
        options.get_database().unwrap(),
        options.get_socket().unwrap().display()
    )
}

async fn count(world: &World, query: &'static str) -> i64 {
    sqlx::query_scalar(query)
        .fetch_one(&world.db)
        .await
        .unwrap()
}

/// Without polling, only a notification can tell the other program.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn move_reaches_streams_of_another_program_at_once() {
    let world = World::new().await;
    let one = start_program(&world, Settings::default()).await;
    let other = start_program(&world, Settings::default()).await;
    let _one = Served::without_polling(one.clone()).await;
    let served = Served::without_polling(other.clone()).await;
    wait_until("both listen", async || {
        let listening = "SELECT count(*) FROM pg_stat_activity
            WHERE datname = current_database() AND query LIKE 'LISTEN%'";
        count(&world, listening).await == 2
    })
    .await;
    let elif = through(&one, &world.elif);
    let jonas = through(&other, &world.jonas);
    elif.create_task("infrastructure", "todo", "Cut over").await;
    let mut stream = served.listen(&jonas, "infrastructure", Some(1)).await;
    stream.next_named("presence").await;
    let mut times = Vec::new();
    for nth in 0..100 {
        let column = ["in-progress", "todo"][nth % 2];
        let since = Instant::now();
        let to = [("column", column)];
        let moved = elif.submit_by_script(Method::PUT, "/tasks/INF-1/position", "card", &to);
        moved.await.ok();
        let card = stream.next_named("card").await;
        times.push(since.elapsed());
        assert_eq!(card.data["column"], json!(column));
    }
    times.sort();
    report(&format!(
        "a move reaches a stream of another program: median {} ms, longest of 100 {} ms",
        times[50].as_millis(),
        times[99].as_millis()
    ));
}

/// Four people, each alternating between two programs, with what their browser has cached.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn board_is_never_stale_after_a_write_through_another_program() {
    const TURNS: usize = 500;
    let world = World::new().await;
    let mut programs = Vec::new();
    for _ in 0..2 {
        let app = start_program(&world, Settings::default()).await;
        tokio::spawn(fortnight::http::live::dispatcher::run(app.clone()));
        programs.push(app);
    }
    let mut people = Vec::new();
    for name in ["anna", "bela", "cleo", "dana"] {
        let person = world.join(name, name, "infrastructure").await;
        let task = person.create_task("infrastructure", "todo", name).await;
        people.push((person, task));
    }
    let alternate = |(person, task): (Client, String)| {
        let both = [0, 1].map(|nth| through(&programs[nth], &person));
        tokio::spawn(async move {
            let mut fresh = 0;
            let mut etag = String::new();
            for turn in 0..TURNS {
                let [writer, reader] = [&both[turn % 2], &both[(turn + 1) % 2]];
                let title = format!("{} turn {turn}.", person.person.handle);
                let change = json!({ "title": title });
                let path = format!("/tasks/{task}");
                writer.api(Method::PATCH, &path, change).await.ok();
                let board = read_board(reader, &etag).await;
                fresh += usize::from(board.text().contains(&title));
                board.header("etag").clone_into(&mut etag);
            }
            fresh
        })
    };
    let mut fresh = 0;
    for alternating in people.into_iter().map(alternate).collect::<Vec<_>>() {
        fresh += alternating.await.unwrap();
    }
    report(&format!(
        "boards read from one program after a write through another: {fresh} of {} fresh",
        4 * TURNS
    ));
    assert_eq!(fresh, 4 * TURNS);
}

async fn read_board(reader: &Client, etag: &str) -> Response {
    let request = Request::get("/teams/infrastructure").header(header::IF_NONE_MATCH, etag);
    reader.send(request.body(Body::empty()).unwrap()).await
}

/// What is kept apart from the tasks: columns, labels, people and sprints.
#[tokio::test]
async fn columns_and_people_are_current_in_every_program() {
    let world = World::new().await;
    let one = start_program(&world, Settings::default()).await;
    let other = start_program(&world, Settings::default()).await;
    let (elif, elsewhere) = (through(&one, &world.elif), through(&other, &world.elif));
    sqlx::query("UPDATE members SET role = 'lead'")
        .execute(&world.db)
        .await
        .unwrap();
    for nth in 0..8 {
        let name = format!("Column {nth}");
        elsewhere.get("/teams/infrastructure").await.ok();
        let added = elif
            .post(
                "/teams/infrastructure/columns",
                &[("name", &name), ("state", "doing")],
            )
            .await;
        added.ok();
        let board = elsewhere.get("/teams/infrastructure").await.ok().text();
        assert!(board.contains(&name), "{name} is missing");
    }
}

/// A browser behind a proxy notices nothing of there being several.
#[tokio::test]
async fn sessions_undo_and_repeated_requests_work_across_programs() {
    let world = World::new().await;
    let one = start_program(&world, Settings::default()).await;
    let other = start_program(&world, Settings::default()).await;
    let (elif, elsewhere) = (through(&one, &world.elif), through(&other, &world.elif));

    let body = json!({ "title": "Once" });
    let path = "/teams/infrastructure/tasks";
    let first = send_with_key(&elif, "key", Method::POST, path, &body).await;
    let again = send_with_key(&elsewhere, "key", Method::POST, path, &body).await;
    assert_eq!(first.status(201).json(), again.status(201).json());
    assert_eq!(count(&world, "SELECT count(*) FROM tasks").await, 1);

    let to = [("column", "done")];
    let moved = elif
        .submit_by_script(Method::PUT, "/tasks/INF-1/position", "card", &to)
        .await
        .ok();
    let undo = format!("/changes/{}/undo", moved.header("fortnight-change"));
    elsewhere.post(&undo, &[]).await.ok();
    assert_ne!(elif.load_task("INF-1").await["column"], json!("done"));

    elif.post("/logout", &[]).await.ok();
    let signed_out = elsewhere.get("/teams/infrastructure").await;
    assert_eq!(
        signed_out.header("location"),
        "/login?next=%2Fteams%2Finfrastructure"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sprint_starts_once_though_several_programs_run() {
    let world = World::new().await;
    let mut programs = Vec::new();
    for _ in 0..4 {
        programs.push(start_program(&world, Settings::default()).await);
    }
    world.app.clock.advance(Span::days(8));
    let starts = programs.iter().map(housekeeping::start);
    for started in futures_util::future::join_all(starts).await {
        started.unwrap();
    }
    let started = "SELECT count(*) FROM events WHERE kind = 'sprint.started'";
    assert_eq!(count(&world, started).await, 2, "once for each team");
    let sprints = "SELECT count(*) FROM sprints WHERE state IN ('active', 'planned')";
    assert_eq!(count(&world, sprints).await, 3);
}

#[tokio::test]
async fn expired_rows_are_deleted_by_one_program_at_a_time() {
    let world = World::new().await;
    let sessions = "SELECT count(*) FROM sessions";
    assert_eq!(count(&world, sessions).await, 2);
    let later = NOW + Span::days(400);
    let mut others = world.db.begin().await.unwrap();
    sqlx::query("SELECT pg_advisory_xact_lock($1)")
        .bind(retention::LOCK)
        .execute(&mut *others)
        .await
        .unwrap();
    retention::purge_expired(&world.db, later).await.unwrap();
    assert_eq!(count(&world, sessions).await, 2, "another program is at it");
    // which has ended
    others.rollback().await.unwrap();
    retention::purge_expired(&world.db, later).await.unwrap();
    assert_eq!(count(&world, sessions).await, 0);
}

/// Programs that share a directory for backups.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn backup_is_made_once_though_several_programs_run() {
    let world = World::new().await;
    let folder = TempDir::new().unwrap();
    let direct = (*world.db.connect_options()).clone();
    let mut programs = Vec::new();
    for _ in 0..3 {
        let backups = Some(Schedule {
            files: FileStore::new(
                place::Place::Folder(folder.path().join("files")),
                folder.path(),
                1,
                1,
            ),
            place: place::Place::Folder(folder.path().to_owned()),
            every: "1d".parse().unwrap(),
            keep: "7d".parse().unwrap(),
            libpq: Libpq::of_url(&database_url(&world)).unwrap(),
            direct: direct.clone(),
        });
        let settings = Settings {
            backups,
            ..Settings::default()
        };
        programs.push(start_program(&world, settings).await);
    }
    let run = async |now| {
        let runs = programs.iter().map(|app| app.backups.run_if_due(now));
        let made = futures_util::future::join_all(runs).await.into_iter();
        made.filter(|made| *made.as_ref().unwrap()).count()
    };
    assert_eq!(run(NOW).await, 1);
    assert_eq!(run(NOW + Span::hours(1)).await, 0);
    // a program that was killed during its backup
    let mut killed = PgConnection::connect_with(&direct).await.unwrap();
    sqlx::query("SELECT pg_advisory_lock($1)")
        .bind(LOCK)
        .execute(&mut killed)
        .await
        .unwrap();
    let tomorrow = NOW + Span::days(1);
    assert_eq!(run(tomorrow).await, 0);
    killed.close_hard().await.unwrap();
    wait_until("another makes the backup", async || {
        run(tomorrow).await == 1
    })
    .await;
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2);
}

/// Starts real programs on the world's database.
async fn start_real_programs(world: &World, places: &[Place]) -> Vec<Server> {
    let url = database_url(world);
    let variables = [("DATABASE_URL", url.as_str())];
    let starts = places.iter().map(|place| place.serve_with(&variables));
    futures_util::future::join_all(starts).await
}

/// Two that start at once on an empty database: one creates the tables, and the other waits for it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn several_programs_start_at_once_on_an_empty_database() {
    let world = World::new().await;
    sqlx::raw_sql("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
        .execute(&world.db)
        .await
        .unwrap();
    for server in start_real_programs(&world, &[Place::new(), Place::new()]).await {
        assert_eq!(server.get("/readyz").await, (200, "ready".to_owned()));
    }
}

/// Creates a task, and repeats the request with the same key until it is acknowledged, as a proxy and a browser do.
async fn create_for_certain(servers: &[String], first: usize, token: &str, title: &str) {
    let http = crate::program::new_client();
    for server in servers.iter().cycle().skip(first).take(200) {
        let sent = http
            .post(format!("{server}/api/v1/teams/infrastructure/tasks"))
            .bearer_auth(token)
            .header("idempotency-key", title)
            .json(&json!({ "title": title }))
            .send()
            .await;
        match sent {
            Ok(response) if response.status() == 201 => return,
            Ok(response) => assert_eq!(response.status(), 503),
            Err(_) => {}
        }
    }
    panic!("{title} was never acknowledged");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killing_a_program_loses_nothing_and_the_other_goes_on() {
    const WRITERS: usize = 8;
    const EACH: usize = 25;
    let world = World::new().await;
    let places = [Place::new(), Place::new()];
    let servers = start_real_programs(&world, &places).await;
    let urls: Vec<String> = servers.iter().map(|server| server.url.clone()).collect();
    let token = world
        .program_of(&world.elif, Scope::Write)
        .await
        .bearer
        .unwrap();
    let acknowledged = Arc::new(AtomicUsize::new(0));
    let mut writers = Vec::new();
    for writer in 0..WRITERS {
        let (urls, token, acknowledged) = (urls.clone(), token.clone(), acknowledged.clone());
        writers.push(tokio::spawn(async move {
            for nth in 0..EACH {
                let title = format!("Task {writer}.{nth}");
                create_for_certain(&urls, writer % 2, &token, &title).await;
                acknowledged.fetch_add(1, Ordering::Relaxed);
            }
        }));
    }
    wait_until("some writes", async || {
        acknowledged.load(Ordering::Relaxed) >= WRITERS * EACH / 4
    })
    .await;
    servers[0].signal(Signal::KILL);
    for writer in writers {
        writer.await.unwrap();
    }
    let board: Value = crate::program::new_client()
        .get(format!(
            "{}/api/v1/teams/infrastructure/board?sprint=all",
            urls[1]
        ))
        .bearer_auth(&token)
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
    let mut titles: Vec<&str> = tasks.map(|task| task["title"].as_str().unwrap()).collect();
    assert_eq!(titles.len(), WRITERS * EACH);
    titles.sort_unstable();
    titles.dedup();
    assert_eq!(titles.len(), WRITERS * EACH, "none was made twice");
    check_board(&world).await;
    // what the killed one held is free
    let left = async || {
        let locks = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()
            AND state LIKE 'idle in transaction%' AND state_change < now() - interval '1 second'";
        count(&world, locks).await == 0
    };
    wait_until("no lock is left", left).await;
}

/// One program loses the database behind a network that fails, and the other does not.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn program_that_is_cut_off_says_so_and_catches_up() {
    let world = World::new().await;
    let options = world.db.connect_options();
    let silencer = Silencer::before(options.get_socket().unwrap());
    let behind = format!(
        "postgres://fortnight@localhost/{}?host={}&sslmode=disable",
        options.get_database().unwrap(),
        silencer.folder().display()
    );
    let places = [Place::new(), Place::new()];
    let cut_off = places[0].serve_with(&[("DATABASE_URL", &behind)]).await;
    let other = places[1]
        .serve_with(&[("DATABASE_URL", &database_url(&world))])
        .await;
    let token = world
        .program_of(&world.elif, Scope::Write)
        .await
        .bearer
        .unwrap();
    let (_always, always) = watch::channel(true);
    let boards = [
        ("the board that is cut off", &cut_off),
        ("the other", &other),
    ];
    let boards = boards.map(|(name, server)| {
        let address = Address {
            server: watch::channel(server.url.clone()).1,
            team: "infrastructure",
            token: token.clone(),
        };
        OpenBoard::open(name, &address, always.clone())
    });
    let create = async |server: &Server, title: &str| {
        reqwest::Client::new()
            .post(format!("{}/api/v1/teams/infrastructure/tasks", server.url))
            .bearer_auth(&token)
            .json(&json!({ "title": title }))
            .send()
            .await
            .unwrap()
    };
    let read = async |server: &Server, path: &str| {
        let request = reqwest::Client::new().get(format!("{}{path}", server.url));
        request.bearer_auth(&token).send().await.unwrap()
    };
    for server in [&cut_off, &other] {
        assert_eq!(create(server, "Before").await.status(), 201);
    }
    show_the_same(&world, &boards, "before").await;
    let mut stream = Stream::of(read(&cut_off, "/teams/infrastructure/live").await);
    stream.next_named("presence").await;

    silencer.cut_off();
    assert_eq!(create(&other, "Meanwhile").await.status(), 201);
    for path in [
        "/teams/infrastructure",
        "/api/v1/teams/infrastructure/board",
        "/readyz",
        "/teams/infrastructure/live",
    ] {
        let refused = read(&cut_off, path).await;
        assert_eq!(refused.status(), 503, "{path}");
        assert!(refused.headers().contains_key("retry-after"), "{path}");
    }
    let refused = create(&cut_off, "Refused").await;
    assert_eq!(refused.status(), 503);
    assert!(refused.headers().contains_key("retry-after"));
    let text = refused.text().await.unwrap();
    assert!(text.contains("Nothing was changed"), "{text}");
    let ended = timeout(TIMEOUT, async {
        while let Some(event) = stream.read().await {
            assert!(
                !["card", "bye"].contains(&event.name.as_str()),
                "it knows nothing: {event:?}"
            );
        }
    });
    ended.await.expect("its streams end");
    // the other goes on
    for nth in 0..10 {
        let title = format!("Meanwhile {nth}");
        assert_eq!(create(&other, &title).await.status(), 201);
    }
    assert_eq!(other.get("/readyz").await.0, 200);
    show_the_same(&world, &boards[1..], "while one is cut off").await;
    assert_eq!(cut_off.get("/readyz").await.0, 503);
    assert_eq!(
        cut_off.get("/healthz").await.0,
        200,
        "it need not be restarted"
    );

    silencer.forget();
    wait_until("it is ready again", async || {
        cut_off.get("/readyz").await.0 == 200
    })
    .await;
    show_the_same(&world, &boards, "after it came back").await;
    assert_eq!(create(&cut_off, "Afterwards").await.status(), 201);
    show_the_same(&world, &boards, "after a write through it").await;
    let refused = "SELECT count(*) FROM tasks WHERE title = 'Refused'";
    assert_eq!(count(&world, refused).await, 0);
    check_board(&world).await;
}

/// Waits until open boards show what is in the database, as is promised within five seconds.
async fn show_the_same(world: &World, boards: &[OpenBoard], when: &str) {
    let mut db = world.db.acquire().await.unwrap();
    let expected = columns_in_database(&mut db, "infrastructure").await;
    for board in boards {
        board.wait_until_it_shows(&expected, when).await;
    }
}
