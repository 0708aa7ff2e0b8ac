//! The benchmarks behind docs/PERFORMANCE.md: `cargo bench --bench board`.
//!
//! Starts the program with a demo of N tasks and sends requests over loopback. Each figure is also given as a ratio to
//! a baseline measured in the same run: a route that only sends the same bytes, or a bare transaction.

mod figures;
mod http;
mod program;

use std::{
    io::Write,
    time::{Duration, Instant},
};

use figures::{Figures, format_ms, quantile};
use fortnight::db::pool::Pool;
use http::{Connection, Request, measure_rate};
use program::{Floor, Program};
use sqlx::Connection as _;
use uuid::Uuid;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args()
        .skip(1)
        .filter(|argument| argument != "--bench")
        .collect();
    if let [word, file] = arguments.as_slice()
        && word == "floor"
    {
        return program::serve_floor(file).await;
    }
    let sizes: Vec<u32> = arguments
        .iter()
        .filter_map(|argument| argument.parse().ok())
        .collect();
    let sizes = if sizes.is_empty() {
        vec![100, 1000, 5000]
    } else {
        sizes
    };
    println!("| tasks | figure | value | floor | ratio |\n| ---: | --- | ---: | ---: | ---: |");
    for size in sizes {
        measure(size).await?;
    }
    Ok(())
}

fn print_row(size: u32, figure: &str, value: &str, floor: &str, ratio: Option<f64>) {
    println!(
        "| {size} | {figure} | {value} | {floor} | {} |",
        ratio.map_or(String::new(), |ratio| format!("{ratio:.2}"))
    );
    let _ = std::io::stdout().flush();
}

