//! The demo's generated history is consistent on whatever day it is created.

use std::collections::{HashMap, HashSet};
use std::time::Instant;

use fortnight::db::pool::Pool;
use fortnight::demo;
use rustix::process::Signal;
use serde_json::Value;
use time::macros::datetime;
use time::{Date, OffsetDateTime};
use uuid::Uuid;

use crate::cluster;
use crate::program::Place;

async fn create_demo(now: OffsetDateTime, tasks: Option<u32>) -> Pool {
    let database = cluster::create_database().await;
    demo::fill(&database, now, tasks).await.unwrap();
    database
}

async fn fetch_number(database: &Pool, query: &'static str) -> i64 {
    sqlx::query_scalar(query).fetch_one(database).await.unwrap()
}

#[derive(sqlx::FromRow)]
struct EventRow {
    team_id: Uuid,
    seq: i64,
    task_id: Uuid,
    kind: String,
    before: Value,
    after: Value,
    version: Option<i64>,
    at: OffsetDateTime,
}

#[derive(sqlx::FromRow)]
struct TaskRow {
    id: Uuid,
    column_id: Uuid,
    column: String,
    state: String,
    rank: Option<String>,
    sprint_id: Option<Uuid>,
    goal_id: Option<Uuid>,
    version: i64,
    moved_version: i64,
    created_at: OffsetDateTime,
    column_since: OffsetDateTime,
    archived: bool,
    owners: Vec<String>,
    open_waits: Vec<String>,
    steps_done: i64,
    comments: i64,
}

/// The state of a task according to its events.
#[derive(Default)]
struct Replayed {
    column: Value,
    state: Value,
    rank: Value,
    archived: bool,
    sprint: Value,
    goal: Value,
    owners: Value,
    waits: Vec<String>,
    steps_done: i64,
    comments: i64,
    version: i64,
    moved_version: i64,
    created_at: Option<OffsetDateTime>,
    column_since: Option<OffsetDateTime>,
}

impl Replayed {
    fn apply(&mut self, event: &EventRow) {
        let after = &event.after;
        if let Some(version) = event.version {
            assert_eq!(version, self.version + 1, "{} {}", event.kind, event.seq);
            self.version = version;
        }
        match event.kind.as_str() {
            "task.created" => {
                self.created_at = Some(event.at);
                self.column_since = Some(event.at);
                self.moved_version = 1;
                (self.column, self.state, self.rank) = (
                    after["column"].clone(),
                    after["state"].clone(),
                    after["rank"].clone(),
                );
                (self.sprint, self.goal, self.owners) = (
                    after["sprint"].clone(),
                    after["goal"].clone(),
                    after["owners"].clone(),
                );
            }
            "task.moved" => {
                assert_eq!(event.before["column"], self.column);
                assert_eq!(event.before["state"], self.state);
                assert_eq!(event.before["rank"], self.rank);
                let changes_column = after["column"] != self.column;
                assert_eq!(event.before.get("column_since").is_some(), changes_column);
                if changes_column {
                    self.column_since = Some(event.at);
                }
                self.moved_version = self.version;
                (self.column, self.state, self.rank) = (
                    after["column"].clone(),
                    after["state"].clone(),
                    after["rank"].clone(),
                );
            }
            "task.archived" => {
                assert_eq!(event.before["rank"], self.rank);
                (self.archived, self.rank, self.moved_version) = (true, Value::Null, self.version);
            }
            "task.edited" => {
                for (field, value) in after.as_object().unwrap() {
                    match field.as_str() {
                        "sprint" => {
                            assert_eq!(event.before["sprint"], self.sprint);
                            self.sprint = value.clone();
                        }
                        "goal" => self.goal = value.clone(),
                        _ => assert!(event.before.get(field).is_some()),
                    }
                }
            }
            "task.assigned" => {
                assert_eq!(event.before["owners"], self.owners);
                self.owners = after["owners"].clone();
            }
            "task.blocked" => {
                assert_eq!(self.state, "blocked");
                self.waits
                    .push(after["blockers"]["id"].as_str().unwrap().to_owned());
            }
            "task.unblocked" => {
                assert_ne!(self.state, "blocked");
                let ended: Vec<String> =
                    serde_json::from_value(event.before["blockers"].clone()).unwrap();
                self.waits.retain(|wait| !ended.contains(wait));
            }
            "step.done" => self.steps_done += 1,
            "comment.added" => self.comments += 1,
            "step.added" => {}
            "blocker.moved" => assert!(event.version.is_none() && !self.waits.is_empty()),
            other => panic!("{other}"),
        }
    }
}

