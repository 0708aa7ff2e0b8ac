//! What deliveries of a forge cost a board: `cargo bench --bench deliveries`.
//!
//! Twenty times a second, a person moves a task and opens the board of 1,000 tasks: for a minute while nothing else
//! happens, and for a minute while a forge sends 1,000 signed deliveries, each of which opens a pull request that links
//! and moves a task of the board. The two alternate, in parts of half a minute.

#[path = "../board/figures.rs"]
mod figures;
#[path = "../board/http.rs"]
#[expect(dead_code, reason = "the board's bench uses the rest of it")]
mod http;
#[path = "../board/program.rs"]
#[expect(dead_code, reason = "the board's bench uses the rest of it")]
mod program;

use std::{net::SocketAddr, time::Duration};

use anyhow::Context;
use figures::{Figures, format_ms, quantile};
use fortnight::domain::clock::Clock;
use hmac::{Hmac, Mac};
use http::{Connection, Request};
use program::Program;
use sha2::Sha256;
use time::format_description::well_known::Rfc3339;
use tokio::time::{Instant, MissedTickBehavior, interval};

const SECRET: &str = "the secret of this connection";
const CONNECTION: &str = "00000000-0000-4000-8000-000000000001";

/// How long each part is, and how many parts there are of each kind.
const PART: Duration = Duration::from_secs(30);
const PARTS: usize = 2;

/// The time between two deliveries: 1,000 a minute.
const BETWEEN: Duration = Duration::from_millis(60);

/// The time between two pages.
const PAGE_EVERY: Duration = Duration::from_millis(50);

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let program = Program::start(1000).await?;
    let keys: Vec<String> = sqlx::query_scalar(
        "SELECT 'INF-' || k.number FROM tasks k JOIN teams t ON t.id = k.team_id JOIN columns c ON c.id = k.column_id
         WHERE t.key = 'INF' AND c.state = 'todo' AND k.rank IS NOT NULL ORDER BY k.number DESC",
    )
    .fetch_all(&program.db)
    .await?;
    sqlx::query(
        "INSERT INTO forge_connections (id, name, forge, secret, created_at) VALUES ($1::uuid, 'bench', 'github', $2, now())",
    )
    .bind(CONNECTION)
    .bind(SECRET)
    .execute(&program.db)
    .await?;
    sqlx::query(
        "INSERT INTO forge_repositories (connection_id, id, team_id, name)
         SELECT $1::uuid, gen_random_uuid(), id, 'acme/bench' FROM teams WHERE key = 'INF'",
    )
    .bind(CONNECTION)
    .execute(&program.db)
    .await?;
    // warm
    open_pages(&program, Duration::from_secs(3)).await?;
    let (mut quiet, mut busy) = (Figures::new(), Figures::new());
    let mut number = 0;
    for _ in 0..PARTS {
        quiet.extend(open_pages(&program, PART).await?);
        let (pages, sent) = tokio::join!(
            open_pages(&program, PART),
            deliver(program.address, &keys, number)
        );
        busy.extend(pages?);
        number = sent?;
    }
    let done: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM forge_deliveries WHERE state = 'done' AND result = 'moved'",
    )
    .fetch_one(&program.db)
    .await?;
    println!("\n| page of 1,000 tasks after a move | 1,000 deliveries a minute | none | ratio |");
    println!("| --- | ---: | ---: | ---: |");
    for (name, part) in [("median", 0.5), ("p99", 0.99)] {
        let (with, without) = (quantile(&busy, part), quantile(&quiet, part));
        println!(
            "| {name} of {} | {} | {} | {:.2} |",
            quiet.len(),
            format_ms(with),
            format_ms(without),
            with.as_secs_f64() / without.as_secs_f64()
        );
    }
    println!("\n{number} deliveries were accepted; {done} had moved a task by the end.");
    program.stop().await;
    Ok(())
}

/// Moves a task and opens the page, again and again. Returns how long the pages took.
async fn open_pages(program: &Program, time: Duration) -> anyhow::Result<Figures> {
    let page = Request::get("/teams/infrastructure", &program.cookie).accept("zstd");
    let moves = program.moves(0);
    let mut connection = Connection::open(program.address).await?;
    let mut figures = Figures::new();
    let mut ticks = interval(PAGE_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let end = Instant::now() + time;
    while Instant::now() < end {
        ticks.tick().await;
        let moved = connection.send(&moves[figures.len() % moves.len()]).await?;
        anyhow::ensure!(moved.status == 200, "a move returned {}", moved.status);
        let since = Instant::now();
        connection.skip(&page).await?;
        figures.push(since.elapsed());
    }
    Ok(figures)
}

/// Sends deliveries for as long as a part takes, and returns the number of the last one.
async fn deliver(address: SocketAddr, keys: &[String], mut number: usize) -> anyhow::Result<usize> {
    let mut connection = Connection::open(address).await?;
    let mut ticks = interval(BETWEEN);
    let end = Instant::now() + PART;
    while Instant::now() < end {
        ticks.tick().await;
        number += 1;
        let key = keys.get(number % keys.len()).context("no tasks")?;
        let answer = connection.send(&delivery(number, key)?).await?;
        anyhow::ensure!(
            answer.status == 202,
            "a delivery returned {}",
            answer.status
        );
    }
    Ok(number)
}

/// A pull request that is opened as a draft.
fn delivery(number: usize, key: &str) -> anyhow::Result<Request> {
    let now = Clock::default().now().format(&Rfc3339)?;
    let body = serde_json::json!({
        "action": "opened", "number": number,
        "pull_request": {
            "number": number, "title": format!("{key} Cut the table over"), "body": "As planned on Monday.", "state": "open",
            "draft": true, "merged": false, "updated_at": now, "author_association": "MEMBER",
            "html_url": format!("https://github.com/acme/bench/pull/{number}"),
            "head": { "ref": format!("cut-over-{number}"), "sha": format!("{number:040x}"), "repo": { "full_name": "acme/bench" } },
            "base": { "ref": "main", "repo": { "full_name": "acme/bench" } }, "user": { "login": "gita" },
        },
        "repository": { "full_name": "acme/bench", "default_branch": "main" }, "sender": { "login": "gita" },
    })
    .to_string();
    let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes())?;
    mac.update(body.as_bytes());
    let signature: String = mac
        .finalize()
        .into_bytes()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let headers = format!(
        "content-type: application/json\r\nx-github-event: pull_request\r\nx-github-delivery: {number}\r\nx-hub-signature-256: sha256={signature}\r\n"
    );
    let path = format!("POST /hooks/forge/{CONNECTION}");
    Ok(Request::with_body(&path, &headers, &body))
}