async fn measure(size: u32) -> anyhow::Result<()> {
    let program = Program::start(size).await?;
    let page = Request::get("/teams/infrastructure?sprint=this", &program.cookie);
    let zstd = page.clone().accept("zstd");
    let mut connection = Connection::open(program.address).await?;
    let first = connection.send(&zstd).await?;
    anyhow::ensure!(first.status == 200, "the board returned {}", first.status);
    let floor = Floor::start(&first.body).await?;
    let (plain, gzip) = (
        connection.send(&page).await?.body.len(),
        connection
            .send(&page.clone().accept("gzip"))
            .await?
            .body
            .len(),
    );
    print_row(
        size,
        "page: plain, gzip, zstd",
        &format!(
            "{}, {}, {} KB",
            plain / 1024,
            gzip / 1024,
            first.body.len() / 1024
        ),
        &format!("{} KB (plain)", plain / 1024),
        Some(first.body.len() as f64 / plain as f64),
    );
    let [lean, gzip, zstd_bytes] = program.measure_assets(&mut connection, &first).await?;
    let kb = |bytes: usize| bytes as f64 / 1024.0;
    print_row(
        size,
        "CSS and scripts: plain, gzip, zstd",
        &format!("{:.1}, {:.1}, {:.1} KB", kb(lean), kb(gzip), kb(zstd_bytes)),
        &format!("{:.1} KB (plain)", kb(lean)),
        Some(zstd_bytes as f64 / lean as f64),
    );

    // measure the baseline before and after, because the speed of the machine may change
    let bare = Request::get("/", "");
    let before = measure_rate(floor.address, &bare, 16).await?;
    let not_modified = measure_rate(
        program.address,
        &zstd.clone().if_none_match(&first.etag),
        16,
    )
    .await?;
    let stored = measure_rate(program.address, &zstd, 16).await?;
    let floor_rate = before.midpoint(measure_rate(floor.address, &bare, 16).await?);
    let bare_page = Duration::from_secs(1).div_f64(measure_rate(floor.address, &bare, 1).await?);
    drop(floor);
    let floor_says = format!("{floor_rate:.0}/s (static route)");
    print_row(
        size,
        "unchanged since last asked (304), 16 connections",
        &format!("{not_modified:.0}/s"),
        &floor_says,
        Some(not_modified / floor_rate),
    );
    print_row(
        size,
        "unchanged (stored bytes), 16 connections",
        &format!("{stored:.0}/s"),
        &floor_says,
        Some(stored / floor_rate),
    );

    let many = measure_changes(&program, Some(&zstd), 16, Duration::from_secs(4)).await?;
    print_row(
        size,
        "changed before every request, 16 connections",
        &format!("{:.0}/s", many.rate),
        &floor_says,
        Some(many.rate / floor_rate),
    );
    let one = measure_changes(&program, Some(&zstd), 1, Duration::from_secs(4)).await?;
    print_row(
        size,
        "page after a change, 1 connection: median, p99",
        &format!(
            "{}, {}",
            format_ms(quantile(&one.times, 0.5)),
            format_ms(quantile(&one.times, 0.99))
        ),
        &format!("{} (static route)", format_ms(bare_page)),
        Some(quantile(&one.times, 0.5).as_secs_f64() / bare_page.as_secs_f64()),
    );

    let (moves, bares) = measure_moves(&program).await?;
    let (moved, least) = (quantile(&moves, 0.5), quantile(&bares, 0.5));
    print_row(
        size,
        "a move, 1 connection: median",
        &format_ms(moved),
        &format!("{} (bare transaction)", format_ms(least)),
        Some(moved.as_secs_f64() / least.as_secs_f64()),
    );

    let writers = measure_changes(&program, None, 16, Duration::from_secs(4)).await?;
    print_row(
        size,
        "moves by 16 writers on one board: rate, median, p99",
        &format!(
            "{:.0}/s, {}, {}",
            writers.rate,
            format_ms(quantile(&writers.times, 0.5)),
            format_ms(quantile(&writers.times, 0.99))
        ),
        &format!(
            "{:.0}/s (bare transactions, one writer)",
            1.0 / least.as_secs_f64()
        ),
        Some(writers.rate * least.as_secs_f64()),
    );

    if size == 1000 {
        let idle = program.read_memory()?;
        for streams in [100, 1000] {
            let (reached, memory) = measure_fan_out(&program, streams).await?;
            print_row(
                size,
                &format!("one move reaches all of {streams} streams: median of 9"),
                &format_ms(quantile(&reached, 0.5)),
                &format!("{} (bare transaction)", format_ms(least)),
                Some(quantile(&reached, 0.5).as_secs_f64() / least.as_secs_f64()),
            );
            print_row(
                size,
                &format!("the program's memory with {streams} streams open"),
                &format!("{memory} MB"),
                &format!("{idle} MB (none open)"),
                Some(memory as f64 / idle as f64),
            );
        }
        let before = quantile(
            &measure_changes(&program, Some(&zstd), 1, Duration::from_secs(3))
                .await?
                .times,
            0.5,
        );
        archive_many(&program.db).await?;
        let after = quantile(
            &measure_changes(&program, Some(&zstd), 1, Duration::from_secs(3))
                .await?
                .times,
            0.5,
        );
        let ratio = after.as_secs_f64() / before.as_secs_f64();
        print_row(
            size,
            "page after a change, 100,000 archived: median",
            &format_ms(after),
            &format!("{} (none archived)", format_ms(before)),
            Some(ratio),
        );
    }
    program.stop().await;
    Ok(())
}

struct Changes {
    /// Moves per second.
    rate: f64,
    /// How long each move took, or the page after it.
    times: Figures,
}

/// On every connection, repeatedly moves a task with the API and then requests the page, if there is one.
async fn measure_changes(
    program: &Program,
    page: Option<&Request>,
    connections: usize,
    time: Duration,
) -> anyhow::Result<Changes> {
    let since = Instant::now();
    let mut workers = Vec::new();
    for worker in 0..connections {
        let (page, moves) = (page.cloned(), program.moves(worker));
        let mut connection = Connection::open(program.address).await?;
        workers.push(tokio::spawn(async move {
            let mut times = Figures::new();
            while since.elapsed() < time {
                let mut started = Instant::now();
                let moved = connection.send(&moves[times.len() % moves.len()]).await?;
                anyhow::ensure!(moved.status == 200, "a move returned {}", moved.status);
                if let Some(page) = &page {
                    started = Instant::now();
                    connection.skip(page).await?;
                }
                times.push(started.elapsed());
            }
            anyhow::Ok(times)
        }));
    }
    let mut times = Figures::new();
    for worker in workers {
        times.extend(worker.await??);
    }
    Ok(Changes {
        rate: times.len() as f64 / since.elapsed().as_secs_f64(),
        times,
    })
}

