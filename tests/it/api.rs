//! What programs rely on.

use axum::http::Method;
use serde_json::json;

use crate::world::World;

#[tokio::test]
async fn the_description_is_what_it_was() {
    let world = World::new().await;
    let description = world.stranger().get("/api/v1/openapi.json").await.refused(200).json();
    insta::assert_json_snapshot!(description);
}

#[tokio::test]
async fn a_program_works_a_task_from_beginning_to_end() {
    let world = World::new().await;
    let program = world.program_of(&world.elif, fortnight::accounts::tokens::Scope::Write).await;
    let made = program
        .api(
            Method::POST,
            "/teams/infrastructure/tasks",
            json!({ "title": "Cut over", "column": "todo", "labels": ["postgres"], "sprint": 42 }),
        )
        .await
        .refused(201)
        .json();
    assert_eq!(
        (&made["key"], &made["version"], &made["sprint"], &made["labels"]),
        (&json!("INF-1"), &json!(1), &json!(42), &json!(["postgres"]))
    );
    let board = program.api(Method::GET, "/teams/infrastructure/board", json!({})).await.ok().json();
    assert_eq!(board["columns"][0]["tasks"][0]["key"], "INF-1");
    assert_eq!(
        (&board["columns"][1]["slug"], &board["columns"][1]["state"], &board["seq"]),
        (&json!("in-progress"), &json!("doing"), &json!(1))
    );
    let moved = json!({ "column": "in-progress", "after": null, "before": null, "version": 1 });
    program.api(Method::PUT, "/tasks/INF-1/position", moved).await.ok();
    program.api(Method::PUT, "/tasks/INF-1/owners", json!({ "owners": ["elif", "jonas"] })).await.ok();
    program
        .api(Method::PUT, "/tasks/INF-1/block", json!({ "kind": "person", "on": "jonas", "note": "his key" }))
        .await
        .ok();
    let blocked = program.task("INF-1").await;
    assert_eq!((&blocked["column"], &blocked["waits_on"][0]["on"]), (&json!("blocked"), &json!("jonas")));
    program.api(Method::DELETE, "/tasks/INF-1/block", json!({})).await.ok();
    program.api(Method::POST, "/tasks/INF-1/comments", json!({ "body": "Done soon" })).await.refused(201);
    let archived = program.api(Method::DELETE, "/tasks/INF-1", json!({})).await.ok().json();
    assert_eq!(
        (&archived["archived"], &archived["column"], &archived["comments"]),
        (&json!(true), &json!("in-progress"), &json!(1))
    );
    let events = program.api(Method::GET, "/teams/infrastructure/events?after=1", json!({})).await.ok().json();
    let kinds: Vec<_> =
        events["events"].as_array().unwrap().iter().map(|event| event["kind"].as_str().unwrap()).collect();
    assert_eq!(
        kinds,
        [
            "task.moved",
            "task.owned",
            "task.moved",
            "task.blocked",
            "task.moved",
            "task.unblocked",
            "comment.added",
            "task.archived"
        ]
    );
    assert_eq!(events["seq"], 9);
    let sprints = program.api(Method::GET, "/sprints", json!({})).await.ok().json();
    let told: Vec<_> =
        sprints["sprints"].as_array().unwrap().iter().map(|one| (&one["number"], &one["state"])).collect();
    let (planned, active) = (json!("planned"), json!("active"));
    assert_eq!(told[..3], [(&json!(44), &planned), (&json!(43), &planned), (&json!(42), &active)]);
    assert!(!program.get("/api/v1/teams").await.text().contains("hash"));
}
