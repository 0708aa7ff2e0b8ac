//! Concurrent changes of one board: nothing is lost or duplicated, and the history matches the state.

use std::collections::BTreeMap;

use axum::http::Method;
use fortnight::domain::policy::viewer::Scope;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    asset_serving::Served,
    fixtures::{Client, World},
};

const COLUMNS: [&str; 5] = ["todo", "in-progress", "blocked", "in-review", "done"];

/// Case R1. Positions and task numbers never collide.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn twenty_clients_move_create_and_archive_at_once() {
    run_random_operations(20, 500, 1).await;
}

/// Runs random operations by several clients at once. The seed makes the operations reproducible.
async fn run_random_operations(clients: u64, operations: u64, seed: u64) {
    println!("{clients} clients, {operations} operations each, seed {seed}");
    let world = World::new().await;
    let served = Served::of(&world).await;
    let token = world
        .program_of(&world.elif, Scope::Write)
        .await
        .bearer
        .unwrap();
    for n in 0..30 {
        world
            .elif
            .create_task("infrastructure", COLUMNS[n % 5], &format!("Task {n}"))
            .await;
    }
    let base = format!("http://{}/api/v1", served.address);
    let http = crate::program::new_client();
    let clients = (1..=clients).map(|client| {
        let rng = Rng(0x9e37_79b9_7f4a_7c15 ^ (seed << 32 | client));
        tokio::spawn(run_client(
            http.clone(),
            base.clone(),
            token.clone(),
            client,
            operations,
            rng,
        ))
    });
    let mut acknowledged = 0;
    for client in clients.collect::<Vec<_>>() {
        acknowledged += client.await.unwrap();
    }
    check_board(&world).await;
    let changes: i64 = sqlx::query_scalar(
        "SELECT count(DISTINCT change_id) FROM events WHERE change_id NOT IN (SELECT change_id FROM events WHERE kind = 'task.archived')",
    )
    .fetch_one(&world.db)
    .await
    .unwrap();
    assert_eq!(
        changes,
        acknowledged + 30,
        "every acknowledged change is in the history exactly once"
    );
    assert_eq!(world.count_deadlocks().await, 0);
}

/// Two teams make every kind of change at once, to their own tasks and to tasks that the other waits for.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_busy_teams_cause_no_deadlocks() {
    let world = World::new().await;
    let teams = [
        (&world.elif, "infrastructure", "INF", "ING"),
        (&world.jonas, "ingestion", "ING", "INF"),
    ];
    for (client, team, ..) in teams {
        for n in 0..8 {
            client
                .create_task(team, COLUMNS[n % 5], &format!("Task {n}"))
                .await;
        }
        for (sprint, title) in [("42", "Migrate"), ("43", "Cut over")] {
            let goal = [("sprint", sprint), ("title", title), ("target", "9")];
            assert_eq!(
                client
                    .post(&format!("/teams/{team}/goals"), &goal)
                    .await
                    .status,
                303
            );
        }
    }
    let people = (0..12).map(|n| {
        let (client, team, key, others) = teams[n % 2];
        tokio::spawn(run_every_kind_of_change(
            client.clone(),
            team,
            key,
            others,
            n as u64,
        ))
    });
    for person in people.collect::<Vec<_>>() {
        person.await.unwrap();
    }
    check_board(&world).await;
    assert_eq!(world.count_deadlocks().await, 0);
}

