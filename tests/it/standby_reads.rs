//! Pages that read much are read from a standby, and no reader misses their own last write.

use serde_json::json;
use sqlx::PgConnection;

use crate::{
    lifecycle::create_by_command_line,
    program::{Place, Server, wait_until},
    replication::Replication,
};

struct Team {
    server: Server,
    token: String,
}

impl Team {
    async fn create_task(&self, title: &str) {
        let created = crate::program::new_client()
            .post(format!(
                "{}/api/v1/teams/infrastructure/tasks",
                self.server.url
            ))
            .bearer_auth(&self.token)
            .json(&json!({ "title": title }))
            .send()
            .await
            .unwrap_or_else(|error| panic!("{error}: {}", self.server.read_log()));
        assert_eq!(created.status(), 201);
    }

    async fn page(&self, page: &str) -> String {
        let url = format!("{}/teams/infrastructure/{page}", self.server.url);
        let response = crate::program::new_client()
            .get(url)
            .bearer_auth(&self.token)
            .send()
            .await;
        let response = response.unwrap();
        assert_eq!(response.status(), 200);
        response.text().await.unwrap()
    }
}

/// How often the standby has looked into the event log.
async fn reads(standby: &mut PgConnection) -> i64 {
    sqlx::query_scalar(
        "SELECT (seq_scan + coalesce(idx_scan, 0))::bigint FROM pg_stat_user_tables WHERE relname = 'events'",
    )
    .fetch_one(standby)
    .await
    .unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pages_are_read_from_a_standby_that_has_caught_up() {
    let replication = Replication::start().await;
    let place = Place::new().with_variables(&[
        ("DATABASE_URL", &replication.url()),
        ("FORTNIGHT_READ_DATABASE_URL", &replication.url_of("two")),
    ]);
    let token = create_by_command_line(&place, "ada", "infrastructure", "INF").await;
    let server = place.serve().await;
    let team = Team { server, token };
    for nth in 0..100 {
        let title = format!("Task {nth}.");
        team.create_task(&title).await;
        assert!(team.page("history").await.contains(&title), "{title}");
    }
    team.page("flow").await;
    let mut standby = replication.sql("two", "fortnight").await;
    wait_until("the standby was read", async || {
        reads(&mut standby).await > 0
    })
    .await;

    // one that is behind is not asked
    let pause = "SELECT pg_wal_replay_pause()";
    sqlx::raw_sql(pause).execute(&mut standby).await.unwrap();
    team.create_task("While it is behind").await;
    assert!(team.page("history").await.contains("While it is behind"));
    let resume = "SELECT pg_wal_replay_resume()";
    sqlx::raw_sql(resume).execute(&mut standby).await.unwrap();
    let before = reads(&mut standby).await;
    wait_until("the standby is read again", async || {
        team.page("history").await;
        reads(&mut standby).await > before
    })
    .await;

    // and one that is gone is not missed
    replication.wait_for_standbys("").await;
    replication.kill("two").await;
    team.create_task("Without it").await;
    assert!(team.page("history").await.contains("Without it"));
    team.page("flow").await;
}