/// Replays all events from the first and compares the result with the rows.
async fn check_replay(database: &Pool, now: OffsetDateTime) {
    let events: Vec<EventRow> = sqlx::query_as(
        "SELECT team_id, seq, task_id, kind, before, after, version, at FROM events ORDER BY team_id, seq",
    )
    .fetch_all(database)
    .await
    .unwrap();
    let (mut last, mut tasks) = (
        HashMap::<Uuid, (i64, OffsetDateTime)>::new(),
        HashMap::<Uuid, Replayed>::new(),
    );
    for event in &events {
        let (seq, at) = last
            .insert(event.team_id, (event.seq, event.at))
            .unwrap_or((0, OffsetDateTime::UNIX_EPOCH));
        assert_eq!(event.seq, seq + 1);
        assert!(at <= event.at && event.at < now, "{at} {} {now}", event.at);
        tasks.entry(event.task_id).or_default().apply(event);
    }
    for (team, (seq, _)) in last {
        let team_seq: i64 = sqlx::query_scalar("SELECT seq FROM teams WHERE id = $1")
            .bind(team)
            .fetch_one(database)
            .await
            .unwrap();
        assert_eq!(seq, team_seq);
    }

    let rows: Vec<TaskRow> = sqlx::query_as(
        "SELECT k.id, k.column_id, c.slug AS column, c.state, k.rank, k.sprint_id, k.goal_id, k.version, k.moved_version, k.created_at, k.column_since,
                k.archived_at IS NOT NULL AS archived,
                ARRAY(SELECT a.handle FROM task_owners o JOIN accounts a ON a.id = o.account_id WHERE o.task_id = k.id ORDER BY o.position) AS owners,
                ARRAY(SELECT w.id::text FROM blockers w WHERE w.task_id = k.id AND w.ended_at IS NULL) AS open_waits,
                (SELECT count(*) FROM steps s WHERE s.task_id = k.id AND s.done) AS steps_done,
                (SELECT count(*) FROM comments m WHERE m.task_id = k.id) AS comments
         FROM tasks k JOIN columns c ON c.team_id = k.team_id AND c.id = k.column_id",
    )
    .fetch_all(database)
    .await
    .unwrap();
    assert_eq!(rows.len(), tasks.len());
    let places: HashSet<_> = rows
        .iter()
        .filter(|row| !row.archived)
        .map(|row| (row.column_id, &row.rank))
        .collect();
    assert_eq!(
        places.len(),
        rows.iter().filter(|row| !row.archived).count(),
        "each position belongs to one task"
    );
    for row in rows {
        let replayed = &tasks[&row.id];
        assert_eq!(replayed.column, row.column);
        assert_eq!(replayed.state, row.state);
        assert_eq!(replayed.rank.as_str(), row.rank.as_deref());
        assert_eq!(replayed.archived, row.archived);
        assert_eq!(replayed.sprint, serde_json::json!(row.sprint_id));
        assert_eq!(replayed.goal, serde_json::json!(row.goal_id));
        assert_eq!(replayed.owners, serde_json::json!(row.owners));
        assert_eq!(replayed.waits, row.open_waits);
        assert_eq!(
            (replayed.steps_done, replayed.comments),
            (row.steps_done, row.comments)
        );
        assert_eq!(
            (replayed.version, replayed.moved_version),
            (row.version, row.moved_version)
        );
        assert_eq!(
            (replayed.created_at, replayed.column_since),
            (Some(row.created_at), Some(row.column_since))
        );
    }
}