async fn run_every_kind_of_change(
    client: Client,
    team: &'static str,
    ours: &'static str,
    theirs: &'static str,
    n: u64,
) {
    let mut rng = Rng(0x9e37_79b9_7f4a_7c15 ^ (n + 1));
    let mut last_change = None;
    for _ in 0..60 {
        let mut any = |key: &str| format!("{key}-{}", rng.below(8) + 1);
        let (key, another, foreign) = (any(ours), any(ours), any(theirs));
        let column = COLUMNS[rng.below(5) as usize];
        let (path, fields): (String, Vec<(&str, &str)>) = match (rng.below(14), &last_change) {
            (0 | 1, _) => (format!("/tasks/{key}/position"), vec![("column", column)]),
            (2 | 3, _) => (
                format!("/tasks/{key}/block"),
                vec![("kind", "task"), ("on", &foreign)],
            ),
            (4, _) => (
                format!("/tasks/{key}/block"),
                vec![("kind", "task"), ("on", &another)],
            ),
            (5, _) => (format!("/tasks/{key}/unblock"), vec![]),
            (6, _) => (
                format!("/tasks/{foreign}/comments"),
                vec![("body", "How far is it?")],
            ),
            (7, _) => (
                format!("/tasks/{key}"),
                vec![
                    ("sprint", "43"),
                    ("labels", "postgres"),
                    ("needed_by", "Growth"),
                ],
            ),
            (8, _) => (
                format!("/tasks/{key}"),
                vec![("sprint", "42"), ("goal", "1"), ("title", "Again")],
            ),
            (9, _) => (
                format!("/tasks/{key}/owners"),
                vec![("owners", "elif"), ("owners", "jonas")],
            ),
            (10, _) => (
                format!("/teams/{team}/bulk"),
                vec![("keys", &key), ("keys", &another), ("column", column)],
            ),
            (11, _) => (
                format!("/teams/{team}/bulk"),
                vec![("keys", &key), ("keys", &another), ("sprint", "42")],
            ),
            (12, Some(change)) => (format!("/changes/{change}/undo"), vec![]),
            (12, None) => (format!("/tasks/{key}/steps"), vec![("text", "Rehearse")]),
            _ => (format!("/tasks/{foreign}/follow"), vec![("follow", "1")]),
        };
        let response = client
            .submit_by_script(Method::POST, &path, "card", &fields)
            .await;
        // undoing a request that changed nothing is a 404
        assert!(
            matches!(
                response.status.as_u16(),
                200 | 201 | 204 | 303 | 404 | 409 | 422
            ),
            "{path} {fields:?}: {} {}",
            response.status,
            response.text()
        );
        if !path.contains(&foreign) {
            last_change = response
                .headers
                .get("fortnight-change")
                .map(|change| change.to_str().unwrap().to_owned());
        }
    }
}

/// Runs one client's operations and returns how many changed something.
async fn run_client(
    http: reqwest::Client,
    base: String,
    token: String,
    client: u64,
    operations: u64,
    mut rng: Rng,
) -> i64 {
    let mut acknowledged = 0;
    for operation in 0..operations {
        let task = rng.below(30) + 1;
        let (method, path, body) = match rng.below(20) {
            0 => (
                Method::POST,
                "/teams/infrastructure/tasks".to_owned(),
                json!({ "title": format!("{client}/{operation}"), "column": COLUMNS[rng.below(5) as usize] }),
            ),
            1 => (
                Method::DELETE,
                format!("/tasks/INF-{}", 20 + rng.below(60)),
                json!({}),
            ),
            roll => {
                let neighbour = format!("INF-{}", rng.below(30) + 1);
                let mut place = json!({ "column": COLUMNS[rng.below(5) as usize] });
                if roll % 3 > 0 {
                    place[if roll % 3 == 1 { "after" } else { "before" }] = json!(neighbour);
                }
                (Method::PUT, format!("/tasks/INF-{task}/position"), place)
            }
        };
        // archiving an archived task succeeds too, but changes nothing
        let counts = method != Method::DELETE;
        let response = http
            .request(method, format!("{base}{path}"))
            .bearer_auth(&token)
            .json(&body)
            .send()
            .await
            .unwrap();
        let status = response.status().as_u16();
        assert!(
            matches!(status, 200 | 201 | 404 | 409),
            "{path} {body}: {status} {}",
            response.text().await.unwrap()
        );
        acknowledged += i64::from(counts && matches!(status, 200 | 201));
    }
    acknowledged
}

