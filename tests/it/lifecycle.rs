//! Starting and stopping the program, crashes, and commands beside a running server.

use std::{
    fs,
    time::{Duration, Instant},
};

use rustix::process::{Signal, kill_process};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::process::Command;

use crate::cluster;
use crate::people::PASSWORD;
use crate::program::{Place, Server, wait_until};

async fn check_start_and_stop(place: Place) {
    let mut server = place.serve().await;
    assert_eq!(server.get("/healthz").await, (200, "ok".to_owned()));
    assert_eq!(server.get("/readyz").await.0, 200);
    assert!(
        !place.processes().is_empty(),
        "Postgres runs in the data folder"
    );

    server.signal(Signal::TERM);
    assert_eq!(server.wait_for_exit().await.unwrap().code(), Some(0));
    // the process that writes Postgres' log ends last, when its pipe is closed
    wait_until("all processes have ended", async || {
        place.processes().is_empty()
    })
    .await;
}

#[tokio::test]
async fn stopped_server_leaves_no_processes_behind() {
    check_start_and_stop(Place::new()).await;
}

#[tokio::test]
async fn server_runs_as_an_unprivileged_user() {
    check_start_and_stop(Place::of_unprivileged_user()).await;
}

#[tokio::test]
async fn long_data_path_works() {
    // too long for a Unix socket
    let place = Place::new().in_folder(&"deep/".repeat(30));
    check_start_and_stop(place).await;
}

/// Case R13. The server is restarted while its Postgres is still shutting down.
#[tokio::test]
async fn acknowledged_writes_survive_sigkill() {
    let place = Place::new();
    let mut server = place.serve().await;
    for statement in [
        "CREATE TABLE promised (n int)",
        "INSERT INTO promised VALUES (1)",
    ] {
        sqlx::query(statement)
            .execute(&mut place.sql().await)
            .await
            .unwrap();
    }
    for _ in 0..3 {
        server.signal(Signal::KILL);
        server.wait_for_exit().await.unwrap();
        // at once, while its Postgres is still running
        server = place.serve().await;
        assert_eq!(server.get("/readyz").await.0, 200);
    }
    let rows: i64 = sqlx::query_scalar("SELECT count(*) FROM promised")
        .fetch_one(&mut place.sql().await)
        .await
        .unwrap();
    assert_eq!(rows, 1);

    server.signal(Signal::KILL);
    wait_until("Postgres ends after its parent", async || {
        place.processes().is_empty()
    })
    .await;
}

/// Case R13. A stale PID file does not prevent the next start.
#[tokio::test]
async fn server_starts_again_after_postgres_was_killed_too() {
    let place = Place::new();
    let mut server = place.serve().await;
    let postmaster = place.postmaster();
    server.signal(Signal::KILL);
    kill_process(postmaster, Signal::KILL).unwrap();
    server.wait_for_exit().await.unwrap();
    let server = place.serve().await;
    assert_eq!(server.get("/readyz").await.0, 200);
}

/// Case R12. The server stays up and reconnects.
#[tokio::test]
async fn crashed_postgres_is_restarted() {
    let place = Place::new();
    let server = place.serve().await;
    let before = place.postmaster();
    kill_process(before, Signal::KILL).unwrap();
    wait_until("another postmaster is running", async || {
        place.has_postmaster_other_than(before) && server.get("/readyz").await.0 == 200
    })
    .await;
    assert_eq!(server.get("/healthz").await.0, 200);
}

#[tokio::test]
async fn second_server_is_refused_and_commands_run_beside_it() {
    let place = Place::new();
    let server = place.serve().await;

    let second = place.run(&["serve"]).await;
    assert_eq!(second.status.code(), Some(1));
    let message = String::from_utf8(second.stderr).unwrap();
    assert!(message.contains("already runs on"), "{message}");

    let beside = place.run(&["migrate"]).await;
    assert!(beside.status.success(), "{beside:?}");
    assert_eq!(
        server.get("/readyz").await.0,
        200,
        "the first server's Postgres is still running"
    );
}