/// Checks the content that the demo promises on any day.
async fn check_content(database: &Pool, now: OffsetDateTime) {
    let tasks = fetch_number(database, "SELECT count(*) FROM tasks").await;
    assert!((60..=90).contains(&tasks), "{tasks}");
    assert_eq!(
        fetch_number(database, "SELECT count(*) FROM accounts").await,
        8
    );
    assert_eq!(
        fetch_number(database, "SELECT count(DISTINCT time_zone) FROM accounts").await,
        4
    );
    assert_eq!(
        fetch_number(
            database,
            "SELECT count(*) - count(DISTINCT account_id) FROM members"
        )
        .await,
        1
    );

    let sprints: Vec<(String, Date, Date)> =
        sqlx::query_as("SELECT state, starts_on, ends_on FROM sprints ORDER BY number")
            .fetch_all(database)
            .await
            .unwrap();
    let states: Vec<&str> = sprints.iter().map(|(state, ..)| state.as_str()).collect();
    assert_eq!(states, ["closed", "closed", "closed", "active", "planned"]);
    let today = fortnight::domain::clock::day_in(now, "Europe/Berlin");
    for (state, start, end) in &sprints {
        assert_eq!(
            (start.weekday(), (*end - *start).whole_days()),
            (time::Weekday::Monday, 13)
        );
        assert_eq!(
            state == "active",
            (start..=end).contains(&&today),
            "{start} {today}"
        );
    }

    let goals: Vec<(String, i64)> = sqlx::query_as(
        "SELECT s.state, count(*) FROM goals g JOIN sprints s ON s.id = g.sprint_id WHERE s.state <> 'closed' GROUP BY 1, g.team_id ORDER BY 1",
    )
    .fetch_all(database)
    .await
    .unwrap();
    assert_eq!(
        goals.iter().map(|(_, count)| *count).collect::<Vec<_>>(),
        [3, 3, 2, 2]
    );

    // Infrastructure's active sprint has tasks in all five columns, and one column is over its limit
    let columns: Vec<(String, i64, Option<i32>)> = sqlx::query_as(
        "SELECT c.state, count(k.id), c.wip_limit FROM columns c JOIN teams t ON t.id = c.team_id
         LEFT JOIN tasks k ON k.column_id = c.id AND k.archived_at IS NULL AND k.sprint_id = (SELECT id FROM sprints WHERE state = 'active')
         WHERE t.key = 'INF' GROUP BY c.state, c.position, c.wip_limit ORDER BY c.position",
    )
    .fetch_all(database)
    .await
    .unwrap();
    assert!(
        columns.iter().all(|(_, count, _)| *count >= 3),
        "{columns:?}"
    );
    let over: Vec<&str> = columns
        .iter()
        .filter(|(_, count, limit)| limit.is_some_and(|limit| *count > i64::from(limit)))
        .map(|(state, ..)| state.as_str())
        .collect();
    assert_eq!(over, ["review"]);

    let kinds: Vec<String> =
        sqlx::query_scalar("SELECT DISTINCT kind FROM blockers WHERE ended_at IS NULL ORDER BY 1")
            .fetch_all(database)
            .await
            .unwrap();
    assert_eq!(kinds, ["person", "task", "team", "text"]);
    let silent = "SELECT count(*) FROM tasks k JOIN columns c ON c.id = k.column_id WHERE c.state = 'blocked'
                  AND NOT EXISTS (SELECT FROM blockers w WHERE w.task_id = k.id AND w.ended_at IS NULL)";
    assert_eq!(fetch_number(database, silent).await, 1);
    assert!(
        fetch_number(
            database,
            "SELECT count(*) FROM blockers WHERE ended_at IS NOT NULL"
        )
        .await
            >= 5
    );
    assert!(
        fetch_number(
            database,
            "SELECT count(*) FROM tasks WHERE archived_at IS NOT NULL"
        )
        .await
            >= 4
    );
    assert!(
        fetch_number(
            database,
            "SELECT count(*) FROM tasks WHERE sprint_id IS NULL AND archived_at IS NULL"
        )
        .await
            >= 6
    );
    let next = "SELECT count(*) FROM tasks k JOIN sprints s ON s.id = k.sprint_id WHERE s.state = 'planned'";
    assert!(fetch_number(database, next).await >= 6);
    let carried = "SELECT count(*) FROM events WHERE before->>'sprint' IS NOT NULL AND after->>'sprint' IS NOT NULL";
    assert!(fetch_number(database, carried).await >= 6);
    let late = "SELECT count(*) FROM tasks k JOIN sprints s ON s.id = k.sprint_id WHERE k.created_at > s.starts_on + interval '1 day'";
    assert!(fetch_number(database, late).await >= 6);
    assert_eq!(
        fetch_number(
            database,
            "SELECT count(*) FROM accounts WHERE password_hash IS NOT NULL"
        )
        .await,
        0
    );
    assert_eq!(
        fetch_number(
            database,
            "SELECT count(*) FROM comments c JOIN tasks k ON k.id = c.task_id WHERE c.created_at < k.created_at"
        )
        .await,
        0
    );
    let never_made = "SELECT count(*) FROM comments c, regexp_matches(c.body, '(INF|ING)-([0-9]+)', 'g') named
                      WHERE NOT EXISTS (SELECT FROM tasks k JOIN teams t ON t.id = k.team_id
                                        WHERE t.key = named[1] AND k.number = named[2]::bigint AND k.created_at < c.created_at)";
    assert_eq!(
        fetch_number(database, never_made).await,
        0,
        "a comment refers to a task that did not exist yet"
    );
}

