//! How often a page asks the database: as often for many tasks as for few.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use axum::http::Method;
use serde_json::json;
use tracing::{Event, Metadata, Subscriber, span};

use crate::world::World;

/// Counts the statements that this thread sends. A test of one thread runs all of its work there.
struct Counting(Arc<AtomicUsize>);

impl Subscriber for Counting {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "sqlx::query"
    }

    fn event(&self, _: &Event<'_>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}

#[tokio::test]
async fn forty_tasks_ask_no_more_than_two() {
    let world = World::new().await;
    let people = ["elif", "jonas"];
    for (client, team, tasks) in [(&world.elif, "infrastructure", 2), (&world.jonas, "ingestion", 40)] {
        for n in 0..tasks {
            let body =
                json!({ "title": format!("Task {n}"), "owners": people, "labels": ["a", "b"], "column": "blocked" });
            client.api(Method::POST, &format!("/teams/{team}/tasks"), body).await.refused(201);
        }
    }
    let count = Arc::new(AtomicUsize::new(0));
    let _counting = tracing::subscriber::set_default(Counting(count.clone()));
    let asked = async |path: String| {
        count.store(0, Ordering::Relaxed);
        world.elif.get(&path).await.refused(200);
        count.load(Ordering::Relaxed)
    };
    for path in ["/teams/TEAM", "/api/v1/teams/TEAM/board", "/teams/TEAM/tasks", "/teams/TEAM/flow"] {
        let few = asked(path.replace("TEAM", "infrastructure")).await;
        let many = asked(path.replace("TEAM", "ingestion")).await;
        assert!(few > 0, "statements are counted");
        assert_eq!(few, many, "{path}");
    }
    // nothing changed: the door's one question is all
    let unchanged = asked("/teams/infrastructure".to_owned()).await;
    assert_eq!(unchanged, 1);
    let before = asked("/".to_owned()).await;
    assert!(before <= 12, "my work: {before}");
}
