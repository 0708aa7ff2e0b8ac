//! An operator looks at a running installation: the System page, the figures for Prometheus, and `fortnight doctor`.

use std::{net::SocketAddr, process::Output};

use rustix::process::Signal;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, copy},
    net::{TcpListener, TcpStream},
};

use crate::{
    fixtures::World,
    lifecycle::{create_by_command_line, new_browser, sign_in},
    ports::free_port,
    program::Place,
};

/// The value of a figure, by its name and labels as they are written.
pub fn figure(text: &str, name: &str) -> f64 {
    let value = text
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    let value = value.unwrap_or_else(|| panic!("{name} is not in\n{text}"));
    value.parse().unwrap()
}

#[tokio::test]
async fn prometheus_reads_requests_jobs_caches_and_the_database() {
    let place = Place::new();
    create_by_command_line(&place, "ada", "infrastructure", "INF").await;
    let backups = tempfile::tempdir().unwrap();
    let mut server = place
        .serve_with(&[
            ("FORTNIGHT_METRICS_LISTEN", "127.0.0.1:0"),
            ("FORTNIGHT_BACKUP_TO", backups.path().to_str().unwrap()),
        ])
        .await;
    let url = server.read_line("Metrics are at ").await;
    let browser = new_browser();
    sign_in(&browser, &server, "ada").await;
    for _ in 0..2 {
        let board = format!("{}/teams/infrastructure", server.url);
        assert_eq!(browser.get(board).send().await.unwrap().status(), 200);
    }
    server.get("/share/thesecretofalink").await;
    crate::program::new_client()
        .request("INVENTED".parse().unwrap(), format!("{}/login", server.url))
        .send()
        .await
        .unwrap();
    let stream = browser.get(format!("{}/teams/infrastructure/live", server.url));
    let stream = stream.send().await.unwrap();
    crate::program::wait_until("a backup was made", async || {
        let text = crate::program::new_client()
            .get(&url)
            .send()
            .await
            .unwrap()
            .text()
            .await
            .unwrap();
        text.contains("fortnight_backup_size_bytes")
    })
    .await;
    let text = crate::program::new_client()
        .get(&url)
        .send()
        .await
        .unwrap()
        .text()
        .await
        .unwrap();
    let count = |route: &str, status: u16| {
        figure(
            &text,
            &format!(
                "fortnight_http_request_duration_seconds_count{{method=\"GET\",route=\"{route}\",status=\"{status}\"}}"
            ),
        )
    };
    assert_eq!(count("/teams/{slug}", 200), 2.0);
    assert_eq!(count("/share/{key}", 404), 1.0);
    assert!(
        text.contains("method=\"other\",route=\"/login\",status=\"405\""),
        "{text}"
    );
    assert!(!text.contains("thesecretofalink") && !text.contains("INVENTED"));
    assert_eq!(figure(&text, "fortnight_streams"), 1.0);
    assert_eq!(figure(&text, "fortnight_database_up"), 1.0);
    assert_eq!(figure(&text, "fortnight_backup_failed"), 0.0);
    assert_eq!(
        figure(
            &text,
            "fortnight_page_cache_answers_total{answer=\"rendered\"}"
        ),
        1.0
    );
    assert_eq!(
        figure(
            &text,
            "fortnight_page_cache_answers_total{answer=\"cached\"}"
        ),
        1.0
    );
    for positive in [
        "fortnight_start_time_seconds",
        "fortnight_resident_memory_bytes",
        "fortnight_cache_bytes{cache=\"boards\"}",
        "fortnight_database_size_bytes",
        "fortnight_database_frozen_age",
        "fortnight_database_connections",
        "fortnight_database_pool_connections_max",
        "fortnight_job_last_success_timestamp_seconds{job=\"sprints\"}",
        "fortnight_job_last_success_timestamp_seconds{job=\"backup\"}",
        "fortnight_backup_last_success_timestamp_seconds",
    ] {
        assert!(figure(&text, positive) > 0.0, "{positive}");
    }
    assert!(text.ends_with("# EOF\n"), "it is OpenMetrics");
    // they are not on the port that everybody reaches
    assert_eq!(server.get("/metrics").await.0, 404);
    drop(stream);
}

#[tokio::test]
async fn administrator_sees_the_state_of_the_system() {
    let world = World::new().await;
    world.elif.get("/settings/system").await.status(403);
    sqlx::query("UPDATE accounts SET role = 'admin' WHERE handle = 'elif'")
        .execute(&world.db)
        .await
        .unwrap();
    let page = world.elif.get("/settings/system").await.ok().text();
    for part in [
        "Version",
        "Public address",
        "http://fortnight.test",
        "Largest tables",
        "Connections",
        "No backups are scheduled.",
        "--backup-to DIRECTORY",
    ] {
        assert!(page.contains(part), "{part} is not in {page}");
    }
}

/// What doctor says. It must find no more and no fewer problems than this.
fn report(output: &Output, problems: usize) -> String {
    let text = String::from_utf8(output.stdout.clone()).unwrap();
    let found = text
        .lines()
        .filter(|line| line.starts_with("problem"))
        .count();
    assert_eq!(found, problems, "{text}");
    assert_eq!(output.status.success(), problems == 0, "{text}");
    text
}

