//! What one client can make the real program hold in memory.

use std::fs;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    task::JoinSet,
};

use crate::program::{Place, Server};

/// The memory of the program, in kB.
pub fn resident(server: &Server) -> i64 {
    let status = fs::read_to_string(format!("/proc/{}/status", server.pid())).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:"));
    line.unwrap()
        .split_whitespace()
        .nth(1)
        .unwrap()
        .parse()
        .unwrap()
}

/// Case 55.
#[tokio::test]
async fn sign_ins_take_and_keep_the_memory_of_four() {
    let place = Place::new();
    let server = place.serve().await;
    let client = crate::program::new_client();
    let before = resident(&server);
    let mut tries = JoinSet::new();
    // as many as one network may try in a minute
    for person in 0..90 {
        let request = client.post(format!("{}/login", server.url)).form(&[
            ("email", format!("p{person}@example.org")),
            ("password", "wrong".to_owned()),
        ]);
        tries.spawn(async move { request.send().await.unwrap().status().as_u16() });
        if tries.len() >= 12 {
            assert_eq!(tries.join_next().await.unwrap().unwrap(), 401);
        }
    }
    while let Some(status) = tries.join_next().await {
        assert_eq!(status.unwrap(), 401);
    }
    let more = resident(&server) - before;
    assert!(more < 110_000, "{more} kB more");
}

/// Cases 51, 57.
#[tokio::test]
async fn unknown_clients_cannot_fill_the_memory_with_bodies() {
    let place = Place::new();
    let server = place.serve().await;
    server.get("/login").await;
    let before = resident(&server);
    let mut connections = Vec::new();
    for path in [
        "/login",
        "/register",
        "/teams",
        "/api/v1/teams/x/tasks",
        "/preview",
    ] {
        for chunked in [true, false] {
            for _ in 0..40 {
                let mut connection = TcpStream::connect(server.address()).await.unwrap();
                let length = if chunked {
                    "transfer-encoding: chunked"
                } else {
                    "content-length: 1000000"
                };
                let head = format!(
                    "POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/x-www-form-urlencoded\r\n{length}\r\n\r\n"
                );
                let half = "text=".to_owned() + &"x".repeat(500_000);
                let body = if chunked {
                    format!("{:x}\r\n{half}\r\n", half.len())
                } else {
                    half
                };
                // the server may have refused it before its end
                let _ = connection.write_all(head.as_bytes()).await;
                connections.push(tokio::spawn(async move {
                    let _ = connection.write_all(body.as_bytes()).await;
                    connection
                }));
            }
        }
    }
    let mut open = Vec::new();
    for connection in connections {
        open.push(connection.await.unwrap());
    }
    assert_eq!(server.get("/healthz").await, (200, "ok".to_owned()));
    let more = resident(&server) - before;
    assert!(more < 50_000, "{more} kB more with 400 connections");
    for mut connection in open {
        let _ = connection.shutdown().await;
        let _ = connection.read_to_end(&mut Vec::new()).await;
    }
    assert_eq!(server.get("/healthz").await, (200, "ok".to_owned()));
}

/// Case 58.
#[tokio::test]
async fn database_log_contains_no_rows() {
    let place = Place::new();
    let _server = place.serve().await;
    let mut sql = place.sql().await;
    let refused = sqlx::query(
        "INSERT INTO accounts (id, email, name, handle, hue, password_hash, created_at)
         VALUES (gen_random_uuid(), 'a@example.org', 'A', 'Not A Handle', 1, '$argon2id$secret', now())",
    )
    .execute(&mut sql)
    .await;
    assert!(refused.is_err());
    let log = place.data_dir().join("postgres/log");
    let read_log = || -> String {
        let files = fs::read_dir(&log).unwrap();
        files
            .map(|file| fs::read_to_string(file.unwrap().path()).unwrap())
            .collect()
    };
    crate::program::wait_until("the error is logged", async || {
        read_log().contains("account_handle_form")
    })
    .await;
    assert!(!read_log().contains("$argon2id$secret"), "{}", read_log());
}
