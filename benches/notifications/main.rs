//! What notifications cost: `cargo bench --bench notifications`.
//!
//! A comment on a task that 50 people follow next to one that has no followers; the pages of an inbox with 100,000 rows
//! next to one with a few; and the digests of 5,000 people, from the moment when they are due until a mail server on this
//! machine has all of them.

#[path = "../board/figures.rs"]
mod figures;
#[path = "../board/http.rs"]
#[expect(dead_code, reason = "the board's bench uses the rest of it")]
mod http;
#[path = "../board/program.rs"]
#[expect(dead_code, reason = "the board's bench uses the rest of it")]
mod program;

use std::time::Instant;

use anyhow::Context;
use figures::{Figures, format_ms, quantile};
use fortnight::{
    app::{App, Settings},
    db::pool::Pool,
    domain::{clock::Clock, mail::mailer::Mailer},
    jobs::mail::send_due,
};
use http::{Connection, Request};
use program::Program;
use time::{Duration, OffsetDateTime, Time, Weekday};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
};

const ROUNDS: usize = 400;

/// Comments on each task: with those that warm up, just fewer than one account may write at once.
const COMMENTS: usize = 120;

/// The people who get a digest.
const READERS: usize = 5_000;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let program = Program::start(100).await?;
    let mut one = program.db.acquire().await?;
    for statement in [
        "SET statement_timeout = 0",
        include_str!("seed.sql"),
        "VACUUM ANALYZE",
    ] {
        sqlx::raw_sql(statement).execute(&mut *one).await?;
    }
    drop(one);
    measure_followers(&program).await?;
    measure_inbox(&program).await?;
    measure_digests(&program.db).await?;
    program.stop().await;
    Ok(())
}

/// Comments on both tasks in turn. The notifications of each are made in the background meanwhile.
async fn measure_followers(program: &Program) -> anyhow::Result<()> {
    let (mut followed, mut unfollowed) = (Figures::new(), Figures::new());
    let mut connection = Connection::open(program.address).await?;
    for round in 0..COMMENTS + 20 {
        let tasks = [("1", &mut followed), ("2", &mut unfollowed)];
        for (task, figures) in tasks {
            let path = format!("POST /api/v1/tasks/BEN-{task}/comments");
            let headers = format!(
                "authorization: Bearer {}\r\ncontent-type: application/json\r\n",
                program.token
            );
            let body = format!("{{\"body\":\"Round {round}\"}}");
            let comment = Request::with_body(&path, &headers, &body);
            let since = Instant::now();
            let response = connection.send(&comment).await?;
            if round >= 20 {
                figures.push(since.elapsed());
            }
            anyhow::ensure!(response.status == 201, "{path}: {}", response.status);
        }
    }
    let [followed, unfollowed] = [&followed, &unfollowed].map(|figures| quantile(figures, 0.5));
    println!("\n| a comment | 50 followers | none | ratio |");
    println!("| --- | ---: | ---: | ---: |");
    println!(
        "| median of {COMMENTS} | {} | {} | {:.2} |",
        format_ms(followed),
        format_ms(unfollowed),
        followed.as_secs_f64() / unfollowed.as_secs_f64()
    );
    Ok(())
}

async fn measure_inbox(program: &Program) -> anyhow::Result<()> {
    println!("\n| page | 100,000 rows: median | p99 |");
    println!("| --- | ---: | ---: |");
    let mut connection = Connection::open(program.address).await?;
    for path in [
        "/inbox",
        "/inbox?show=all",
        "/inbox?show=done",
        "/inbox?reason=comment",
        "/inbox?team=bench",
    ] {
        let page = Request::get(path, &program.cookie);
        let first = connection.send(&page).await?;
        anyhow::ensure!(first.status == 200, "{path}: {}", first.status);
        let mut figures = Figures::new();
        for _ in 0..ROUNDS {
            let since = Instant::now();
            connection.skip(&page).await?;
            figures.push(since.elapsed());
        }
        println!(
            "| {path} | {} | {} |",
            format_ms(quantile(&figures, 0.5)),
            format_ms(quantile(&figures, 0.99))
        );
    }
    Ok(())
}

async fn measure_digests(db: &Pool) -> anyhow::Result<()> {
    let server = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("smtp://{}", server.local_addr()?);
    tokio::spawn(async move {
        while let Ok((client, _)) = server.accept().await {
            tokio::spawn(accept_mail(client));
        }
    });
    let public_url = "http://127.0.0.1:8042";
    let settings = Settings {
        mailer: Some(Mailer::new(&url, None, public_url)?),
        ..Settings::default()
    };
    let clock = Clock::standing(next_monday_at_nine());
    let app = App::with(settings, public_url, db.clone(), clock);
    let since = Instant::now();
    let sent = send_due(&app).await.ok().context("no mail was sent")?;
    let taken = since.elapsed();
    anyhow::ensure!(sent == READERS, "{sent} digests were sent");
    println!(
        "\n{READERS} digests prepared and accepted by a mail server in {:.1} s",
        taken.as_secs_f64()
    );
    Ok(())
}

fn next_monday_at_nine() -> OffsetDateTime {
    let mut day = Clock::default().now() + Duration::DAY;
    while day.weekday() != Weekday::Monday {
        day += Duration::DAY;
    }
    day.replace_time(Time::from_hms(9, 0, 0).unwrap_or(Time::MIDNIGHT))
}

/// A mail server that accepts everything and keeps nothing.
async fn accept_mail(client: TcpStream) -> anyhow::Result<()> {
    let mut client = BufReader::new(client);
    client.write_all(b"220 ready\r\n").await?;
    let mut line = String::new();
    let mut is_text = false;
    loop {
        line.clear();
        if client.read_line(&mut line).await? == 0 {
            return Ok(());
        }
        let answer = match line.trim_end() {
            "." => {
                is_text = false;
                "250 accepted\r\n"
            }
            _ if is_text => continue,
            "DATA" => {
                is_text = true;
                "354 go on\r\n"
            }
            "QUIT" => "221 bye\r\n",
            _ => "250 yes\r\n",
        };
        client.write_all(answer.as_bytes()).await?;
    }
}
