//! The cost of a team's pages with a long history: `cargo bench --bench rooms`, or only pages with a word in their URL:
//! `cargo bench --bench rooms -- planning standup`. Options, one or several: `--history` puts ten years behind the second
//! team, `--large` 1,000 tasks into the active sprint of both, and `--many-teams` adds fifty teams with 500 people.
//!
//! Two teams have the same 5,000 tasks and the same events in the last four sprints. One has 20,000 events and the
//! other 200,000, or with history 5,200,000 and 1,000,000 archived tasks: what is over must not slow a page down. Each
//! figure is compared with a baseline measured in the same run: a route that only sends the same bytes.

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
use fortnight::db::pool::Pool;
use fortnight::domain::auth::passwords;
use http::{Connection, Request, measure_rate};
use program::{Floor, Program};
use uuid::Uuid;

/// Paths of pages. TEAM is replaced by the team, which leads a project with the same name, and GOAL by the id of one of
/// its goals. ROUND changes the URL of a cached page with every request.
const PATHS: [&str; 30] = [
    "/",
    "/teams/TEAM?n=ROUND",
    "/teams",
    "/teams/TEAM/flow",
    "/teams/TEAM/flow?sprints=1",
    "/teams/TEAM/flow?sprints=13",
    "/teams/TEAM/flow?q=of+a+team",
    "/teams/TEAM/flow?from=39&to=40",
    "/teams/TEAM/flow?from=3&to=15",
    "/teams/TEAM/flow/cycle-time.csv",
    "/teams/TEAM/planning",
    "/teams/TEAM/goals/GOAL",
    "/teams/TEAM/goals/new",
    "/teams/TEAM/standup",
    "/teams/TEAM/standup/walk",
    "/standup?team=TEAM",
    "/standup",
    "/teams/TEAM/sprints/42/close",
    "/sprints/40/retro?team=TEAM",
    "/sprints/41/retro?team=TEAM",
    "/sprints/41/retro",
    "/sprints",
    "/sprints/42",
    "/teams/TEAM/about",
    "/projects",
    "/projects/TEAM",
    "/projects/TEAM/board?n=ROUND",
    "/teams/TEAM/check-in?n=ROUND",
    "/teams/TEAM/requests",
    "/teams/TEAM/history",
];

/// Pages that are requested repeatedly without changes, over 16 connections.
const KEPT: [&str; 6] = [
    "/teams/many/check-in",
    "/teams/many/check-in/check-in.json",
    "/teams/many/check-in/badge.svg",
    "/public/many",
    "/public/many/badge.svg",
    "/projects/many/board",
];

const ROUNDS: usize = 400;

/// The number of wrong passwords for known addresses, and as many for unknown ones.
const TRIES: i32 = 200;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let mut arguments: Vec<String> = std::env::args()
        .skip(1)
        .filter(|argument| argument != "--bench")
        .collect();
    if let [word, file] = arguments.as_slice()
        && word == "floor"
    {
        return program::serve_floor(file).await;
    }
    let mut options = Vec::new();
    arguments.retain(|argument| match argument.strip_prefix("--") {
        Some(option) => {
            options.push(option.to_owned());
            false
        }
        None => true,
    });
    let program = Program::start(1).await?;
    seed(&program.db, &options).await?;
    for team in ["few", "many"] {
        let count: (i64, i64) = sqlx::query_as(
            "SELECT (SELECT count(*) FROM tasks k WHERE k.team_id = t.id), (SELECT count(*) FROM events e WHERE e.team_id = t.id)
             FROM teams t WHERE t.slug = $1",
        )
        .bind(team)
        .fetch_one(&program.db)
        .await?;
        println!("{team}: {} tasks, {} events", count.0, count.1);
    }
    println!(
        "\n| page | KB | few: median | many: median | many: p99 | floor: median | ratio to floor | many to few |"
    );
    println!("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |");
    // every path contains a slash, so "/" only matches the first page
    let means =
        |part: &String, path: &str| path == part || part != "/" && path.contains(part.as_str());
    let wanted =
        |path: &&str| arguments.is_empty() || arguments.iter().any(|part| means(part, path));
    for path in PATHS.into_iter().filter(wanted) {
        measure(&program, path).await?;
    }
    println!("\n| unchanged, 16 connections | KB | stored bytes | 304 | static route |");
    println!("| --- | ---: | ---: | ---: | ---: |");
    for path in KEPT.into_iter().filter(wanted) {
        measure_unchanged(&program, path).await?;
    }
    if wanted(&"/login") {
        measure_sign_in(&program).await?;
    }
    program.stop().await;
    Ok(())
}