/// Returns the days from the first start to the last end of each finished task.
async fn fetch_cycle_times(database: &Pool) -> Vec<f64> {
    sqlx::query_scalar(
        "SELECT extract(epoch FROM max(at) FILTER (WHERE after->>'state' = 'done') - min(at) FILTER (WHERE after->>'state' = 'doing'))::float8 / 86400
         FROM events WHERE kind = 'task.moved' GROUP BY task_id HAVING bool_or(after->>'state' = 'done') ORDER BY 1",
    )
    .fetch_all(database)
    .await
    .unwrap()
}

async fn check_demo_at(now: OffsetDateTime) {
    let database = cluster::create_database().await;
    let started = Instant::now();
    demo::fill(&database, now, None).await.unwrap();
    eprintln!("the demo of {now}: {:?}", started.elapsed());
    check_replay(&database, now).await;
    check_content(&database, now).await;
    let times = fetch_cycle_times(&database).await;
    assert!(
        times.len() >= 30 && times[0] < 0.5 && times[times.len() - 1] > 9.0,
        "{times:?}"
    );
    assert!((2.0..7.0).contains(&times[times.len() / 2]), "{times:?}");
    // almost all events are within the actor's working hours; the last hours before now may be an exception
    let odd = "SELECT count(*) FROM events e JOIN accounts a ON a.id = e.actor_id
               WHERE extract(isodow FROM e.at AT TIME ZONE a.time_zone) > 5 OR NOT (e.at AT TIME ZONE a.time_zone)::time BETWEEN '09:00' AND '18:00'";
    let (odd, all) = (
        fetch_number(&database, odd).await,
        fetch_number(&database, "SELECT count(*) FROM events").await,
    );
    assert!(odd * 20 < all, "{odd} of {all}");
}

#[tokio::test]
async fn demo_history_is_consistent_on_a_saturday() {
    check_demo_at(datetime!(2026-11-21 11:20 UTC)).await;
}

#[tokio::test]
async fn demo_history_is_consistent_just_after_midnight_on_monday() {
    // it is already Monday in Berlin
    check_demo_at(datetime!(2026-11-22 23:05 UTC)).await;
}

#[tokio::test]
async fn demo_history_is_consistent_on_new_years_day() {
    check_demo_at(datetime!(2027-01-01 00:30 UTC)).await;
}

#[tokio::test]
async fn demo_history_is_consistent_around_midnight_and_dst() {
    check_demo_at(datetime!(2026-11-25 22:59 UTC)).await;
    check_demo_at(datetime!(2026-11-25 23:01 UTC)).await;
    check_demo_at(datetime!(2026-03-30 07:00 UTC)).await;
}

#[tokio::test]
async fn demo_is_the_same_every_time() {
    let now = datetime!(2026-11-24 14:00 UTC);
    let digest = "SELECT md5(string_agg(concat_ws('|', t.key, e.seq, kind, at, e.task_id, before, after, version), ',' ORDER BY t.key, e.seq)) FROM events e JOIN teams t ON t.id = e.team_id";
    let (one, other) = (create_demo(now, None).await, create_demo(now, None).await);
    let one: String = sqlx::query_scalar(digest).fetch_one(&one).await.unwrap();
    let other: String = sqlx::query_scalar(digest).fetch_one(&other).await.unwrap();
    assert_eq!(one, other);
}

