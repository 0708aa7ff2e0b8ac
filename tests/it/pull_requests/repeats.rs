//! Who has moved a task that is left alone.

use axum::http::Method;
use serde_json::json;
use time::Duration;

use super::{Connected, PullRequest, ago};
use crate::fixtures::NOW;

#[tokio::test]
async fn log_names_the_person_who_moved_a_task() {
    let connected = Connected::to("github").await;
    let (elif, admin) = (&connected.world.elif, &connected.admin);
    for title in ["Cut over", "Other"] {
        elif.create_task("infrastructure", "in-review", title).await;
    }
    let move_to = async |key: &str, column: &str| {
        let path = format!("/tasks/{key}/position");
        elif.api(Method::PUT, &path, json!({ "column": column }))
            .await
            .ok();
    };
    // At 10:00, Elif finishes the first and takes back the second.
    move_to("INF-1", "done").await;
    move_to("INF-2", "in-progress").await;
    connected.world.app.clock.advance(Duration::minutes(50));
    let merged = |title: &str, number: i64, at| {
        let mut request = PullRequest::new(title);
        request.number = number;
        request.github("closed", "merged", at)
    };
    connected
        .deliver(
            "pull_request",
            &merged("Closes INF-1", 417, NOW + Duration::minutes(40)),
        )
        .await;
    connected
        .deliver("pull_request", &merged("Closes INF-2", 418, ago(5)))
        .await;
    let log = connected.log().await;
    for words in [
        "Left alone: Elif Hartmann moved it to Done at 10:00",
        "Left alone: Elif Hartmann moved it to In progress at 10:00",
    ] {
        assert!(log.contains(words), "{log}");
    }
    // The time is that of the reader, with the day if it is another one than that of the delivery.
    connected.world.app.clock.advance(Duration::days(1));
    connected
        .deliver(
            "pull_request",
            &merged("Closes INF-1", 419, NOW + Duration::days(1)),
        )
        .await;
    sqlx::query("UPDATE accounts SET time_zone = 'Asia/Tokyo' WHERE handle = 'ada'")
        .execute(&connected.world.db)
        .await
        .unwrap();
    let log = connected.log().await;
    for words in [
        "Elif Hartmann moved it to Done at 19:00",
        "Elif Hartmann moved it to Done on Tue 24 Nov at 19:00",
    ] {
        assert!(log.contains(words), "{log}");
    }
    // Readers who may not see the team learn neither the name nor the time.
    sqlx::query("UPDATE teams SET private = true WHERE key = 'INF'")
        .execute(&connected.world.db)
        .await
        .unwrap();
    let log = connected.log().await;
    assert!(!log.contains("Elif") && !log.contains("19:00 "), "{log}");
    sqlx::query("UPDATE teams SET private = false WHERE key = 'INF'")
        .execute(&connected.world.db)
        .await
        .unwrap();
    // A deleted account is named nowhere.
    let path = "/settings/people/elif";
    for action in ["deactivate", "delete"] {
        admin.post(path, &[("do", action)]).await.status(303);
    }
    let log = connected.log().await;
    assert!(
        !log.contains("Elif") && log.contains("moved it to Done"),
        "{log}"
    );
}
