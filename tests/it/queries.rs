//! The number of database queries for a page does not grow with the number of tasks.

use std::{cell::Cell, fmt::Debug, sync::Once};

use axum::http::Method;
use serde_json::json;
use tracing::{
    Event, Metadata, Subscriber,
    field::{Field, Visit},
    span,
};

use crate::{audit_and_history::make_everyone_lead, fixtures::World};

thread_local! {
    /// Statements sent by this thread. A single-threaded test does all its work in one thread.
    static SENT: Cell<usize> = const { Cell::new(0) };
    /// The rows that they returned.
    static ROWS: Cell<u64> = const { Cell::new(0) };
}

/// Counts statements for all tests, because only one subscriber can be installed per process.
struct Counting;

/// Starts counting the statements of this process's tests.
pub fn count_queries() {
    static LISTENS: Once = Once::new();
    LISTENS.call_once(|| tracing::subscriber::set_global_default(Counting).unwrap());
}

/// Returns how many statements this thread has sent.
pub fn sent() -> usize {
    SENT.get()
}

impl Subscriber for Counting {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "sqlx::query"
    }

    fn event(&self, event: &Event<'_>) {
        let mut seen = SeenQuery::default();
        event.record(&mut seen);
        // When a connection is opened depends on what else the machine does, not on the page.
        if !seen.is_of_connection {
            SENT.set(SENT.get() + 1);
            ROWS.set(ROWS.get() + seen.rows);
        }
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}

/// What is known of a statement.
#[derive(Default)]
struct SeenQuery {
    /// The rows that it returned.
    rows: u64,
    /// It sets up a new connection, or asks for the types that one does not know yet.
    is_of_connection: bool,
}

impl SeenQuery {
    fn read(&mut self, text: &str) {
        let settings = ["SET statement_timeout", "pg_is_in_recovery", "pg_type"];
        self.is_of_connection |= settings.iter().any(|part| text.contains(part));
    }
}

impl Visit for SeenQuery {
    fn record_u64(&mut self, field: &Field, value: u64) {
        if field.name() == "rows_returned" {
            self.rows = value;
        }
    }

    fn record_str(&mut self, _: &Field, text: &str) {
        self.read(text);
    }

    fn record_debug(&mut self, _: &Field, value: &dyn Debug) {
        self.read(&format!("{value:?}"));
    }
}

#[tokio::test]
async fn forty_tasks_need_no_more_queries_than_two() {
    let world = World::new().await;
    let people = ["elif", "jonas"];
    for (client, team, tasks) in [
        (&world.elif, "infrastructure", 2),
        (&world.jonas, "ingestion", 40),
    ] {
        for n in 0..tasks {
            let body = json!({ "title": format!("Task {n}"), "owners": people, "labels": ["a", "b"], "column": "blocked" });
            client
                .api(Method::POST, &format!("/teams/{team}/tasks"), body)
                .await
                .status(201);
        }
    }
    count_queries();
    let queries_for = async |path: String| {
        SENT.set(0);
        world.elif.get(&path).await.status(200);
        SENT.get()
    };
    for path in [
        "/teams/TEAM",
        "/api/v1/teams/TEAM/board",
        "/teams/TEAM/tasks",
        "/teams/TEAM/flow",
        "/teams/TEAM/check-in",
    ] {
        let few = queries_for(path.replace("TEAM", "infrastructure")).await;
        let many = queries_for(path.replace("TEAM", "ingestion")).await;
        assert!(few > 0, "statements are counted");
        assert_eq!(few, many, "{path}");
    }
    // an unchanged page needs one query, for session and access
    let unchanged = queries_for("/teams/infrastructure".to_owned()).await;
    assert_eq!(unchanged, 1);
    // cached badges and feeds are sent without rendering them again
    for cached in [
        "check-in/badge.svg",
        "check-in.json",
        "check-in/changes.atom",
    ] {
        let path = match cached {
            "check-in.json" => "/api/v1/teams/infrastructure/check-in".to_owned(),
            cached => format!("/teams/infrastructure/{cached}"),
        };
        queries_for(path.clone()).await;
        assert_eq!(queries_for(path.clone()).await, 1, "{path}");
    }
    let before = queries_for("/".to_owned()).await;
    // three of them are for followed items, awaited tasks and requests
    assert!(before <= 14, "my work: {before}");
    // news of a second team needs only that team's names, not people, sprints and projects again
    let with_news = async |team: &str, author: &crate::fixtures::Client, key: &str| {
        world
            .elif
            .post(&format!("/tasks/{key}/follow"), &[("follow", "1")])
            .await
            .ok();
        author
            .post(&format!("/tasks/{key}/comments"), &[("body", "Nearly")])
            .await
            .ok();
        let page = world.inbox(&world.elif).await;
        assert!(page.contains("commented"), "{team}: {page}");
    };
    let mira = world.join("Mira Sol", "mira", "infrastructure").await;
    with_news("infrastructure", &mira, "INF-1").await;
    let one = queries_for("/inbox".to_owned()).await;
    with_news("ingestion", &world.jonas, "ING-1").await;
    let two = queries_for("/inbox".to_owned()).await;
    assert!(one <= 13 && two <= one + 2, "{one}, {two}");
}