/// H10. Its files are of different moments, whatever Postgres makes of them.
#[tokio::test]
async fn folder_copied_while_in_use_is_refused_with_the_reason() {
    let (place, copy) = (Place::new(), Place::new());
    let server = place.serve().await;
    let copied = Command::new("cp")
        .arg("-a")
        .args([place.data_dir(), copy.data_dir()])
        .status();
    assert!(copied.await.unwrap().success());
    let refused = copy.run(&["serve"]).await;
    assert_eq!(refused.status.code(), Some(1));
    let reason = String::from_utf8(refused.stderr).unwrap();
    let process = place.postmaster().as_raw_nonzero();
    let original = place.data_dir().join("postgres");
    let expected = format!(
        "was copied while the Postgres in {} (process {process}) was running",
        original.display()
    );
    assert!(
        reason.contains(&expected) && reason.contains("use fortnight backup and restore"),
        "{reason}"
    );
    // as for a snapshot, although the socket's lock names a process that runs
    fs::remove_file(copy.data_dir().join("postgres/postmaster.pid")).unwrap();
    let second = copy.serve().await;
    assert_eq!(second.get("/readyz").await.0, 200);
    assert_eq!(server.get("/readyz").await.0, 200);
}

#[tokio::test]
async fn open_connections_do_not_delay_shutdown() {
    let place = Place::new();
    let mut server = place.serve().await;
    let never_spoke = TcpStream::connect(server.address()).await.unwrap();
    let mut idle = TcpStream::connect(server.address()).await.unwrap();
    idle.write_all(b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n")
        .await
        .unwrap();
    idle.read_exact(&mut [0; 12]).await.unwrap();
    let mut half = TcpStream::connect(server.address()).await.unwrap();
    half.write_all(b"GET / HTTP/1.1\r\nhost").await.unwrap();

    let stopped = Instant::now();
    server.signal(Signal::TERM);
    assert_eq!(server.wait_for_exit().await.unwrap().code(), Some(0));
    assert!(
        stopped.elapsed() < Duration::from_secs(10),
        "{:?}: {}",
        stopped.elapsed(),
        server.read_log()
    );
    // Postgres's logger ends a moment after the others
    wait_until("nothing runs on", async || place.processes().is_empty()).await;
    drop((never_spoke, idle, half));
}

#[tokio::test]
async fn occupied_port_is_reported_before_data_is_created() {
    let place = Place::new();
    let taken = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let refused = place.run(&["serve", "--listen", &address]).await;
    assert_eq!(refused.status.code(), Some(1));
    let message = String::from_utf8(refused.stderr).unwrap();
    assert!(
        message.contains(&format!("cannot listen on {address}")),
        "{message}"
    );
    assert!(!place.data_dir().exists());
}

/// Case R14. An older version must not write to it.
#[tokio::test]
async fn newer_database_is_refused_and_left_unchanged() {
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
    server.wait_for_exit().await.unwrap();

    let refused = place.run(&["serve"]).await;
    assert_eq!(refused.status.code(), Some(1));
    let message = String::from_utf8(refused.stderr).unwrap();
    assert!(
        message.contains("newer Fortnight") && message.contains("99990101000000"),
        "{message}"
    );
    // Postgres's logger ends a moment after the others
    wait_until("nothing runs on", async || place.processes().is_empty()).await;
}

#[tokio::test]
async fn external_postgres_is_used_when_configured() {
    let place = Place::new();
    let own = cluster::create_database().await.connect_options();
    let url = format!(
        "postgres://fortnight@localhost/{}?host={}",
        own.get_database().unwrap(),
        own.get_socket().unwrap().display()
    );
    let migrated = place.run(&["migrate", "--database-url", &url]).await;
    assert!(migrated.status.success(), "{migrated:?}");
    assert!(!place.data_dir().exists());

    let demo = place.run(&["demo", "--database-url", &url]).await;
    assert_eq!(
        demo.status.code(),
        Some(1),
        "the demo refuses a database with a workspace"
    );

    // with a variable and without a subcommand, as in a container
    let mut server = place.serve_with(&[("DATABASE_URL", &url)]).await;
    assert_eq!(server.get("/readyz").await, (200, "ready".to_owned()));
    assert!(
        !place.data_dir().join("postgres").exists(),
        "the embedded Postgres is not started"
    );
    server.signal(Signal::TERM);
    assert_eq!(server.wait_for_exit().await.unwrap().code(), Some(0));
}

#[tokio::test]
async fn empty_workspace_prints_its_setup_link() {
    let place = Place::new();
    let mut server = place.serve().await;
    let link = server.read_setup_link().await;
    let path = link.strip_prefix(&server.url).unwrap();
    let (status, page) = server.get(path).await;
    assert!(
        status == 200 && page.contains("Set up Fortnight"),
        "{status} {page}"
    );
    assert_eq!(server.get("/setup").await.0, 404);
}

/// Creating a team also creates sprints. They must not conflict with those of the setup.
#[tokio::test]
async fn workspace_with_a_team_but_no_people_can_be_set_up() {
    let place = Place::new();
    let team = [
        "team",
        "add",
        "data",
        "--name",
        "Data Platform",
        "--key",
        "DAT",
    ];
    place.run_with_input("", &team).await;
    let mut server = place.serve().await;
    let link = server.read_setup_link().await;
    let (status, page) = server.get(link.strip_prefix(&server.url).unwrap()).await;
    assert!(
        status == 200 && page.contains(r#"value="Data Platform""#),
        "{status} {page}"
    );
    let monday = page
        .split(r#"name="starts_on" type="date" value=""#)
        .nth(1)
        .unwrap()
        .split('"')
        .next()
        .unwrap();
    let fields = [
        ("key", link.split_once("key=").unwrap().1),
        ("name", "Ada Lindqvist"),
        ("email", "ada@example.org"),
        ("password", PASSWORD),
        ("team", "Data Platform"),
        ("team", "Datalog"),
        ("cadence_weeks", "3"),
        ("starts_on", monday),
        ("number", "7"),
    ];
    let browser = new_browser();
    let board = browser
        .post(format!("{}/setup", server.url))
        .form(&fields)
        .send()
        .await
        .unwrap();
    assert_eq!(
        (board.status().as_u16(), board.url().path()),
        (200, "/teams/data")
    );
    let board = board.text().await.unwrap();
    assert!(
        board.contains("Sprint 7") && board.contains("Sprint 8") && !board.contains("Sprint 1<"),
        "{board}"
    );
    let teams: Vec<(String, String)> = sqlx::query_as("SELECT slug, key FROM teams ORDER BY slug")
        .fetch_all(&mut place.sql().await)
        .await
        .unwrap();
    let named = |slug: &str, key: &str| (slug.to_owned(), key.to_owned());
    assert_eq!(
        teams,
        [named("data", "DAT"), named("datalog", "DAT2")],
        "a key that is in use gets a number"
    );
    let gaps: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM sprints s WHERE number > 7 AND NOT EXISTS (SELECT FROM sprints b WHERE b.number = s.number - 1 AND b.ends_on = s.starts_on - 1)",
    )
    .fetch_one(&mut place.sql().await)
    .await
    .unwrap();
    assert_eq!(gaps, 0);
    let days: i32 =
        sqlx::query_scalar("SELECT ends_on - starts_on + 1 FROM sprints WHERE number = 8")
            .fetch_one(&mut place.sql().await)
            .await
            .unwrap();
    assert_eq!(days, 21, "three weeks, as chosen in the setup");
}

#[tokio::test]
async fn commands_create_users_teams_and_tokens() {
    let place = Place::new();
    let first = create_by_command_line(&place, "ada", "infrastructure", "INF").await;
    let server = place.serve().await;
    let second = create_by_command_line(&place, "ben", "ingestion", "ING").await;
    for (handle, team, key, token) in [
        ("ada", "infrastructure", "INF", first),
        ("ben", "ingestion", "ING", second.clone()),
    ] {
        let created = crate::program::new_client()
            .post(format!("{}/api/v1/teams/{team}/tasks", server.url))
            .bearer_auth(token)
            .json(&json!({ "title": "First" }))
            .send()
            .await
            .unwrap();
        assert_eq!(created.status(), 201, "{handle}");
        assert_eq!(
            created.json::<Value>().await.unwrap()["key"],
            format!("{key}-1")
        );
        let home = sign_in(&new_browser(), &server, handle).await;
        assert!(
            home.contains(&format!("/teams/{team}")),
            "{handle} can sign in with the password from standard input: {home}"
        );
    }
    let theirs = crate::program::new_client()
        .post(format!("{}/api/v1/teams/infrastructure/tasks", server.url))
        .bearer_auth(second)
        .json(&json!({ "title": "Not ours" }));
    assert_eq!(
        theirs.send().await.unwrap().status(),
        403,
        "Ben is only on the team that was named"
    );
    let entries: Vec<String> = sqlx::query_scalar(
        "SELECT kind || ' ' || about FROM audit_log WHERE kind ~ '^(account|team)' AND about ~ 'command line' ORDER BY at, id",
    )
    .fetch_all(&mut place.sql().await)
    .await
    .unwrap();
    let of = |handle: &str| {
        [
            format!("account.created {handle}@example.org as member, on the command line"),
            "team.created {team}, on the command line".to_owned(),
            format!("team.role-changed @{handle} is now member of {{team}}, on the command line"),
        ]
    };
    assert_eq!(entries, [of("ada"), of("ben")].concat());
}

/// Creates a person, their team and a token with the command line, and returns the token.
pub async fn create_by_command_line(place: &Place, handle: &str, team: &str, key: &str) -> String {
    let email = format!("{handle}@example.org");
    let output = place
        .run_with_input(
            &format!("{PASSWORD}\n"),
            &["user", "add", &email, "--name", handle],
        )
        .await;
    assert!(output.contains(&format!("@{handle}")), "{output}");
    let output = place
        .run_with_input(
            "",
            &[
                "team", "add", team, "--name", team, "--key", key, "--member", &email,
            ],
        )
        .await;
    assert!(output.contains(&format!("/teams/{team}")), "{output}");
    let output = place
        .run_with_input("", &["token", "create", &email, "--scope", "write"])
        .await;
    output.split_whitespace().next_back().unwrap().to_owned()
}

pub fn new_browser() -> reqwest::Client {
    crate::program::client_builder()
        .cookie_store(true)
        .build()
        .unwrap()
}

/// Signs in and returns the page that follows.
pub async fn sign_in(browser: &reqwest::Client, server: &Server, handle: &str) -> String {
    let email = format!("{handle}@example.org");
    let fields = [("email", email.as_str()), ("password", PASSWORD)];
    let page = browser
        .post(format!("{}/login", server.url))
        .form(&fields)
        .send()
        .await
        .unwrap();
    assert_eq!(page.status(), 200);
    page.text().await.unwrap()
}

/// Case F6. Event streams end with the server instead of delaying it.
#[tokio::test]
async fn ctrl_c_stops_gracefully_while_boards_are_open() {
    let place = Place::new();
    create_by_command_line(&place, "ada", "infrastructure", "INF").await;
    let mut server = place.serve().await;
    let browser = new_browser();
    sign_in(&browser, &server, "ada").await;
    let mut streams = Vec::new();
    for _ in 0..3 {
        let stream = browser
            .get(format!("{}/teams/infrastructure/live", server.url))
            .send()
            .await
            .unwrap();
        assert_eq!(stream.headers()["content-type"], "text/event-stream");
        streams.push(stream);
    }
    let stopped = Instant::now();
    server.signal(Signal::INT);
    assert_eq!(server.wait_for_exit().await.unwrap().code(), Some(0));
    assert!(
        stopped.elapsed() < Duration::from_secs(10),
        "{:?}: {}",
        stopped.elapsed(),
        server.read_log()
    );
    for stream in streams {
        stream
            .text()
            .await
            .expect("the stream ends without an error");
    }
}

#[tokio::test]
async fn every_command_lists_its_environment_variables() {
    let place = Place::new();
    let mut commands = vec![String::new()];
    let mut checked = 0;
    while let Some(command) = commands.pop() {
        let args: Vec<&str> = command.split_whitespace().chain(["--help"]).collect();
        let help = place.run_with_input("", &args).await;
        for variable in [
            "FORTNIGHT_LISTEN",
            "FORTNIGHT_PUBLIC_URL",
            "FORTNIGHT_TRUSTED_PROXY",
            "FORTNIGHT_DATA_DIR",
            "DATABASE_URL",
        ] {
            assert!(
                help.contains(&format!("[env: {variable}")),
                "{command} --help hides {variable}: {help}"
            );
        }
        let below = help
            .split("\nCommands:\n")
            .nth(1)
            .and_then(|rest| rest.split("\n\n").next())
            .unwrap_or("");
        let names = below
            .lines()
            .filter_map(|line| line.split_whitespace().next())
            .filter(|name| *name != "help");
        commands.extend(names.map(|name| format!("{command} {name}")));
        checked += 1;
    }
    assert!(checked > 10, "only {checked} commands were found");
    assert!(!place.data_dir().exists());
}

#[tokio::test]
async fn commands_set_roles_scopes_and_team_members() {
    let place = Place::new();
    let password = format!("{PASSWORD}\n");
    for (handle, more) in [("ada", &["--admin"][..]), ("ben", &[])] {
        let email = format!("{handle}@example.org");
        place
            .run_with_input(
                &password,
                &[&["user", "add", &email, "--name", handle], more].concat(),
            )
            .await;
    }
    let both = ["--member", "ada@example.org", "--member", "ben@example.org"];
    let team = [
        &[
            "team",
            "add",
            "infrastructure",
            "--name",
            "Infrastructure",
            "--key",
            "INF",
        ],
        &both[..],
    ]
    .concat();
    place.run_with_input("", &team).await;
    let output = place
        .run_with_input(
            "",
            &["token", "create", "ben@example.org", "--scope", "read"],
        )
        .await;
    let token = output.split_whitespace().next_back().unwrap().to_owned();
    let server = place.serve().await;
    for (handle, status) in [("ada", 200), ("ben", 403)] {
        let browser = new_browser();
        let home = sign_in(&browser, &server, handle).await;
        assert!(
            home.contains("/teams/infrastructure"),
            "{handle} is on the team: {home}"
        );
        let settings = browser
            .get(format!("{}/settings", server.url))
            .send()
            .await
            .unwrap();
        assert_eq!(settings.status(), status, "{handle}");
    }
    let api = format!("{}/api/v1/teams/infrastructure", server.url);
    let program = crate::program::new_client();
    let read = program
        .get(format!("{api}/board"))
        .bearer_auth(&token)
        .send()
        .await
        .unwrap();
    assert_eq!(read.status(), 200);
    let write = program
        .post(format!("{api}/tasks"))
        .bearer_auth(&token)
        .json(&json!({ "title": "No" }));
    assert_eq!(write.send().await.unwrap().status(), 403);
}

/// At a terminal the password is prompted for and not echoed.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn terminal_prompts_for_the_password_without_echo() {
    let place = Place::new();
    let output = place
        .run_at_terminal(
            &format!("{PASSWORD}\n"),
            &["user", "add", "ada@example.org", "--name", "Ada"],
        )
        .await;
    assert!(
        output.contains("Password:")
            && output.contains("Created Ada (@ada). Sign in with ada@example.org."),
        "{output}"
    );
    assert!(!output.contains(PASSWORD), "{output}");
    let server = place.serve().await;
    sign_in(&new_browser(), &server, "ada").await;
}

/// Case 28. Otherwise any client could choose its IP address.
#[tokio::test]
async fn forwarded_ip_is_used_only_from_a_trusted_proxy() {
    let place = Place::new();
    create_by_command_line(&place, "ada", "infrastructure", "INF").await;
    let guess = async |server: &Server| {
        let fields = [("email", "ada@example.org"), ("password", "guessed")];
        let request = new_browser()
            .post(format!("{}/login", server.url))
            .header("x-forwarded-for", "203.0.113.9");
        assert_eq!(request.form(&fields).send().await.unwrap().status(), 401);
    };
    for trusted in [&[][..], &[("FORTNIGHT_TRUSTED_PROXY", "127.0.0.0/8")]] {
        let mut server = place.serve_with(trusted).await;
        guess(&server).await;
        server.signal(Signal::TERM);
        server.wait_for_exit().await.unwrap();
    }
    let _server = place.serve().await;
    let from: Vec<String> = sqlx::query_scalar(
        "SELECT network FROM audit_log WHERE kind = 'sign-in.failed' ORDER BY at",
    )
    .fetch_all(&mut place.sql().await)
    .await
    .unwrap();
    assert_eq!(from, ["127.0.0.1", "203.0.113.9"]);
}