/// Checks what holds after any run: one column and rank per task, numbers without gaps, and a history that replays to
/// the current state.
pub async fn check_board(world: &World) {
    let rows: Vec<(Uuid, String, Option<String>, bool, String)> = sqlx::query_as(
        "SELECT k.id, c.slug, k.rank, k.archived_at IS NOT NULL, k.title FROM tasks k JOIN columns c ON c.team_id = k.team_id AND c.id = k.column_id
         JOIN teams t ON t.id = k.team_id WHERE t.slug = 'infrastructure'",
    )
    .fetch_all(&world.db)
    .await
    .unwrap();
    let numbers: Vec<i64> = sqlx::query_scalar(
        "SELECT number FROM tasks k JOIN teams t ON t.id = k.team_id WHERE t.slug = 'infrastructure' ORDER BY number",
    )
    .fetch_all(&world.db)
    .await
    .unwrap();
    assert_eq!(
        numbers,
        (1..=numbers.len() as i64).collect::<Vec<_>>(),
        "task numbers have no gaps and no duplicates"
    );
    let mut places: Vec<_> = rows
        .iter()
        .filter_map(|row| Some((row.1.clone(), row.2.clone()?)))
        .collect();
    let count = places.len();
    places.sort();
    places.dedup();
    assert_eq!(places.len(), count, "each rank belongs to one task");
    let longest = places.iter().map(|(_, rank)| rank.len()).max().unwrap_or(0);
    assert!(longest <= 64);

    let events: Vec<(i64, Option<Uuid>, String, Value)> =
        sqlx::query_as("SELECT e.seq, task_id, kind, after FROM events e JOIN teams t ON t.id = e.team_id WHERE t.slug = 'infrastructure' ORDER BY e.seq")
            .fetch_all(&world.db).await.unwrap();
    let seq: i64 = sqlx::query_scalar("SELECT seq FROM teams WHERE slug = 'infrastructure'")
        .fetch_one(&world.db)
        .await
        .unwrap();
    assert_eq!(
        events.iter().map(|event| event.0).collect::<Vec<_>>(),
        (1..=seq).collect::<Vec<_>>(),
        "events are numbered without gaps"
    );
    let mut replayed: BTreeMap<Uuid, Value> = BTreeMap::new();
    for (_, task, kind, after) in &events {
        if kind == "column.rebalanced" {
            for (task, rank) in after["ranks"].as_object().unwrap() {
                replayed.get_mut(&task.parse::<Uuid>().unwrap()).unwrap()["rank"] = rank.clone();
            }
        } else if let Some(task) = task {
            let state = replayed
                .entry(*task)
                .or_insert_with(|| json!({ "archived": false }));
            for (field, value) in after.as_object().unwrap() {
                state[field] = value.clone();
            }
        }
    }
    for (task, column, rank, archived, title) in rows {
        let replayed_task = &replayed[&task];
        assert_eq!(
            (
                &replayed_task["column"],
                &replayed_task["archived"],
                &replayed_task["title"]
            ),
            (&json!(column), &json!(archived), &json!(title))
        );
        assert_eq!(replayed_task["rank"], json!(rank));
    }
}

