//! The request log: one line per request for the operator, without secrets.

use serde_json::Value;
use sqlx::Connection;

use crate::program::{Place, wait_until};

#[tokio::test]
async fn requests_are_logged_as_json_without_secrets() {
    let place = Place::new();
    let server = place.serve_with(&[("FORTNIGHT_LOG_FORMAT", "json")]).await;
    server.get("/login?next=%2Fteams%2Fzanzibar").await;
    server.get("/share/thesecretofalink").await;
    server.get("/nothing-here/zanzibar").await;
    server.get("/healthz").await;
    let log = server.read_log();
    let lines: Vec<Value> = log
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")))
        .filter(|line: &Value| line["target"] == "fortnight::request")
        .collect();
    let seen: Vec<(&str, &str, u64)> = lines
        .iter()
        .map(|line| {
            assert!(line["id"].is_string() && line["ms"].is_u64(), "{line}");
            assert!(
                line["account"].is_null(),
                "the request has no session: {line}"
            );
            (
                line["method"].as_str().unwrap(),
                line["route"].as_str().unwrap(),
                line["status"].as_u64().unwrap(),
            )
        })
        .collect();
    assert_eq!(
        seen,
        [
            ("GET", "/login", 200),
            ("GET", "/share/{key}", 404),
            ("GET", "-", 404),
        ]
    );
    for secret in ["thesecretofalink", "zanzibar", "next="] {
        assert!(!log.contains(secret), "{secret} in {log}");
    }
}

#[tokio::test]
async fn signed_in_request_logs_its_account_but_no_token() {
    let place = Place::new();
    let server = place.serve().await;
    place
        .run_with_input(
            "correct horse battery\n",
            &["user", "add", "ada@example.org", "--name", "Ada", "--admin"],
        )
        .await;
    let output = place
        .run_with_input(
            "",
            &["token", "create", "ada@example.org", "--scope", "read"],
        )
        .await;
    let token = output.trim().rsplit(' ').next().unwrap();
    let mut sql = place.sql().await;
    let account: String = sqlx::query_scalar("SELECT id::text FROM accounts")
        .fetch_one(&mut sql)
        .await
        .unwrap();
    let status = crate::program::new_client()
        .get(format!("{}/api/v1/teams", server.url))
        .bearer_auth(token)
        .send()
        .await
        .unwrap()
        .status();
    assert_eq!(status, 200);
    let log = server.read_log();
    let line = log
        .lines()
        .find(|line| line.contains("route=\"/api/v1/teams\""))
        .unwrap_or_else(|| panic!("{log}"));
    assert!(line.contains(&format!("account={account}")), "{line}");
    assert!(
        line.contains("method=GET") && line.contains("status=200"),
        "{line}"
    );
    assert!(!log.contains(token), "the token is in {log}");
}

/// Behind a proxy that is not named, everyone would share one address and its rate limits.
#[tokio::test]
async fn forwarded_address_of_an_unknown_proxy_is_warned_about_once() {
    let place = Place::new();
    let server = place.serve().await;
    let client = crate::program::new_client();
    for _ in 0..3 {
        let request = client.get(format!("http://{}/login", server.address()));
        let request = request.header("X-Forwarded-For", "198.51.100.1");
        assert_eq!(request.send().await.unwrap().status(), 200);
    }
    let log = server.read_log();
    assert_eq!(
        log.matches("add --trusted-proxy 127.0.0.1").count(),
        1,
        "{log}"
    );
}

#[tokio::test]
async fn slow_query_is_logged_with_the_route_of_its_request() {
    let place = Place::new();
    let server = place.serve().await;
    let mut other = place.sql().await;
    let mut lock = other.begin().await.unwrap();
    sqlx::raw_sql("LOCK TABLE workspace IN ACCESS EXCLUSIVE MODE")
        .execute(&mut *lock)
        .await
        .unwrap();
    let wait = async {
        let mut watch = place.sql().await;
        // that of the request: background jobs may wait too
        wait_until("the query has waited for more than a second", async || {
            sqlx::query_scalar::<_, bool>(
                "SELECT count(*) > 0 FROM pg_stat_activity
                 WHERE wait_event_type = 'Lock' AND query LIKE '%registration_open%' AND clock_timestamp() - query_start > interval '1.2 s'",
            )
            .fetch_one(&mut watch)
            .await
            .unwrap()
        })
        .await;
        lock.rollback().await.unwrap();
    };
    tokio::join!(server.get("/register"), wait);
    let log = server.read_log();
    let line = log
        .lines()
        .find(|line| line.contains("slow statement") && line.contains("registration_open"));
    let line = line.unwrap_or_else(|| panic!("{log}"));
    assert!(
        line.contains("request{id=") && line.contains("route=\"/register\""),
        "{line}"
    );
}
