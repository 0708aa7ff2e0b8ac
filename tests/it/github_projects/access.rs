//! Who may see and change connected projects, and what their webhook does.

use serde_json::json;
use time::Duration;

use super::{Connected, PAGE, TOKEN};
use crate::{people::create_account, pull_requests::sign};
use axum::{
    body::Body,
    http::{Method, Request},
};

#[tokio::test]
async fn token_is_on_no_page_and_in_no_event() {
    let both = Connected::new().await;
    both.github.add(json!({ "title": "Copy the schema" })).await;
    let page = both.connect().await;
    let (admin, ..) = create_account(&both.world, "ada", "admin").await;
    let mut texts = vec![both.page(PAGE).await, both.page(&page).await];
    for path in [
        "/settings/audit",
        "/settings/outgoing",
        "/teams/infrastructure/history",
    ] {
        texts.push(admin.get(path).await.ok().text());
    }
    assert!(texts.iter().all(|text| !text.contains(TOKEN)));
    assert!(
        texts[2].contains("acme/projects/7"),
        "the audit log names the project"
    );
    assert!(texts[3].contains("1 project at 127.0.0.1"), "{}", texts[3]);
    assert!(texts[4].contains("connected the project acme/projects/7 on GitHub"));
    let project: String = sqlx::query_scalar("SELECT kind FROM events WHERE after::text LIKE '%' || $1 || '%' UNION ALL SELECT 'none' LIMIT 1")
        .bind(TOKEN)
        .fetch_one(&both.world.db)
        .await
        .unwrap();
    assert_eq!(project, "none");
}

#[tokio::test]
async fn lead_of_another_team_cannot_reach_it_by_its_id() {
    let both = Connected::new().await;
    let page = both.connect().await;
    let id = page.rsplit('/').next().unwrap();
    // Jonas leads Ingestion, whose settings he may open.
    let theirs = format!("/teams/ingestion/settings/github-projects/{id}");
    both.world.jonas.get(&theirs).await.status(404);
    for form in ["", "/token", "/compare", "/disconnect"] {
        let answer = both
            .world
            .jonas
            .post(&format!("{theirs}{form}"), &[("token", "x")])
            .await;
        let expected = if form == "/disconnect" { 303 } else { 404 };
        assert_eq!(answer.status, expected, "{form}");
    }
    let state: (String, Option<String>) =
        sqlx::query_as("SELECT state, token FROM github_projects")
            .fetch_one(&both.world.db)
            .await
            .unwrap();
    assert_eq!(state, ("on".to_owned(), Some(TOKEN.to_owned())));
}

#[tokio::test]
async fn project_is_connected_once() {
    let both = Connected::new().await;
    both.connect().await;
    let again = both.preview("").await;
    let fields = [("status", "F_status"), ("column-f75ad846", "todo")];
    let refused = both.elif.post(&again, &fields).await.status(422).text();
    assert!(
        refused.contains("This project is connected already"),
        "{refused}"
    );
}

#[tokio::test]
async fn webhook_of_the_organization_has_the_project_looked_at_soon() {
    let both = Connected::new().await;
    let item = both.github.add(json!({ "title": "Copy the schema" })).await;
    both.connect().await;
    both.sync_after(Duration::minutes(3)).await;
    both.github
        .change(&item, json!({ "title": "Copy it" }))
        .await;
    both.sync_after(Duration::seconds(5)).await;
    assert_eq!(
        both.titles().await,
        ["Copy the schema"],
        "it is not due yet"
    );

    let (id, secret): (uuid::Uuid, String) =
        sqlx::query_as("SELECT id, secret FROM forge_connections")
            .fetch_one(&both.world.db)
            .await
            .unwrap();
    let body = json!({
        "action": "edited",
        "projects_v2_item": { "id": 1, "node_id": item, "project_node_id": "PVT_1", "content_type": "DraftIssue" },
        "organization": { "login": "acme" },
    })
    .to_string();
    let request = Request::builder()
        .method(Method::POST)
        .uri(format!("/hooks/forge/{id}"))
        .header("content-type", "application/json")
        .header("x-github-event", "projects_v2_item")
        .header("x-github-delivery", "1")
        .header(
            "x-hub-signature-256",
            format!("sha256={}", sign(&secret, body.as_bytes())),
        )
        .body(Body::from(body))
        .unwrap();
    both.world.stranger().send(request).await.status(202);
    fortnight::jobs::pull_requests::process_waiting(&both.world.app)
        .await
        .unwrap();
    both.sync().await;
    assert_eq!(both.titles().await, ["Copy it"]);
    let (admin, ..) = create_account(&both.world, "ada", "admin").await;
    let log = admin
        .get(&format!("/settings/connections/{id}"))
        .await
        .ok()
        .text();
    assert!(log.contains("The item is compared with its task"), "{log}");
}
