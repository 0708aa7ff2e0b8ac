//! Two programs on one database fail in all ways while people work and boards are open. Each seed gives the same clients
//! and the same faults, and is printed.
//!
//! A longer run: `cargo bench --profile dev --bench faults`, or with another seed
//! `FAULT_ROUNDS=60 FAULT_SEED=7 cargo test --test it faults -- --nocapture`.

use std::{
    collections::BTreeMap,
    sync::atomic::Ordering,
    time::{Duration, Instant},
};

use fortnight::{
    app::{App, Settings},
    db::pool,
    domain::clock::Clock,
};
use futures_util::future::join_all;
use rustix::process::{Signal, kill_process};
use sqlx::{
    Connection, PgConnection,
    postgres::{PgConnectOptions, PgSslMode},
};
use time::{Duration as Span, OffsetDateTime};
use tokio::{sync::watch, time::timeout};

use crate::{
    asset_serving::Served,
    faults::{
        Random, check_history,
        people::{Crew, Person, Stage, check_nothing_lost_or_doubled},
    },
    fixtures::report,
    lifecycle::create_by_command_line,
    open_board::{Address, OpenBoard, columns_in_database},
    program::{Place, Server, wait_until},
    silencer::Silencer,
    small_disk::SmallDisk,
};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Fault {
    ProgramKilled,
    DatabaseKilled,
    ConnectionsClosed,
    /// Those of the second program fall silent, and later go on or are forgotten by the network.
    ConnectionsSilent,
    NotificationsLost,
    /// Of the second program.
    ClockWrong,
    ReadersStopped,
    DiskFull,
}

const FAULTS: [Fault; 8] = [
    Fault::ProgramKilled,
    Fault::DatabaseKilled,
    Fault::ConnectionsClosed,
    Fault::ConnectionsSilent,
    Fault::NotificationsLost,
    Fault::ClockWrong,
    Fault::ReadersStopped,
    Fault::DiskFull,
];

const PEOPLE: usize = 4;

/// The program of the command line, and a second one in this process, on the first one's database.
struct Workspace {
    server: Server,
    place: Place,
    disk: Option<SmallDisk>,
    /// Where the first program is.
    url: watch::Sender<String>,
    second: App,
    /// Between the second program and the database.
    silencer: Silencer,
    /// Whether slow readers read.
    reads: watch::Sender<bool>,
    random: Random,
}

impl Workspace {
    async fn cause(&mut self, fault: Fault, crew: &Crew) {
        match fault {
            Fault::ProgramKilled => {
                self.server.signal(Signal::KILL);
                self.server.wait_for_exit().await.unwrap();
                self.server = self.place.serve().await;
                self.url.send_replace(self.server.url.clone());
            }
            Fault::DatabaseKilled => {
                let before = self.place.postmaster();
                kill_process(before, Signal::KILL).unwrap();
                wait_until("another Postgres has started", async || {
                    self.place.has_postmaster_other_than(before)
                })
                .await;
            }
            Fault::ConnectionsClosed => {
                sqlx::query(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                     WHERE datname = current_database() AND pid <> pg_backend_pid()",
                )
                .execute(&mut self.place.sql().await)
                .await
                .unwrap();
            }
            Fault::ConnectionsSilent => {
                self.silencer.silence();
                self.go_on_for_a_while(crew).await;
                if self.random.next(2) == 0 {
                    self.silencer.let_go_on();
                } else {
                    self.silencer.forget();
                }
            }
            Fault::NotificationsLost => {
                let before = self.silencer.swallowed();
                self.silencer.swallow_notifications(true);
                wait_until("notifications are lost", async || {
                    self.silencer.swallowed() > before
                })
                .await;
                self.go_on_for_a_while(crew).await;
                // those of the last writes are lost too
                rest(crew).await;
                self.silencer.swallow_notifications(false);
            }
            Fault::ClockWrong => {
                let hours = [-48, -1, 1, 48][self.random.next(4)];
                self.second.clock.advance(Span::hours(hours));
                self.go_on_for_a_while(crew).await;
                self.second.clock.advance(Span::hours(-hours));
            }
            Fault::ReadersStopped => {
                self.reads.send_replace(false);
                self.go_on_for_a_while(crew).await;
                self.reads.send_replace(true);
            }
            Fault::DiskFull => {
                let disk = self.disk.as_ref().unwrap();
                let before = crew.refused_as_full.load(Ordering::SeqCst);
                disk.fill();
                wait_until("writes are refused", async || {
                    crew.refused_as_full.load(Ordering::SeqCst) > before + 3
                })
                .await;
                disk.free();
            }
        }
    }

    /// Waits for some writes, but not for those that the fault delays.
    async fn go_on_for_a_while(&mut self, crew: &Crew) {
        let at_most = Duration::from_millis(500 + self.random.next(1500) as u64);
        let _ = timeout(at_most, write_more(crew, 20)).await;
    }
}

async fn write_more(crew: &Crew, count: usize) {
    let enough = crew.acknowledged.load(Ordering::SeqCst) + count;
    wait_until("people work", async || {
        crew.acknowledged.load(Ordering::SeqCst) >= enough
    })
    .await;
}

/// Waits until all that was sent is acknowledged.
async fn rest(crew: &Crew) {
    crew.stage.send_replace(Stage::Resting);
    wait_until("people rest", async || {
        crew.resting.load(Ordering::SeqCst) == PEOPLE
    })
    .await;
}

