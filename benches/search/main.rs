//! The search over 200,000 tasks, 400,000 steps and 1,000,000 comments of 20 teams: `cargo bench --bench search`.
//!
//! Each kind of search is sent 200 times as the palette sends it, with different words, one after the other. The
//! baseline of the same run is the palette without a text, which only lists pages.

#[path = "../board/figures.rs"]
mod figures;
#[path = "../board/http.rs"]
#[expect(dead_code, reason = "the board's bench uses the rest of it")]
mod http;
#[path = "../board/program.rs"]
#[expect(dead_code, reason = "the board's bench uses the rest of it")]
mod program;

use std::time::Instant;

use figures::{Figures, format_ms, quantile};
use http::{Connection, Request};
use program::Program;

const ROUNDS: usize = 200;

/// What is searched for, as words by their rank: `frequent` ones are in every second comment, `rare` ones in a few.
const KINDS: [(&str, Typed); 8] = [
    ("nothing typed", |_, _| String::new()),
    ("a frequent word", |words, n| words.of_rank(n % 40)),
    ("a word", |words, n| words.of_rank(40 + n * 20)),
    ("a rare word", |words, n| words.of_rank(6000 + n * 60)),
    ("two words", |words, n| {
        format!("{} {}", words.of_rank(20 + n), words.of_rank(300 + n * 30))
    }),
    ("the beginning of a word", |words, n| {
        let word = words.of_rank(n * 50);
        word[..1 + n % word.len()].to_owned()
    }),
    ("the end of a word", |words, n| {
        words.of_rank(n * 90)[1..].to_owned()
    }),
    ("a misspelt word", |words, n| {
        let mut letters = words.of_rank(5000 + n * 70).into_bytes();
        letters.swap(1, 2);
        String::from_utf8_lossy(&letters).into_owned()
    }),
];

/// Returns what is typed in a round.
type Typed = fn(&Words, usize) -> String;

struct Words(Vec<String>);

impl Words {
    fn of_rank(&self, rank: usize) -> String {
        self.0[rank % self.0.len()].clone()
    }
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [word, file] = arguments.as_slice()
        && word == "floor"
    {
        return program::serve_floor(file).await;
    }
    let program = Program::start(1).await?;
    let mut db = program.db.acquire().await?;
    for script in [
        "SET statement_timeout = 0",
        include_str!("seed.sql"),
        "VACUUM ANALYZE",
    ] {
        sqlx::raw_sql(script).execute(&mut *db).await?;
    }
    let words: Vec<String> = sqlx::query_scalar("SELECT word FROM vocabulary ORDER BY n")
        .fetch_all(&mut *db)
        .await?;
    drop(db);
    let words = Words(words);
    let mut connection = Connection::open(program.address).await?;
    println!("| search | median | p99 | slowest | ratio of medians |");
    println!("| --- | ---: | ---: | ---: | ---: |");
    let mut baseline = None;
    let mut all = Figures::new();
    for (kind, typed) in KINDS {
        let mut times = Figures::new();
        for round in 0..ROUNDS {
            let typed: String =
                form_urlencoded::byte_serialize(typed(&words, round).as_bytes()).collect();
            let path = format!("/search?team=team-1&q={typed}");
            let request =
                Request::get(&path, &program.cookie).header("fortnight-fragment", "palette");
            let begin = Instant::now();
            let response = connection.send(&request).await?;
            times.push(begin.elapsed());
            anyhow::ensure!(response.status == 200, "{typed}: {}", response.status);
        }
        let median = quantile(&times, 0.5);
        let baseline = *baseline.get_or_insert(median);
        print_row(kind, &times, median.as_secs_f64() / baseline.as_secs_f64());
        all.extend(times);
    }
    let ratio = quantile(&all, 0.5).as_secs_f64() / baseline.unwrap_or_default().as_secs_f64();
    print_row("all of them", &all, ratio);
    program.stop().await;
    Ok(())
}

fn print_row(kind: &str, times: &Figures, ratio: f64) {
    println!(
        "| {kind} | {} | {} | {} | {ratio:.1} |",
        format_ms(quantile(times, 0.5)),
        format_ms(quantile(times, 0.99)),
        format_ms(quantile(times, 1.0)),
    );
}