#[track_caller]
fn assert_says(report: &str, parts: &[&str]) {
    for part in parts {
        assert!(report.contains(part), "{part:?} is not in\n{report}");
    }
}

#[tokio::test]
async fn doctor_says_what_is_missing_before_the_first_start() {
    let place = Place::new();
    let report = report(&place.run(&["doctor"]).await, 0);
    assert_says(
        &report,
        &[
            "warning  Data directory: ",
            "warning  Database: there is none yet.",
            "warning  Backups: none are scheduled.",
            "warning  Server: there is none at 127.0.0.1:0",
        ],
    );
    assert!(!place.data_dir().exists(), "it changes nothing");
    // backups were copied there to be restored
    let backups = place.data_dir().join("backups");
    std::fs::create_dir_all(&backups).unwrap();
    let report = self::report(&place.run(&["doctor"]).await, 0);
    assert_says(&report, &["warning  Database: there is none yet."]);
    let left: Vec<_> = std::fs::read_dir(place.data_dir()).unwrap().collect();
    assert_eq!(left.len(), 1, "{left:?}");
}

#[tokio::test]
async fn doctor_names_a_database_that_cannot_be_reached() {
    let place = Place::new();
    let url = "postgres://nobody@127.0.0.1:1/none?connect_timeout=1";
    let report = report(&place.run(&["--database-url", url, "doctor"]).await, 1);
    assert_says(
        &report,
        &[
            "problem  Database: cannot reach the database",
            "is DATABASE_URL right?",
        ],
    );
}

/// How a proxy passes on a response.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Passing {
    AtOnce,
    /// Only when it is complete, as proxies do that are not told otherwise.
    Whole,
    /// At once, but the request had another name of the host.
    OtherHost,
}

/// A reverse proxy that adds X-Forwarded-For.
async fn proxy(listener: TcpListener, to: SocketAddr, passing: Passing) {
    while let Ok((mut client, _)) = listener.accept().await {
        tokio::spawn(async move {
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                head.push(client.read_u8().await?);
            }
            head.truncate(head.len() - 2);
            if passing == Passing::OtherHost {
                let text =
                    String::from_utf8_lossy(&head).replace("host: 127.0.0.1", "host: backend");
                head = text.into_bytes();
            }
            head.extend(b"X-Forwarded-For: 203.0.113.9\r\nConnection: close\r\n\r\n");
            let mut server = TcpStream::connect(to).await?;
            server.write_all(&head).await?;
            match passing {
                Passing::AtOnce | Passing::OtherHost => {
                    copy(&mut server, &mut client).await?;
                }
                Passing::Whole => {
                    let mut all = Vec::new();
                    server.read_to_end(&mut all).await?;
                    client.write_all(&all).await?;
                }
            }
            client.shutdown().await
        });
    }
}

#[tokio::test]
async fn doctor_finds_what_is_wrong_with_the_way_through_a_proxy() {
    let place = Place::new();
    let listen = SocketAddr::from(([127, 0, 0, 1], free_port()));
    let proxies = [
        (
            Passing::AtOnce,
            TcpListener::bind("127.0.0.1:0").await.unwrap(),
        ),
        (
            Passing::Whole,
            TcpListener::bind("127.0.0.1:0").await.unwrap(),
        ),
        (
            Passing::OtherHost,
            TcpListener::bind("127.0.0.1:0").await.unwrap(),
        ),
    ];
    let [good_url, bad_url, wrong_url] = proxies.map(|(passing, listener)| {
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(proxy(listener, listen, passing));
        url
    });
    let listen = listen.to_string();
    let doctor = async |public: &str| {
        place
            .run(&["--listen", &listen, "--public-url", public, "doctor"])
            .await
    };
    {
        let mut server = place
            .serve_with(&[
                ("FORTNIGHT_LISTEN", &listen),
                ("FORTNIGHT_PUBLIC_URL", &good_url),
                ("FORTNIGHT_TRUSTED_PROXY", "127.0.0.1"),
            ])
            .await;
        let report = report(&doctor(&good_url).await, 0);
        assert_says(
            &report,
            &[
                &format!("ok       Server: ready at {listen}"),
                "ok       Database: Postgres ",
                "leads here",
                "ok       Proxy: event streams pass at once",
                "ok       Proxy: the addresses of clients are known",
            ],
        );
        // the next one uses the same port
        server.signal(Signal::TERM);
        server.wait_for_exit().await.unwrap();
    }
    let _server = place
        .serve_with(&[
            ("FORTNIGHT_LISTEN", &listen),
            ("FORTNIGHT_PUBLIC_URL", &bad_url),
        ])
        .await;
    let bad = report(&doctor(&bad_url).await, 1);
    assert_says(
        &bad,
        &[
            "problem  Proxy: it holds back event streams",
            "warning  Proxy: it is not a trusted one",
        ],
    );
    let wrong = report(&doctor(&wrong_url).await, 1);
    assert_says(
        &wrong,
        &["problem  Proxy: it does not pass on the name of the host."],
    );
}
