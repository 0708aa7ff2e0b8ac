//! When work started and finished: moves within Done, undone and momentary moves, and random histories, which every
//! page has to read alike.

use std::collections::HashMap;

use axum::http::Method;
use proptest::{
    prelude::*,
    strategy::ValueTree,
    test_runner::{Config, TestRunner},
};
use serde_json::json;
use time::{Date, Duration, OffsetDateTime};

use crate::fixtures::{Client, NOW, World};

/// Monday of the sprint's first week, in the morning.
const MONDAY: Duration = Duration::days(-8);

async fn put_in(client: &Client, key: &str, column: &str) -> String {
    let path = format!("/tasks/{key}/position");
    client
        .submit_by_script(Method::PUT, &path, "card", &[("column", column)])
        .await
        .ok()
        .header("fortnight-change")
        .to_owned()
}

async fn undo(client: &Client, change: &str) {
    client
        .post(&format!("/changes/{change}/undo"), &[])
        .await
        .ok();
}

async fn cycle_times(client: &Client) -> String {
    client
        .get("/teams/infrastructure/flow/cycle-time.csv")
        .await
        .ok()
        .text()
}

async fn retro(client: &Client) -> String {
    client
        .get("/sprints/42/retro?team=infrastructure")
        .await
        .ok()
        .text()
}

/// The days that the retro gives for each of these tasks.
async fn retro_days(client: &Client, keys: &[String]) -> Vec<Option<i64>> {
    let page = retro(client).await;
    let list = page.split("Longest cycle times").nth(1).unwrap();
    let list = list.split("</section>").next().unwrap();
    keys.iter()
        .map(|key| {
            let row = list
                .split(&format!("<span class=\"key\">{key}</span>"))
                .nth(1)?;
            let days = row.split(" d</span><span></span>").next()?;
            days.rsplit('>').next()?.parse().ok()
        })
        .collect()
}

async fn add_released(world: &World) {
    sqlx::query("UPDATE members SET role = 'lead'")
        .execute(&world.db)
        .await
        .unwrap();
    world
        .elif
        .post(
            "/teams/infrastructure/columns",
            &[("name", "Released"), ("state", "done")],
        )
        .await
        .ok();
}

#[tokio::test]
async fn moves_within_done_do_not_lengthen_the_cycle_time() {
    let world = World::new().await;
    let elif = &world.elif;
    add_released(&world).await;
    world.app.clock.advance(MONDAY);
    let key = elif.create_task("infrastructure", "todo", "Cut over").await;
    let other = elif.create_task("infrastructure", "done", "Pin").await;
    world.app.clock.advance(Duration::hours(1));
    put_in(elif, &key, "in-progress").await;
    world.app.clock.advance(Duration::days(1));
    put_in(elif, &key, "done").await;
    world.app.clock.advance(Duration::days(3));
    elif.post(
        &format!("/tasks/{key}/position"),
        &[("column", "done"), ("after", &other)],
    )
    .await
    .ok();
    put_in(elif, &key, "released").await;
    let expected = "INF-1,Cut over,2026-11-16,2026-11-17,2\r\n";
    assert!(cycle_times(elif).await.ends_with(expected));
    assert_eq!(retro_days(elif, &[key]).await, [Some(2)]);
}

#[tokio::test]
async fn undone_and_momentary_moves_count_for_nothing() {
    let world = World::new().await;
    let elif = &world.elif;
    world.app.clock.advance(MONDAY);
    let undone = elif.create_task("infrastructure", "todo", "Undone").await;
    let dragged = elif.create_task("infrastructure", "todo", "Dragged").await;
    let noted = elif.create_task("infrastructure", "todo", "Noted").await;
    world.app.clock.advance(Duration::hours(1));
    let change = put_in(elif, &undone, "in-progress").await;
    world.app.clock.advance(Duration::minutes(30));
    undo(elif, &change).await;
    put_in(elif, &dragged, "in-progress").await;
    put_in(elif, &noted, "in-progress").await;
    elif.post(
        &format!("/tasks/{noted}/comments"),
        &[("body", "Looked at it")],
    )
    .await
    .ok();
    world.app.clock.advance(Duration::minutes(1));
    put_in(elif, &dragged, "todo").await;
    put_in(elif, &noted, "todo").await;
    world.app.clock.advance(Duration::days(7));
    for key in [&undone, &dragged, &noted] {
        put_in(elif, key, "in-progress").await;
    }
    world.app.clock.advance(Duration::hours(20));
    for key in [&undone, &dragged, &noted] {
        put_in(elif, key, "done").await;
    }
    let keys = [undone, dragged, noted];
    assert_eq!(retro_days(elif, &keys).await, [Some(2), Some(2), Some(9)]);
    let times = cycle_times(elif).await;
    assert!(times.contains("Undone,2026-11-23,2026-11-24,2"), "{times}");
    assert!(times.contains("Dragged,2026-11-23,2026-11-24,2"), "{times}");
    assert!(
        times.contains("Noted,2026-11-16,2026-11-24,9"),
        "what happened meanwhile shows that it was meant: {times}"
    );
}