/// Alternates moves with the API and the smallest transaction with the same effect: row, sequence number and event.
async fn measure_moves(program: &Program) -> anyhow::Result<(Figures, Figures)> {
    let mut connection = Connection::open(program.address).await?;
    let mut bare = sqlx::PgConnection::connect_with(&program.db.connect_options()).await?;
    let (team, task): (Uuid, Uuid) = sqlx::query_as(
        "SELECT team_id, k.id FROM tasks k JOIN teams t ON t.id = k.team_id WHERE t.key = 'INF' AND rank IS NOT NULL LIMIT 1",
    )
    .fetch_one(&mut bare)
    .await?;
    let moves = program.moves(0);
    let (mut moved, mut bares) = (Figures::new(), Figures::new());
    for turn in 0..400 {
        let since = Instant::now();
        let response = connection.send(&moves[turn % moves.len()]).await?;
        moved.push(since.elapsed());
        anyhow::ensure!(
            response.status == 200,
            "a move returned {}",
            response.status
        );
        let since = Instant::now();
        let mut tx = bare.begin().await?;
        sqlx::query("UPDATE tasks SET column_since = now(), version = version + 1 WHERE team_id = $1 AND id = $2")
            .bind(team)
            .bind(task)
            .execute(&mut *tx)
            .await?;
        sqlx::query(
            "WITH n AS (UPDATE teams SET seq = seq + 1 WHERE id = $1 RETURNING seq)
             INSERT INTO events (team_id, seq, change_id, task_id, kind, at)
             SELECT $1, seq, gen_random_uuid(), $2, 'task.edited', now() FROM n",
        )
        .bind(team)
        .bind(task)
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        bares.push(since.elapsed());
    }
    Ok((moved, bares))
}

/// Opens event streams and measures the time from sending a move until the last stream has received it.
async fn measure_fan_out(program: &Program, streams: usize) -> anyhow::Result<(Figures, u64)> {
    let live = Request::get("/teams/infrastructure/live", &program.cookie);
    let (sender, mut receiver) = tokio::sync::mpsc::unbounded_channel();
    let mut listeners = Vec::new();
    for _ in 0..streams {
        let mut connection = Connection::open(program.address).await?;
        connection.listen(&live).await?;
        let sender = sender.clone();
        listeners.push(tokio::spawn(async move {
            while connection.wait_for("event: card").await.is_ok() {
                let _ = sender.send(());
            }
        }));
    }
    let mut mover = Connection::open(program.address).await?;
    let moves = program.moves(0);
    let mut reached = Figures::new();
    for turn in 0..9 {
        let since = Instant::now();
        mover.send(&moves[turn % moves.len()]).await?;
        for _ in 0..streams {
            tokio::time::timeout(Duration::from_secs(20), receiver.recv()).await?;
        }
        reached.push(since.elapsed());
    }
    let memory = program.read_memory()?;
    listeners.iter().for_each(|listener| listener.abort());
    Ok((reached, memory))
}

async fn archive_many(db: &Pool) -> anyhow::Result<()> {
    sqlx::query(
        "INSERT INTO tasks (team_id, id, number, column_id, title, created_at, column_since, archived_at, sprint_id)
         SELECT t.id, gen_random_uuid(), t.last_number + n, c.id, 'Archived ' || n, now(), now(), now(), s.id
         FROM teams t JOIN columns c ON c.team_id = t.id AND c.slug = 'done', sprints s, generate_series(1, 100000) n
         WHERE t.key = 'INF' AND s.state = 'active'",
    )
    .execute(db)
    .await?;
    sqlx::query("UPDATE teams SET last_number = last_number + 100000 WHERE key = 'INF'")
        .execute(db)
        .await?;
    sqlx::query("ANALYZE tasks").execute(db).await?;
    Ok(())
}