/// Waits until all boards show what is in the database. Returns how long that took.
async fn check_boards(db: &mut PgConnection, boards: &[OpenBoard], when: &str) -> Duration {
    let since = Instant::now();
    let expected = columns_in_database(db, "crew").await;
    for board in boards {
        board.wait_until_it_shows(&expected, when).await;
    }
    let now = columns_in_database(db, "crew").await;
    assert_eq!(now, expected, "{when}: people rest");
    since.elapsed()
}

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| text.parse().unwrap())
}

/// Small enough for the disk.
async fn limit_log(place: &Place) {
    let mut db = place.sql().await;
    for statement in [
        "ALTER SYSTEM SET max_wal_size = '64MB'",
        "ALTER SYSTEM SET min_wal_size = '32MB'",
        "SELECT pg_reload_conf()",
    ] {
        sqlx::query(statement).execute(&mut db).await.unwrap();
    }
}

/// The second program reaches the database through a network that fails.
async fn second_program(silencer: &Silencer) -> App {
    let options = PgConnectOptions::new_without_pgpass()
        .socket(silencer.folder())
        .username("fortnight")
        .database("fortnight")
        .ssl_mode(PgSslMode::Disable);
    let db = pool::open(options).await.unwrap();
    #[expect(
        clippy::disallowed_methods,
        reason = "the first program's clock is the machine's"
    )]
    let clock = Clock::standing(OffsetDateTime::now_utc());
    App::with(Settings::default(), "http://fortnight.test", db, clock)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn acknowledged_changes_survive_and_boards_show_them() {
    let (rounds, seed) = (number("FAULT_ROUNDS", 8), number("FAULT_SEED", 1));
    let disk = SmallDisk::of_megabytes(320);
    let mut place = Place::new();
    if let Some(disk) = &disk {
        place = place.in_folder(disk.path().join("data").to_str().unwrap());
    }
    let token = create_by_command_line(&place, "ada", "crew", "CRW").await;
    let server = place.serve().await;
    limit_log(&place).await;
    let silencer = Silencer::before(&place.data_dir().join("run"));
    let second = second_program(&silencer).await;
    let served = Served::of_app(second.clone()).await;
    let (first_url, first) = watch::channel(server.url.clone());
    let (_second_url, second_at) = watch::channel(format!("http://{}", served.address));
    let mut workspace = Workspace {
        random: Random::of(seed),
        reads: watch::Sender::new(true),
        server,
        place,
        disk,
        url: first_url,
        second,
        silencer,
    };
    let (_always, always) = watch::channel(true);
    let boards = [
        ("the first program's board", &first, &always),
        ("the second program's board", &second_at, &always),
        (
            "the first program's slow board",
            &first,
            &workspace.reads.subscribe(),
        ),
        (
            "the second program's slow board",
            &second_at,
            &workspace.reads.subscribe(),
        ),
    ]
    .map(|(name, server, reads)| {
        let address = Address {
            server: server.clone(),
            team: "crew",
            token: token.clone(),
        };
        OpenBoard::open(name, &address, reads.clone())
    });
    let crew = Crew::default();
    let people = (0..PEOPLE).map(|number| {
        let person = Person {
            number,
            token: token.clone(),
            random: Random::of(seed * 1000 + number as u64),
            servers: [first.clone(), second_at.clone()],
            http: crate::program::client_builder()
                .timeout(Duration::from_secs(10))
                .build()
                .unwrap(),
        };
        person.work(&crew)
    });
    let faults = async {
        let (mut caused, mut left) = (BTreeMap::new(), Vec::new());
        let mut longest = Duration::ZERO;
        for round in 1..=rounds {
            if left.is_empty() {
                left.extend(FAULTS);
                left.retain(|fault| *fault != Fault::DiskFull || workspace.disk.is_some());
            }
            let fault = left.remove(workspace.random.next(left.len()));
            let when = format!("seed {seed}, round {round}, {fault:?}");
            // shown if something else fails
            println!("{when}");
            let more = 3 + workspace.random.next(15);
            write_more(&crew, more).await;
            workspace.cause(fault, &crew).await;
            rest(&crew).await;
            let mut db = workspace.place.sql().await;
            let took = check_boards(&mut db, &boards, &when).await;
            db.close().await.unwrap();
            longest = longest.max(took);
            *caused.entry(fault).or_insert(0) += 1;
            crew.stage.send_replace(Stage::Working);
        }
        crew.stage.send_replace(Stage::Over);
        (caused, longest)
    };
    let (_, (caused, longest)) = tokio::join!(join_all(people), faults);
    let memory = crew.memory.into_inner().unwrap();
    let mut db = workspace.place.sql().await;
    check_nothing_lost_or_doubled(&mut db, &memory).await;
    check_history(&mut db).await;
    let changes: usize = boards.iter().map(|board| board.changes()).sum();
    assert!(changes > 0, "the boards are open");
    report(&format!(
        "seed {seed}: {caused:?}; {} tasks, {} comments and {} moves acknowledged, none lost or doubled; \
         four boards were sent {changes} changes, and showed the truth at most {} ms after a fault",
        memory.created.len(),
        memory.comments.len(),
        memory.moves,
        longest.as_millis()
    ));
}