#[tokio::test]
async fn a_moment_in_blocked_is_no_blocked_day() {
    let world = World::new().await;
    let elif = &world.elif;
    let key = elif
        .create_task("infrastructure", "in-progress", "Cut over")
        .await;
    world.app.clock.advance(Duration::hours(1));
    for reason in [true, false] {
        if reason {
            elif.post(
                &format!("/tasks/{key}/block"),
                &[("kind", "text"), ("note", "Legal")],
            )
            .await
            .ok();
        } else {
            put_in(elif, &key, "blocked").await;
        }
        world.app.clock.advance(Duration::minutes(1));
        put_in(elif, &key, "in-progress").await;
        world.app.clock.advance(Duration::hours(1));
    }
    let blocked = elif
        .get("/teams/infrastructure/flow/blocked.csv")
        .await
        .ok()
        .text();
    assert_eq!(blocked, "\u{feff}Cause,Waiting on,Tasks,Days\r\n");
    let page = retro(elif).await;
    assert!(!page.contains("on Legal"), "{page}");
    let task = elif.load_task(&key).await;
    assert_eq!(
        task["column_since"],
        json!("2026-11-24T10:00:00Z"),
        "it never left its column: {task}"
    );
}

#[tokio::test]
async fn redone_work_keeps_the_time_it_was_finished() {
    let world = World::new().await;
    let elif = &world.elif;
    world.app.clock.advance(MONDAY);
    let key = elif.create_task("infrastructure", "todo", "Cut over").await;
    world.app.clock.advance(Duration::hours(1));
    put_in(elif, &key, "in-progress").await;
    world.app.clock.advance(Duration::minutes(12 * 60 + 30)); // shortly before midnight
    let done = put_in(elif, &key, "done").await;
    world.app.clock.advance(Duration::minutes(50));
    let undone = elif
        .submit_by_script(Method::POST, &format!("/changes/{done}/undo"), "card", &[])
        .await
        .ok()
        .header("fortnight-change")
        .to_owned();
    assert_eq!(retro_days(elif, std::slice::from_ref(&key)).await, [None]);
    undo(elif, &undone).await;
    assert_eq!(retro_days(elif, &[key]).await, [Some(1)]);
}

#[tokio::test]
async fn undone_creation_leaves_no_trace_in_reports() {
    let world = World::new().await;
    let elif = &world.elif;
    let created = elif
        .submit_by_script(
            Method::POST,
            "/teams/infrastructure/tasks",
            "card",
            &[("title", "By mistake"), ("column", "in-progress")],
        )
        .await
        .ok();
    undo(elif, created.header("fortnight-change")).await;
    world.app.clock.advance(Duration::days(2));
    let standup = elif
        .get("/teams/infrastructure/standup?since=2026-11-23")
        .await
        .ok()
        .text();
    assert!(!standup.contains("By mistake"), "{standup}");
    let retro = retro(elif).await;
    assert!(!retro.contains("By mistake"), "{retro}");
}

/// One step of a random history.
#[derive(Clone, Debug)]
enum Step {
    Move { task: usize, column: usize },
    Undo,
    Comment { task: usize },
    Wait { minutes: i64 },
}

const COLUMNS: [(&str, &str); 6] = [
    ("todo", "todo"),
    ("in-progress", "doing"),
    ("blocked", "blocked"),
    ("in-review", "review"),
    ("done", "done"),
    ("released", "done"),
];

const TASKS: usize = 4;

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        5 => (0..TASKS, 0..COLUMNS.len()).prop_map(|(task, column)| Step::Move { task, column }),
        1 => Just(Step::Undo),
        1 => (0..TASKS).prop_map(|task| Step::Comment { task }),
        2 => (1..4_i64).prop_map(|minutes| Step::Wait { minutes }),
        2 => (60..2_000_i64).prop_map(|minutes| Step::Wait { minutes }),
    ];
    prop::collection::vec(step, 10..45)
}

/// What a task's history should come to: the definition, once more and as plainly as possible.
#[derive(Default)]
struct Model {
    /// The states that count, with the time.
    states: Vec<(OffsetDateTime, &'static str)>,
    column: usize,
    was_commented: bool,
}

impl Model {
    fn enter(&mut self, state: &'static str, now: OffsetDateTime) {
        if self.state() != state {
            self.states.push((now, state));
            self.was_commented = false;
        }
    }