#[tokio::test]
async fn move_needs_seven_queries() {
    let world = World::new().await;
    for title in ["one", "two", "three"] {
        world
            .elif
            .create_task("infrastructure", "todo", title)
            .await;
    }
    count_queries();
    for place in [
        json!({ "column": "in-progress" }),
        json!({ "column": "todo", "after": "INF-2" }),
        json!({ "column": "todo", "before": "INF-2" }),
    ] {
        SENT.set(0);
        world
            .elif
            .api(Method::PUT, "/tasks/INF-1/position", place)
            .await
            .ok();
        // session and task, locks, neighbours, position, event, commit, card
        assert_eq!(SENT.get(), 7);
    }
    assert_eq!(
        world.column_keys("infrastructure", "todo").await,
        ["INF-1", "INF-2", "INF-3"]
    );
}

#[tokio::test]
async fn labels_and_people_reload_only_the_cards_that_show_them() {
    const TASKS: u64 = 60;
    let world = World::new().await;
    make_everyone_lead(&world).await;
    for n in 0..TASKS {
        let label = if n < 2 { "docs" } else { "postgres" };
        let body = json!({ "title": format!("Task {n}"), "owners": ["elif"], "labels": [label] });
        world
            .elif
            .api(Method::POST, "/teams/infrastructure/tasks", body)
            .await
            .status(201);
    }
    count_queries();
    let read = async |contains: &str| {
        ROWS.set(0);
        let page = world.elif.get("/teams/infrastructure").await.ok().text();
        assert!(page.contains(contains), "{contains}: {page}");
        ROWS.get()
    };
    assert!(read("Task 59").await > TASKS);
    // another team's label, and a new member
    world
        .jonas
        .api(
            Method::POST,
            "/teams/ingestion/tasks",
            json!({ "title": "Lag", "labels": ["kafka"] }),
        )
        .await
        .status(201);
    assert!(read("Task 59").await < TASKS);
    world.join("Mira Sol", "mira", "infrastructure").await;
    assert!(read("Mira Sol").await < TASKS);
    let label: uuid::Uuid = sqlx::query_scalar("SELECT id FROM labels WHERE name = 'docs'")
        .fetch_one(&world.db)
        .await
        .unwrap();
    let labels = format!("/teams/infrastructure/labels/{label}");
    world
        .elif
        .post(&labels, &[("name", "runbook"), ("hue", "3")])
        .await
        .ok();
    assert!(read(">runbook<").await < TASKS);
    assert!(
        !world
            .elif
            .get("/teams/infrastructure")
            .await
            .ok()
            .text()
            .contains(">docs<")
    );
    // what all cards show
    world
        .elif
        .post(
            "/me",
            &[
                ("name", "Elif Sommer"),
                ("handle", "elif"),
                ("hue", "9"),
                ("time_zone", "UTC"),
                ("works_from", "09:00"),
                ("works_to", "17:00"),
            ],
        )
        .await
        .status(303);
    assert!(read("Elif Sommer").await > TASKS);
}
