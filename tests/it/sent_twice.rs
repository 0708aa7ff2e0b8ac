//! Writes whose response was lost, sent again: they are made once, and answered as the first ones were.

use axum::{
    body::Body,
    http::{Request, header},
};

use crate::fixtures::{Client, Response, World};

const TEAM: &str = "/teams/infrastructure";

/// The forms that add something.
const ADDING: &[(&str, &str)] = &[
    (
        "/teams/infrastructure/tasks",
        "title=Renew+certificates+{n}",
    ),
    ("/tasks/INF-1/comments", "body=Done+for+eu-west"),
    ("/tasks/INF-1/steps", "text=Ask+the+registrar"),
    ("/tasks/INF-{n}/ask-for-help", ""),
    (
        "/teams/infrastructure/goals",
        "sprint=42&title=Migrate+tables+{n}&target=100",
    ),
    (
        "/projects",
        "team=infrastructure&name=Postgres+1{n}&target=1",
    ),
    (
        "/teams/infrastructure/topics",
        "meeting=standup&text=Rollback+plan",
    ),
    ("/teams/infrastructure/actions", "text=Write+it+down"),
    (
        "/teams/infrastructure/sprints/42/retro-notes",
        "category=well&text=Pairing",
    ),
    (
        "/teams/infrastructure/objectives",
        "quarter=2026-Q4&title=Fewer+pages&why=Sleep",
    ),
    (
        "/teams/infrastructure/share-links",
        "name=Partners&shows=board&days=7",
    ),
    (
        "/teams/infrastructure/columns",
        "name=Verified+{n}&state=review",
    ),
    (
        "/teams/infrastructure/filters",
        "name=Late+{n}&sprint=all&q=is%3Ablocked&for=me",
    ),
    ("/teams", "name=Data+{n}&key=DA{n}"),
    ("/settings/invitations", "days=7"),
    ("/me/tokens", "name=laptop&scope=read"),
    ("/teams/ingestion/requests", "title=A+replica"),
];

/// Sends a form as a browser does: scripts send its key as a header, and want a part of the page.
async fn send(client: &Client, path: &str, fields: &str, key: &str, is_script: bool) -> Response {
    let mut request = Request::post(path)
        .header(header::HOST, "fortnight.test")
        .header(header::REFERER, format!("http://fortnight.test{TEAM}?q=x"))
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
    let mut body = fields.to_owned();
    if is_script {
        request = request
            .header("idempotency-key", key)
            .header("fortnight-fragment", "task");
    } else {
        body = format!("{fields}&idempotency_key={key}");
    }
    client.send(request.body(Body::from(body)).unwrap()).await
}

/// How many rows each table has.
async fn rows(world: &World) -> Vec<(String, i64)> {
    sqlx::query_as(
        "SELECT tablename::text, (xpath('/row/n/text()',
                query_to_xml(format('SELECT count(*) AS n FROM %I', tablename), false, true, '')))[1]::text::bigint
         FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'idempotency_keys' ORDER BY tablename",
    )
    .fetch_all(&world.db)
    .await
    .unwrap()
}

#[tokio::test]
async fn form_that_adds_something_adds_it_once() {
    let world = World::new().await;
    sqlx::raw_sql("UPDATE accounts SET role = 'admin' WHERE handle = 'elif'; UPDATE members SET role = 'lead'")
        .execute(&world.db)
        .await
        .unwrap();
    for title in ["one", "two"] {
        world
            .elif
            .create_task("infrastructure", "todo", title)
            .await;
    }
    for is_script in [false, true] {
        for (nth, (path, fields)) in ADDING.iter().enumerate() {
            let key = format!("key{nth}{is_script}");
            let fill = |text: &str| text.replace("{n}", if is_script { "2" } else { "1" });
            let (path, fields) = (&fill(path), &fill(fields));
            let before = rows(&world).await;
            let first = send(&world.elif, path, fields, &key, is_script).await;
            let after = rows(&world).await;
            assert!(
                first.status.is_success() || first.status.is_redirection(),
                "{path}: {} {}",
                first.status,
                first.text()
            );
            assert_ne!(before, after, "{path} added nothing");

            let again = send(&world.elif, path, fields, &key, is_script).await;
            assert_eq!(rows(&world).await, after, "{path} was made twice");
            if path.ends_with("/tasks") {
                // it shows the task that was added
                continue;
            }
            if is_script {
                assert_eq!(again.status, 200, "{path}: {}", again.text());
                assert_eq!(again.headers["fortnight-repeated"], "1");
                assert!(again.headers.contains_key("fortnight-change"), "{path}");
            } else {
                assert_eq!(again.status, 303, "{path}: {}", again.text());
                let page = again.headers[header::LOCATION].to_str().unwrap();
                let back = format!("{TEAM}?q=x&did=");
                assert!(page.starts_with(&back), "{path}: {page}");
            }
        }
    }
}

#[tokio::test]
async fn card_that_was_moved_before_is_no_conflict() {
    let world = World::new().await;
    world
        .elif
        .create_task("infrastructure", "todo", "one")
        .await;
    let move_it = async |key| {
        send(
            &world.elif,
            "/tasks/INF-1/position",
            "column=done&version=1",
            key,
            true,
        )
        .await
    };
    move_it("drop1").await.status(200);
    let again = move_it("drop1").await.status(200);
    assert_eq!(again.header("fortnight-repeated"), "1");
    // with a key of its own it is another move, of a version that is gone
    move_it("drop2").await.status(409);
}

#[tokio::test]
async fn form_that_was_filled_in_anew_is_another_one() {
    let world = World::new().await;
    world
        .elif
        .create_task("infrastructure", "todo", "one")
        .await;
    for body in ["body=First", "body=Second", "body=First"] {
        send(&world.elif, "/tasks/INF-1/comments", body, "page1", false)
            .await
            .status(303);
    }
    // loaded anew, the page has another key
    send(
        &world.elif,
        "/tasks/INF-1/comments",
        "body=First",
        "page2",
        false,
    )
    .await
    .status(303);
    let comments: Vec<String> = sqlx::query_scalar("SELECT body FROM comments ORDER BY id")
        .fetch_all(&world.db)
        .await
        .unwrap();
    assert_eq!(comments, ["First", "Second", "First"]);
}