/// Compares the time to refuse a wrong password for known and unknown addresses. Each address is used once and from its
/// own network, so that no rate limit applies.
async fn measure_sign_in(program: &Program) -> anyhow::Result<()> {
    let hash = passwords::hash("a password that is never used".to_owned())
        .await
        .ok()
        .context("no hash")?;
    sqlx::query(
        "INSERT INTO accounts (id, email, name, handle, hue, created_at, password_hash)
         SELECT gen_random_uuid(), 'known-' || n || '@example.org', 'Known', 'known-' || n, 1, now(), $1 FROM generate_series(1, $2) n",
    )
    .bind(hash)
    .bind(TRIES)
    .execute(&program.db)
    .await?;
    let mut connection = Connection::open(program.address).await?;
    let (mut knowns, mut unknowns) = (Figures::new(), Figures::new());
    for n in 1..=TRIES {
        for (address, figures) in [("known", &mut knowns), ("unknown", &mut unknowns)] {
            let form = format!("email={address}-{n}%40example.org&password=guessed");
            let network = format!("x-forwarded-for: 198.18.{}.{}\r\n", n / 250, n % 250 + 1);
            let headers = format!("{network}content-type: application/x-www-form-urlencoded\r\n");
            let request = Request::with_body("POST /login", &headers, &form);
            let since = Instant::now();
            let response = connection.send(&request).await?;
            figures.push(since.elapsed());
            anyhow::ensure!(response.status == 401, "{address}-{n}: {}", response.status);
        }
    }
    let [known, unknown] = [&knowns, &unknowns].map(|figures| quantile(figures, 0.5));
    println!("\n| a wrong password | known address | unknown address | unknown to known |");
    println!("| --- | ---: | ---: | ---: |");
    let ratio = unknown.as_secs_f64() / known.as_secs_f64();
    println!(
        "| median of {TRIES} | {} | {} | {ratio:.2} |",
        format_ms(known),
        format_ms(unknown)
    );
    Ok(())
}

/// Measures the requests per second for an unchanged page, sent in full and as 304, next to a route that sends the same
/// bytes.
async fn measure_unchanged(program: &Program, path: &str) -> anyhow::Result<()> {
    let page = Request::get(path, &program.cookie).accept("gzip");
    let first = Connection::open(program.address).await?.send(&page).await?;
    anyhow::ensure!(first.status == 200, "{path} returned {}", first.status);
    let stored = measure_rate(program.address, &page, 16).await?;
    let known = measure_rate(
        program.address,
        &page.clone().if_none_match(&first.etag),
        16,
    )
    .await?;
    let floor = Floor::start(&first.body).await?;
    let bare = measure_rate(floor.address, &Request::get("/", ""), 16).await?;
    println!(
        "| {path} | {:.1} | {stored:.0}/s | {known:.0}/s | {bare:.0}/s |",
        first.body.len() as f64 / 1024.0
    );
    Ok(())
}

async fn seed(db: &Pool, options: &[String]) -> anyhow::Result<()> {
    let mut statements = vec!["SET statement_timeout = 0", include_str!("seed.sql")];
    for option in options {
        match option.as_str() {
            "large" => statements.push(include_str!("large.sql")),
            "many-teams" => statements.push(include_str!("many_teams.sql")),
            "history" => statements.extend([
                "CREATE TEMP TABLE history AS SELECT id AS team, 1000000 AS tasks, now() - interval '2 years' AS until
                 FROM teams WHERE slug = 'many'",
                include_str!("history.sql"),
            ]),
            _ => anyhow::bail!("no option --{option}"),
        }
    }
    statements.push("VACUUM ANALYZE");
    let mut one = db.acquire().await?;
    for statement in statements {
        sqlx::raw_sql(statement).execute(&mut *one).await?;
    }
    Ok(())
}

/// Requests the page of both teams and the baseline in turn, so that other load on the machine affects all three.
async fn measure(program: &Program, path: &str) -> anyhow::Result<()> {
    let goals: Vec<(String, Uuid)> = sqlx::query_as(
        "SELECT t.slug, g.id FROM goals g JOIN teams t ON t.id = g.team_id JOIN sprints s ON s.id = g.sprint_id
         WHERE s.state = 'active' AND g.position = 1 AND t.slug IN ('few', 'many') ORDER BY t.slug",
    )
    .fetch_all(&program.db)
    .await?;
    let page = |(team, goal): &(String, Uuid), round: usize| {
        let path = path
            .replace("TEAM", team)
            .replace("GOAL", &goal.to_string())
            .replace("ROUND", &round.to_string());
        Request::get(&path, &program.cookie)
    };
    let [few, many] = goals.as_slice() else {
        anyhow::bail!("the two teams have no goals")
    };
    let bare = Request::get("/", "");
    let mut connection = Connection::open(program.address).await?;
    let first = connection.send(&page(many, 0)).await?;
    anyhow::ensure!(first.status == 200, "{path} returned {}", first.status);
    let floor = Floor::start(&first.body).await?;
    let mut ground = Connection::open(floor.address).await?;
    let (mut fews, mut manys, mut floors) = (Figures::new(), Figures::new(), Figures::new());
    for round in 1..=ROUNDS + 20 {
        let (few, many) = (page(few, round), page(many, round));
        for (request, figures) in [(&few, &mut fews), (&many, &mut manys), (&bare, &mut floors)] {
            let to = if std::ptr::eq(request, &bare) {
                &mut ground
            } else {
                &mut connection
            };
            let since = Instant::now();
            to.skip(request).await?;
            // the first requests warm up the caches
            if round > 20 {
                figures.push(since.elapsed());
            }
        }
    }
    let middle = [&fews, &manys, &floors].map(|figures| quantile(figures, 0.5));
    let ratio = |one: usize, other: usize| middle[one].as_secs_f64() / middle[other].as_secs_f64();
    println!(
        "| {path} | {} | {} | {} | {} | {} | {:.0} | {:.2} |",
        first.body.len() / 1024,
        format_ms(middle[0]),
        format_ms(middle[1]),
        format_ms(quantile(&manys, 0.99)),
        format_ms(middle[2]),
        ratio(1, 2),
        ratio(1, 0),
    );
    Ok(())
}
