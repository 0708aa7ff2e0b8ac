//! Starting, stopping, being killed and being started twice.

use std::time::{Duration, Instant};

use rustix::process::{Signal, kill_process};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::cluster;
use crate::program::{Place, until};

async fn starts_serves_and_leaves_nothing_behind(place: Place) {
    let mut server = place.serve().await;
    assert_eq!(server.get("/healthz").await, (200, "ok".to_owned()));
    assert_eq!(server.get("/readyz").await.0, 200);
    assert!(!place.processes().is_empty(), "Postgres works in its folder");

    server.signal(Signal::TERM);
    assert_eq!(server.ended().await.unwrap().code(), Some(0));
    // what writes Postgres' log hears last of its end, from a pipe that closes
    until("nothing is left behind", async || place.processes().is_empty()).await;
}

#[tokio::test]
async fn one_command_serves_and_stopping_it_leaves_nothing_behind() {
    starts_serves_and_leaves_nothing_behind(Place::new()).await;
}

#[tokio::test]
async fn an_ordinary_user_needs_no_rights() {
    starts_serves_and_leaves_nothing_behind(Place::of_an_ordinary_user()).await;
}

#[tokio::test]
async fn a_long_path_works_too() {
    // Postgres could not bind a socket in here
    let place = Place::new().in_folder(&"deep/".repeat(30));
    starts_serves_and_leaves_nothing_behind(place).await;
}

/// Case R13.
#[tokio::test]
async fn what_was_acknowledged_survives_kill_9() {
    let place = Place::new();
    let mut server = place.serve().await;
    for statement in ["CREATE TABLE promised (n int)", "INSERT INTO promised VALUES (1)"] {
        sqlx::query(statement).execute(&mut place.sql().await).await.unwrap();
    }
    for _ in 0..3 {
        server.signal(Signal::KILL);
        server.ended().await.unwrap();
        // at once: its Postgres is only about to hear of it
        server = place.serve().await;
        assert_eq!(server.get("/readyz").await.0, 200);
    }
    let kept: i64 =
        sqlx::query_scalar("SELECT count(*) FROM promised").fetch_one(&mut place.sql().await).await.unwrap();
    assert_eq!(kept, 1);

    server.signal(Signal::KILL);
    until("Postgres follows its parent", async || place.processes().is_empty()).await;
}

/// Case R13.
#[tokio::test]
async fn postgres_killed_at_the_same_time_is_no_hindrance() {
    let place = Place::new();
    let mut server = place.serve().await;
    let postmaster = place.postmaster();
    server.signal(Signal::KILL);
    kill_process(postmaster, Signal::KILL).unwrap();
    server.ended().await.unwrap();
    let server = place.serve().await;
    assert_eq!(server.get("/readyz").await.0, 200);
}

/// Case R12.
#[tokio::test]
async fn a_postgres_that_dies_is_started_again() {
    let place = Place::new();
    let server = place.serve().await;
    let before = place.postmaster();
    kill_process(before, Signal::KILL).unwrap();
    until("another postmaster serves", async || {
        place.has_postmaster_other_than(before) && server.get("/readyz").await.0 == 200
    })
    .await;
    assert_eq!(server.get("/healthz").await.0, 200);
}

#[tokio::test]
async fn a_second_server_on_the_same_folder_says_so_and_a_command_joins_in() {
    let place = Place::new();
    let server = place.serve().await;

    let second = place.run(&["serve"]).await;
    assert_eq!(second.status.code(), Some(1));
    let said = String::from_utf8(second.stderr).unwrap();
    assert!(said.contains("already runs on"), "{said}");

    let beside = place.run(&["migrate"]).await;
    assert!(beside.status.success(), "{beside:?}");
    assert_eq!(server.get("/readyz").await.0, 200, "the first one's Postgres goes on");
}

#[tokio::test]
async fn open_connections_do_not_hold_it_up() {
    let place = Place::new();
    let mut server = place.serve().await;
    let never_spoke = TcpStream::connect(server.address()).await.unwrap();
    let mut idle = TcpStream::connect(server.address()).await.unwrap();
    idle.write_all(b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    idle.read_exact(&mut [0; 12]).await.unwrap();
    let mut half = TcpStream::connect(server.address()).await.unwrap();
    half.write_all(b"GET / HTTP/1.1\r\nhost").await.unwrap();

    let asked = Instant::now();
    server.signal(Signal::TERM);
    assert_eq!(server.ended().await.unwrap().code(), Some(0));
    assert!(asked.elapsed() < Duration::from_secs(10), "{:?}: {}", asked.elapsed(), server.said());
    assert_eq!(place.processes(), [""; 0]);
    drop((never_spoke, idle, half));
}

#[tokio::test]
async fn a_port_that_is_taken_is_said_before_anything_is_made() {
    let place = Place::new();
    let taken = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let refused = place.run(&["serve", "--listen", &address]).await;
    assert_eq!(refused.status.code(), Some(1));
    let said = String::from_utf8(refused.stderr).unwrap();
    assert!(said.contains(&format!("cannot listen at {address}")), "{said}");
    assert!(!place.data_dir().exists());
}

/// Case R14.
#[tokio::test]
async fn a_newer_database_is_refused_and_left_alone() {
    let place = Place::new();
    assert!(place.run(&["migrate"]).await.status.success());
    let mut server = place.serve().await;
    sqlx::query(
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
         VALUES (99990101000000, 'from the future', true, '', 0)",
    )
    .execute(&mut place.sql().await)
    .await
    .unwrap();
    server.signal(Signal::TERM);
    server.ended().await.unwrap();

    let refused = place.run(&["serve"]).await;
    assert_eq!(refused.status.code(), Some(1));
    let said = String::from_utf8(refused.stderr).unwrap();
    assert!(said.contains("newer Fortnight") && said.contains("99990101000000"), "{said}");
    assert_eq!(place.processes(), [""; 0]);
}

#[tokio::test]
async fn a_postgres_of_ones_own_is_used_instead() {
    let place = Place::new();
    let own = cluster::database().await.connect_options();
    let url = format!(
        "postgres://fortnight@localhost/{}?host={}",
        own.get_database().unwrap(),
        own.get_socket().unwrap().display()
    );
    let migrated = place.run(&["migrate", "--database-url", &url]).await;
    assert!(migrated.status.success(), "{migrated:?}");
    assert!(!place.data_dir().exists());

    let demo = place.run(&["demo", "--database-url", &url]).await;
    assert_eq!(demo.status.code(), Some(1), "made-up teams among real ones");
}

#[tokio::test]
async fn an_empty_workspace_prints_the_one_link_that_sets_it_up() {
    let place = Place::new();
    let mut server = place.serve().await;
    let link = server.link().await;
    let path = link.strip_prefix(&server.url).unwrap();
    let (status, page) = server.get(path).await;
    assert!(status == 200 && page.contains("Set up Fortnight"), "{status} {page}");
    assert_eq!(server.get("/setup").await.0, 404);
}