/// Case R6. The response contains both versions.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_of_two_concurrent_edits_wins_and_the_other_gets_409() {
    let world = World::new().await;
    world.elif.create_task("infrastructure", "todo", "0").await;
    for round in 1..=100 {
        let write = |client: &Client, name: &str| {
            let (client, name) = (client.clone(), name.to_owned());
            tokio::spawn(async move {
                client
                    .api(
                        Method::PATCH,
                        "/tasks/INF-1",
                        json!({ "title": format!("{name} {round}"), "version": round }),
                    )
                    .await
            })
        };
        let (a, b) = (write(&world.elif, "a"), write(&world.elif, "b"));
        let (a, b) = (a.await.unwrap(), b.await.unwrap());
        let (won, lost) = if a.status == 200 { (a, b) } else { (b, a) };
        assert_eq!((won.status.as_u16(), lost.status.as_u16()), (200, 409));
        let lost = lost.json();
        assert_eq!(lost["current"]["title"], won.json()["title"]);
        assert_ne!(lost["sent"]["title"], lost["current"]["title"]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn concurrent_writes_with_one_key_are_done_once() {
    let world = World::new().await;
    let send = |title: &str| {
        let elif = world.elif.clone();
        let body = json!({ "title": title }).to_string();
        tokio::spawn(async move {
            let request = axum::http::Request::post("/api/v1/teams/infrastructure/tasks")
                .header("content-type", "application/json")
                .header("idempotency-key", "once")
                .body(axum::body::Body::from(body));
            elif.send(request.unwrap()).await
        })
    };
    let tries = [send("One"), send("One"), send("One")];
    for response in tries {
        let response = response.await.unwrap().status(201).json();
        assert_eq!(
            (&response["key"], &response["title"]),
            (&json!("INF-1"), &json!("One"))
        );
    }
    send("Another").await.unwrap().status(422);
    let tasks: i64 = sqlx::query_scalar("SELECT count(*) FROM tasks")
        .fetch_one(&world.db)
        .await
        .unwrap();
    assert_eq!(tasks, 1);
}

/// Case R2. Ranks are rebalanced before they get too long.
#[tokio::test]
async fn there_is_always_a_rank_between_two_tasks() {
    let world = World::new().await;
    world
        .elif
        .create_task("infrastructure", "todo", "first")
        .await;
    world
        .elif
        .create_task("infrastructure", "todo", "last")
        .await;
    for n in 0..600 {
        world
            .elif
            .create_task("infrastructure", "in-progress", &format!("{n}"))
            .await;
        let place = json!({ "column": "todo", "after": "INF-1" });
        world
            .elif
            .api(
                Method::PUT,
                &format!("/tasks/INF-{}/position", n + 3),
                place,
            )
            .await
            .ok();
    }
    let column = world.column_keys("infrastructure", "todo").await;
    assert_eq!(
        (column[0].as_str(), column[1].as_str(), column[601].as_str()),
        ("INF-1", "INF-602", "INF-2")
    );
    check_board(&world).await;
}

/// A small pseudo-random number generator (xorshift), so that runs are reproducible.
struct Rng(u64);

impl Rng {
    fn below(&mut self, most: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % most
    }
}

#[tokio::test]
async fn member_removed_during_a_move_changes_nothing() {
    let world = World::new().await;
    let elif = &world.elif;
    let key = elif.create_task("infrastructure", "todo", "Cut over").await;
    for (removal, status) in [
        ("DELETE FROM members WHERE account_id = $1", 403),
        (
            "UPDATE accounts SET deactivated_at = now() WHERE id = $1",
            403,
        ),
    ] {
        let before = elif.load_task(&key).await;
        // the move has passed the permission check and waits for a lock
        let mut lock = world.db.begin().await.unwrap();
        sqlx::query("SELECT FROM columns FOR UPDATE")
            .execute(&mut *lock)
            .await
            .unwrap();
        let pending = {
            let (elif, key) = (elif.clone(), key.clone());
            tokio::spawn(async move {
                elif.post(&format!("/tasks/{key}/position"), &[("column", "done")])
                    .await
            })
        };
        world.wait_for_lock_waiter().await;
        let mut tx = world.db.begin().await.unwrap();
        sqlx::query(removal)
            .bind(elif.person.id)
            .execute(&mut *tx)
            .await
            .unwrap();
        tx.commit().await.unwrap();
        lock.commit().await.unwrap();
        pending.await.unwrap().status(status);
        sqlx::query("UPDATE accounts SET deactivated_at = NULL")
            .execute(&world.db)
            .await
            .unwrap();
        sqlx::query("INSERT INTO members (team_id, account_id, since) SELECT id, $1, now() FROM teams WHERE key = 'INF' ON CONFLICT DO NOTHING")
            .bind(elif.person.id)
            .execute(&world.db)
            .await
            .unwrap();
        assert_eq!(elif.load_task(&key).await, before);
    }
    elif.post(&format!("/tasks/{key}/position"), &[("column", "done")])
        .await
        .ok();
}