    fn move_to(&mut self, state: &'static str, now: OffsetDateTime) {
        let (since, last) = *self.states.last().unwrap();
        if now - since < Duration::minutes(5) && !self.was_commented && last != state {
            if self.states.len() > 1 {
                self.states.pop();
            } else {
                self.states[0].1 = "todo";
            }
        }
        self.enter(state, now);
    }

    fn state(&self) -> &'static str {
        self.states.last().unwrap().1
    }

    fn cycle(&self) -> Option<(Date, Date)> {
        let started = self.states.iter().find(|(_, state)| *state == "doing")?;
        let finished = self.states.last().filter(|(_, state)| *state == "done")?;
        Some((started.0.date(), finished.0.date()))
    }
}

#[tokio::test]
async fn flow_retro_and_burn_up_agree_on_random_histories() {
    let mut runner = TestRunner::new_with_rng(
        Config::default(),
        proptest::test_runner::TestRng::deterministic_rng(
            proptest::test_runner::RngAlgorithm::ChaCha,
        ),
    );
    for _ in 0..8 {
        let history = steps().new_tree(&mut runner).unwrap().current();
        replay(&history).await;
    }
}

async fn replay(history: &[Step]) {
    let world = World::new().await;
    let elif = &world.elif;
    add_released(&world).await;
    world.app.clock.advance(MONDAY);
    let mut now = NOW + MONDAY;
    let mut keys = Vec::new();
    let mut models: Vec<Model> = Vec::new();
    for n in 0..TASKS {
        keys.push(
            elif.create_task("infrastructure", "todo", &format!("Task {n}"))
                .await,
        );
        models.push(Model {
            states: vec![(now, "todo")],
            ..Model::default()
        });
    }
    let mut last: Option<(String, usize, usize)> = None;
    for step in history {
        match *step {
            Step::Move { task, column } => {
                let change = put_in(elif, &keys[task], COLUMNS[column].0).await;
                last = Some((change, task, models[task].column));
                models[task].move_to(COLUMNS[column].1, now);
                models[task].column = column;
            }
            // only what was done last and moments ago, so that the model stays plain
            Step::Undo => {
                if let Some((change, task, column)) = last.take() {
                    undo(elif, &change).await;
                    models[task].move_to(COLUMNS[column].1, now);
                    models[task].column = column;
                }
            }
            Step::Comment { task } => {
                elif.post(
                    &format!("/tasks/{}/comments", keys[task]),
                    &[("body", "Looked at it")],
                )
                .await
                .ok();
                models[task].was_commented = true;
                last = None;
            }
            Step::Wait { minutes } => {
                if minutes > 4 {
                    last = None;
                }
                now += Duration::minutes(minutes);
                world.app.clock.advance(Duration::minutes(minutes));
            }
        }
    }
    let story = format!("{history:?}");
    let times = cycle_times(elif).await;
    let rows: HashMap<&str, &str> = times
        .lines()
        .skip(1)
        .filter_map(|row| row.split_once(','))
        .collect();
    let retro = retro_days(elif, &keys).await;
    for ((key, model), in_retro) in keys.iter().zip(&models).zip(retro) {
        let cycle = model.cycle();
        let days = cycle.map(|(from, to)| (to - from).whole_days() + 1);
        assert_eq!(in_retro, days, "{key} in the retro: {story}");
        let row = rows.get(key.as_str()).copied();
        match (cycle, days) {
            (Some((from, to)), Some(days)) => assert!(
                row.is_some_and(|row| row.ends_with(&format!("{from},{to},{days}"))),
                "{key}: {row:?}, expected {from} to {to}: {story}"
            ),
            _ => assert_eq!(row, None, "{key}: {story}"),
        }
    }
    let done = models
        .iter()
        .filter(|model| model.state() == "done")
        .count();
    let burn_up = elif
        .get("/teams/infrastructure/flow/burn-up.csv?from=42&to=42")
        .await
        .ok()
        .text();
    let today = burn_up
        .lines()
        .find(|row| row.starts_with(&now.date().to_string()))
        .unwrap_or_else(|| panic!("{now}: {burn_up}"));
    assert!(
        today.contains(&format!(",{TASKS},{done}")),
        "{done} done: {today}: {story}"
    );
    let board = elif
        .api(Method::GET, "/teams/infrastructure/board", json!({}))
        .await
        .ok()
        .json();
    let on_board = board["columns"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|column| column["state"] == "done")
        .map(|column| column["tasks"].as_array().map_or(0, Vec::len))
        .sum::<usize>();
    assert_eq!(on_board, done, "on the board: {story}");
}