#[tokio::test]
async fn demo_with_5000_tasks_is_consistent() {
    let (database, now) = (
        cluster::create_database().await,
        datetime!(2026-11-24 14:00 UTC),
    );
    let started = Instant::now();
    demo::fill(&database, now, Some(5000)).await.unwrap();
    eprintln!("5,000 tasks: {:?}", started.elapsed());
    let in_sprint = "SELECT count(*) FROM tasks k JOIN teams t ON t.id = k.team_id JOIN sprints s ON s.id = k.sprint_id
                     WHERE t.key = 'INF' AND s.state = 'active' AND k.archived_at IS NULL";
    assert_eq!(fetch_number(&database, in_sprint).await, 5000);
    let titles: Vec<String> = sqlx::query_scalar("SELECT title FROM tasks")
        .fetch_all(&database)
        .await
        .unwrap();
    assert_eq!(titles.iter().collect::<HashSet<_>>().len(), titles.len());
    let bare = "SELECT count(*) FROM tasks k JOIN sprints s ON s.id = k.sprint_id WHERE s.state = 'active' AND k.number > 100
                AND (NOT EXISTS (SELECT FROM task_owners o WHERE o.task_id = k.id) OR NOT EXISTS (SELECT FROM task_labels l WHERE l.task_id = k.id))";
    assert_eq!(fetch_number(&database, bare).await, 0);
    check_replay(&database, now).await;
}

#[tokio::test]
async fn existing_demo_is_kept_unless_it_is_reset() {
    let place = Place::new();
    let mut server = place.serve_demo(&[]).await;
    let names: i64 = sqlx::query_scalar("SELECT count(*) FROM accounts")
        .fetch_one(&mut place.sql().await)
        .await
        .unwrap();
    assert_eq!(names, 8);
    sqlx::query("UPDATE accounts SET name = 'Ebba Holmgren' WHERE handle = 'ebba'")
        .execute(&mut place.sql().await)
        .await
        .unwrap();
    server.signal(Signal::TERM);
    server.wait_for_exit().await.unwrap();

    let refused = place.run(&["demo", "--tasks", "200"]).await;
    assert_eq!(refused.status.code(), Some(1));
    let message = String::from_utf8(refused.stderr).unwrap();
    assert!(message.contains("--reset"), "{message}");

    let mut server = place.serve_demo(&[]).await;
    let name = "SELECT name FROM accounts WHERE handle = 'ebba'";
    let current: String = sqlx::query_scalar(name)
        .fetch_one(&mut place.sql().await)
        .await
        .unwrap();
    assert_eq!(current, "Ebba Holmgren");
    // other commands use the same data folder while the demo is running
    let token = place
        .run(&[
            "token",
            "create",
            "ebba@fortnight.example",
            "--scope",
            "read",
        ])
        .await;
    assert!(token.status.success(), "{token:?}");
    server.signal(Signal::TERM);
    server.wait_for_exit().await.unwrap();

    let _server = place.serve_demo(&["--reset", "--tasks", "200"]).await;
    let fresh: String = sqlx::query_scalar(name)
        .fetch_one(&mut place.sql().await)
        .await
        .unwrap();
    assert_eq!(fresh, "Ebba Holm");
    let tasks: i64 = sqlx::query_scalar("SELECT count(*) FROM tasks")
        .fetch_one(&mut place.sql().await)
        .await
        .unwrap();
    assert!(tasks > 200, "{tasks}");
}

#[tokio::test]
async fn demo_refuses_the_folder_of_a_real_workspace() {
    let place = Place::new();
    let mut server = place.serve().await;
    server.signal(Signal::TERM);
    server.wait_for_exit().await.unwrap();
    for args in [&["demo"][..], &["demo", "--reset"]] {
        let refused = place.run(args).await;
        assert_eq!(refused.status.code(), Some(1));
        let message = String::from_utf8(refused.stderr).unwrap();
        assert!(message.contains("contains a real workspace"), "{message}");
    }
    let _server = place.serve().await;
}
