//! The JSON API as programs use it.

use axum::{
    body::Body,
    http::{Method, Request},
};
use serde_json::{Value, json};

use crate::fixtures::{Client, Response, World};

#[tokio::test]
async fn openapi_description_matches_the_snapshot() {
    let world = World::new().await;
    let description = world
        .stranger()
        .get("/api/v1/openapi.json")
        .await
        .status(200)
        .json();
    insta::assert_json_snapshot!(description);
}

#[tokio::test]
async fn program_takes_a_task_from_creation_to_archive() {
    let world = World::new().await;
    let program = world
        .program_of(&world.elif, fortnight::domain::policy::viewer::Scope::Write)
        .await;
    let created = program
        .api(
            Method::POST,
            "/teams/infrastructure/tasks",
            json!({ "title": "Cut over", "column": "todo", "labels": ["postgres"], "sprint": 42 }),
        )
        .await
        .status(201)
        .json();
    assert_eq!(
        (
            &created["key"],
            &created["version"],
            &created["sprint"],
            &created["labels"]
        ),
        (&json!("INF-1"), &json!(1), &json!(42), &json!(["postgres"]))
    );
    let board = program
        .api(Method::GET, "/teams/infrastructure/board", json!({}))
        .await
        .ok()
        .json();
    assert_eq!(board["columns"][0]["tasks"][0]["key"], "INF-1");
    assert_eq!(
        board["team"],
        json!({ "slug": "infrastructure", "name": "Infrastructure", "key": "INF" })
    );
    assert_eq!(
        (
            &board["columns"][0]["name"],
            &board["columns"][0]["wip_limit"]
        ),
        (&json!("Todo"), &json!(null))
    );
    let teams = program
        .api(Method::GET, "/teams", json!({}))
        .await
        .ok()
        .json();
    assert_eq!(
        teams["teams"][0],
        json!({ "slug": "infrastructure", "name": "Infrastructure", "key": "INF", "seq": 1 })
    );
    assert_eq!(teams["teams"][1]["slug"], "ingestion");
    assert_eq!(
        (
            &board["columns"][1]["slug"],
            &board["columns"][1]["state"],
            &board["seq"]
        ),
        (&json!("in-progress"), &json!("doing"), &json!(1))
    );
    let moved = json!({ "column": "in-progress", "after": null, "before": null, "version": 1 });
    program
        .api(Method::PUT, "/tasks/INF-1/position", moved)
        .await
        .ok();
    program
        .api(
            Method::PUT,
            "/tasks/INF-1/owners",
            json!({ "owners": ["elif", "jonas"] }),
        )
        .await
        .ok();
    program
        .api(
            Method::PUT,
            "/tasks/INF-1/block",
            json!({ "kind": "person", "on": "jonas", "note": "his key" }),
        )
        .await
        .ok();
    let blocked = program.load_task("INF-1").await;
    assert_eq!(
        (&blocked["column"], &blocked["blocked_by"][0]["on"]),
        (&json!("blocked"), &json!("jonas"))
    );
    program
        .api(Method::DELETE, "/tasks/INF-1/block", json!({}))
        .await
        .ok();
    program
        .api(
            Method::POST,
            "/tasks/INF-1/comments",
            json!({ "body": "Done soon" }),
        )
        .await
        .status(201);
    let archived = program
        .api(Method::DELETE, "/tasks/INF-1", json!({}))
        .await
        .ok()
        .json();
    assert_eq!(
        (
            &archived["archived"],
            &archived["column"],
            &archived["comments"]
        ),
        (&json!(true), &json!("in-progress"), &json!(1))
    );
    let events = program
        .api(
            Method::GET,
            "/teams/infrastructure/events?after=1",
            json!({}),
        )
        .await
        .ok()
        .json();
    let kinds: Vec<_> = events["events"]
        .as_array()
        .unwrap()
        .iter()
        .map(|event| event["kind"].as_str().unwrap())
        .collect();
    assert_eq!(
        kinds,
        [
            "task.moved",
            "task.assigned",
            "task.moved",
            "task.blocked",
            "task.moved",
            "task.unblocked",
            "comment.added",
            "task.archived"
        ]
    );
    assert_eq!(events["seq"], 9);
    let sprints = program
        .api(Method::GET, "/sprints", json!({}))
        .await
        .ok()
        .json();
    let states: Vec<_> = sprints["sprints"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (&one["number"], &one["state"]))
        .collect();
    let (planned, active) = (json!("planned"), json!("active"));
    assert_eq!(
        states[..3],
        [
            (&json!(44), &planned),
            (&json!(43), &planned),
            (&json!(42), &active)
        ]
    );
    assert!(!program.get("/api/v1/teams").await.text().contains("hash"));
}

/// Case R7. A program that lost a response sends its request again.
#[tokio::test]
async fn repeated_request_with_the_same_key_is_done_once() {
    let world = World::new().await;
    world
        .elif
        .create_task("infrastructure", "todo", "Cut over")
        .await;
    let program = world
        .program_of(&world.elif, fortnight::domain::policy::viewer::Scope::Write)
        .await;
    for (nth, (method, path, body)) in [
        (
            Method::PATCH,
            "/tasks/INF-1",
            json!({ "title": "Cut postgres over", "description": "Soon" }),
        ),
        (
            Method::PUT,
            "/tasks/INF-1/position",
            json!({ "column": "in-progress", "version": 2 }),
        ),
        (
            Method::PUT,
            "/tasks/INF-1/owners",
            json!({ "owners": ["elif"] }),
        ),
        (
            Method::PUT,
            "/tasks/INF-1/block",
            json!({ "kind": "text", "note": "Legal" }),
        ),
        (Method::DELETE, "/tasks/INF-1/block", json!({})),
        (
            Method::POST,
            "/tasks/INF-1/comments",
            json!({ "body": "Done soon" }),
        ),
        (Method::DELETE, "/tasks/INF-1", json!({})),
    ]
    .into_iter()
    .enumerate()
    {
        let key = format!("key {nth}");
        let first = send_with_key(&program, &key, method.clone(), path, &body)
            .await
            .ok();
        let done = fetch_seq(&world).await;
        let again = send_with_key(&program, &key, method.clone(), path, &body).await;
        assert_eq!(
            (again.status, again.json()),
            (first.status, first.json()),
            "{method} {path}"
        );
        assert_eq!(
            fetch_seq(&world).await,
            done,
            "{method} {path} was done twice"
        );
        // the key cannot be used for another request
        let wrong = send_with_key(
            &program,
            &key,
            Method::PATCH,
            "/tasks/INF-1",
            &json!({ "title": "Else" }),
        )
        .await;
        wrong.status(422);
    }
}

pub async fn send_with_key(
    client: &Client,
    key: &str,
    method: Method,
    path: &str,
    body: &Value,
) -> Response {
    let request = Request::builder()
        .method(method)
        .uri(format!("/api/v1{path}"))
        .header("content-type", "application/json")
        .header("idempotency-key", key)
        .body(Body::from(body.to_string()));
    client.send(request.unwrap()).await
}

async fn fetch_seq(world: &World) -> i64 {
    sqlx::query_scalar("SELECT seq FROM teams WHERE key = 'INF'")
        .fetch_one(&world.db)
        .await
        .unwrap()
}

#[tokio::test]
async fn conflict_shows_current_and_sent_values_in_one_format() {
    let world = World::new().await;
    let elif = &world.elif;
    let mira = world.join("Mira Okafor", "mira", "infrastructure").await;
    for title in ["Cut over", "Migrate"] {
        crate::goals::set_goal(&world, elif, "42", &[("title", title), ("target", "9")]).await;
    }
    elif.post(
        "/projects",
        &[
            ("team", "infrastructure"),
            ("name", "Move"),
            ("target", "9"),
        ],
    )
    .await
    .ok();
    elif.create_task("infrastructure", "todo", "Old").await;
    let theirs = json!({
        "title": "Mira's", "description": "Why", "sprint": 42, "goal": 1, "project": "move", "estimate": 3, "due": "2026-11-26",
        "needed_by": "Growth", "owners": ["mira"], "labels": ["docs"], "version": 1,
    });
    mira.api(Method::PATCH, "/tasks/INF-1", theirs.clone())
        .await
        .ok();
    let ours = json!({
        "title": "Elif's", "description": "How", "sprint": "this", "goal": 2, "project": null, "estimate": null, "due": "2026-11-27",
        "needed_by": "", "owners": ["elif", "mira"], "labels": ["postgres", "docs"], "version": 1,
    });
    let conflict = elif
        .api(Method::PATCH, "/tasks/INF-1", ours.clone())
        .await
        .status(409)
        .json();
    assert!(
        conflict["detail"].as_str().unwrap().contains("Mira Okafor"),
        "{conflict}"
    );
    for (field, value) in ours.as_object().unwrap() {
        let value = if field == "sprint" { &json!(42) } else { value };
        assert_eq!(&conflict["sent"][field], value, "{field}: {conflict}");
        let current = if field == "version" {
            &elif.load_task("INF-1").await["version"]
        } else {
            &theirs[field]
        };
        assert_eq!(&conflict["current"][field], current, "{field}: {conflict}");
    }
    // fields that were not sent are not listed as sent
    let conflict = elif
        .api(
            Method::PATCH,
            "/tasks/INF-1",
            json!({ "labels": ["x"], "version": 1 }),
        )
        .await
        .status(409)
        .json();
    assert_eq!(conflict["sent"], json!({ "labels": ["x"], "version": 1 }));
    // labels on the page: both versions are shown, and the field keeps the input
    let page = elif
        .post(
            "/tasks/INF-1",
            &[("labels", "postgres x"), ("version", "1")],
        )
        .await
        .status(409)
        .text();
    assert!(
        page.contains("labels: postgres x</pre>") && page.contains("labels: docs</pre>"),
        "{page}"
    );
    assert!(
        page.contains(r#"name="labels" value="postgres x""#),
        "{page}"
    );
    // a move: the API names columns by slug, the page by name
    let seen_version = elif.load_task("INF-1").await["version"].as_i64().unwrap();
    mira.api(
        Method::PUT,
        "/tasks/INF-1/position",
        json!({ "column": "in-progress" }),
    )
    .await
    .ok();
    let place = json!({ "column": "in-review", "version": seen_version });
    let conflict = elif
        .api(Method::PUT, "/tasks/INF-1/position", place)
        .await
        .status(409)
        .json();
    assert_eq!(
        conflict["current"],
        json!({ "key": "INF-1", "column": "in-progress", "version": seen_version + 1 })
    );
    assert_eq!(
        conflict["sent"],
        json!({ "column": "in-review", "version": seen_version })
    );
    assert!(
        conflict["detail"]
            .as_str()
            .unwrap()
            .contains("moved INF-1 to In progress"),
        "{conflict}"
    );
    let version = seen_version.to_string();
    let page = elif
        .post(
            "/tasks/INF-1/position",
            &[("column", "in-review"), ("version", &version)],
        )
        .await
        .status(409)
        .text();
    assert!(page.contains("moved INF-1 to In progress"), "{page}");
    assert!(
        page.contains(r#"<option value="in-review" selected>In review"#),
        "the chosen column can be submitted again: {page}"
    );
}

#[tokio::test]
async fn invalid_field_is_explained_under_its_name() {
    let world = World::new().await;
    let elif = &world.elif;
    elif.create_task("infrastructure", "todo", "one").await;
    for (method, path, body, field, why) in [
        (
            Method::POST,
            "/teams/infrastructure/tasks",
            json!({ "title": "x", "sprint": 99_999_999_999_i64 }),
            "sprint",
            "",
        ),
        (
            Method::POST,
            "/teams/infrastructure/tasks",
            json!({ "title": "x", "estimate": 1.5 }),
            "estimate",
            "whole number",
        ),
        (
            Method::POST,
            "/teams/infrastructure/tasks",
            json!({ "title": 7 }),
            "title",
            "a string",
        ),
        (
            Method::PATCH,
            "/tasks/INF-1",
            json!({ "version": 1, "labels": "docs" }),
            "labels",
            "list",
        ),
        (
            Method::PUT,
            "/tasks/INF-1/position",
            json!({ "column": "done", "version": 1e20 }),
            "version",
            "whole number",
        ),
    ] {
        let refused = elif
            .api(method, path, body.clone())
            .await
            .status(422)
            .json();
        assert!(
            refused["errors"][field]
                .as_str()
                .is_some_and(|message| message.contains(why)),
            "{body}: {refused}"
        );
        assert!(
            !["untagged", "i32", "i64"]
                .iter()
                .any(|detail| refused.to_string().contains(detail)),
            "{refused}"
        );
    }
    for body in [json!(["in-progress"]), json!([]), json!("x"), json!(null)] {
        elif.api(Method::PUT, "/tasks/INF-1/position", body)
            .await
            .status(400);
    }
    assert_eq!(elif.load_task("INF-1").await["version"], 1);
}

/// The event stores the team of a blocker, so that it can be hidden later, but does not show it.
#[tokio::test]
async fn event_does_not_show_the_team_of_a_blocker() {
    let world = World::new().await;
    let (elif, jonas) = (&world.elif, &world.jonas);
    let ours = elif.create_task("infrastructure", "todo", "Ours").await;
    let theirs = jonas.create_task("ingestion", "todo", "Theirs").await;
    elif.post(
        &format!("/tasks/{ours}/block"),
        &[("kind", "task"), ("on", &theirs)],
    )
    .await
    .ok();
    let is_stored: bool = sqlx::query_scalar(
        "SELECT after->'blockers'->>'team' IS NOT NULL FROM events WHERE kind = 'task.blocked'",
    )
    .fetch_one(&world.db)
    .await
    .unwrap();
    assert!(is_stored);
    let response = elif
        .api(Method::GET, "/teams/infrastructure/events", json!({}))
        .await
        .ok()
        .json();
    let blocked = response["events"]
        .as_array()
        .unwrap()
        .iter()
        .find(|event| event["kind"] == "task.blocked")
        .unwrap();
    assert_eq!(blocked["after"]["blockers"]["on"], theirs);
    assert!(
        blocked["after"]["blockers"].get("team").is_none(),
        "{blocked}"
    );
}

/// Null is not an empty value, and a version that does not exist yet was never seen.
#[tokio::test]
async fn null_and_versions_ahead_are_refused() {
    let world = World::new().await;
    let elif = &world.elif;
    elif.create_task("infrastructure", "todo", "Cut over").await;
    for field in [
        "title",
        "description",
        "owners",
        "labels",
        "needed_by",
        "version",
    ] {
        let refused = elif
            .api(Method::PATCH, "/tasks/INF-1", json!({ field: null }))
            .await
            .status(422);
        assert!(
            refused.json()["errors"][field].is_string(),
            "{}",
            refused.text()
        );
    }
    let cleared =
        json!({ "description": "", "sprint": null, "goal": null, "due": null, "estimate": null });
    elif.api(Method::PATCH, "/tasks/INF-1", cleared).await.ok();
    for (method, path, mut body) in [
        (Method::PATCH, "/tasks/INF-1", json!({ "title": "Later" })),
        (
            Method::PUT,
            "/tasks/INF-1/position",
            json!({ "column": "in-progress" }),
        ),
    ] {
        let version = elif.load_task("INF-1").await["version"].as_i64().unwrap();
        body["version"] = json!(version + 1);
        let refused = elif
            .api(method.clone(), path, body.clone())
            .await
            .status(409);
        let problem = refused.json();
        assert!(
            problem["detail"]
                .as_str()
                .unwrap()
                .contains("no such version"),
            "{problem}"
        );
        assert_eq!(problem["current"]["version"], version);
        body["version"] = json!(version);
        elif.api(method, path, body).await.ok();
    }
    let wrong = json!({ "labels": ["a,b"] });
    let refused = elif
        .api(Method::PATCH, "/tasks/INF-1", wrong)
        .await
        .status(422);
    assert!(
        refused.json()["errors"]["labels"].is_string(),
        "{}",
        refused.text()
    );
}

/// Nothing was to be saved, so nothing is called “not saved”.
#[tokio::test]
async fn refused_read_is_titled_as_one() {
    let world = World::new().await;
    for path in [
        "/api/v1/teams/infrastructure/board?q=is:tall",
        "/api/v1/teams/infrastructure/board?sprint=99",
        "/teams/infrastructure/flow/cycle-time.csv?q=is:tall",
    ] {
        let refused = world.elif.get(path).await.status(422).text();
        assert!(refused.contains("Invalid request"), "{refused}");
        assert!(!refused.contains("Not saved"), "{refused}");
    }
    let team = "/teams/infrastructure/tasks";
    let refused = world
        .elif
        .api(Method::POST, team, json!({}))
        .await
        .status(422);
    assert_eq!(refused.json()["title"], "Not saved");
}

#[tokio::test]
async fn long_column_is_read_in_parts() {
    let world = World::new().await;
    world.fill_column("todo", 130).await;
    let read = async |query: &str| {
        world
            .elif
            .api(
                Method::GET,
                &format!("/teams/infrastructure/columns/{query}"),
                json!({}),
            )
            .await
    };
    let board = world
        .elif
        .api(Method::GET, "/teams/infrastructure/board", json!({}))
        .await
        .ok()
        .json();
    let whole = board["columns"][0]["tasks"].as_array().unwrap();
    let mut parts = Vec::new();
    let mut after = String::new();
    loop {
        let part = read(&format!("todo/tasks?limit=60&after={after}"))
            .await
            .ok()
            .json();
        assert_eq!(part["seq"], board["seq"]);
        let tasks = part["tasks"].as_array().unwrap();
        after = tasks.last().unwrap()["rank"].as_str().unwrap().to_owned();
        parts.extend(tasks.iter().cloned());
        if part["more"] == json!(false) {
            break;
        }
        assert_eq!(tasks.len(), 60);
    }
    assert_eq!(&parts, whole);
    let first = read("todo/tasks").await.ok().json();
    assert_eq!(first["tasks"].as_array().unwrap().len(), 100);
    let unowned = read("todo/tasks?q=-is:unowned").await.ok().json();
    assert_eq!(
        (&unowned["tasks"], &unowned["more"]),
        (&json!([]), &json!(false))
    );
    for (query, status) in [
        ("nowhere/tasks", 404),
        ("todo/tasks?limit=0", 422),
        ("todo/tasks?limit=501", 422),
        ("todo/tasks?q=is:tall", 422),
        ("todo/tasks?q=is:archived", 422),
    ] {
        read(query).await.status(status);
    }
}

/// H11. Like a session, a token is valid although the clock was set back after it was made.
#[tokio::test]
async fn token_stays_valid_when_the_clock_is_set_back() {
    let world = World::new().await;
    let key = world
        .elif
        .create_task("infrastructure", "todo", "Cut over")
        .await;
    let program = world
        .program_of(&world.elif, fortnight::domain::policy::viewer::Scope::Write)
        .await;
    world.app.clock.advance(-time::Duration::HOUR);
    for path in [
        "/teams".to_owned(),
        "/teams/infrastructure/board".to_owned(),
        "/teams/infrastructure/events".to_owned(),
        format!("/tasks/{key}"),
    ] {
        program.api(Method::GET, &path, json!({})).await.ok();
    }
    let comment = format!("/tasks/{key}/comments");
    program
        .api(Method::POST, &comment, json!({ "body": "Done" }))
        .await
        .status(201);
}

#[tokio::test]
async fn goal_without_a_sprint_is_refused() {
    let world = World::new().await;
    let elif = &world.elif;
    crate::goals::set_goal(
        &world,
        elif,
        "42",
        &[("title", "Cut over"), ("target", "9")],
    )
    .await;
    let key = elif.create_task("infrastructure", "todo", "One").await;
    let goal = json!({ "sprint": null, "goal": 1 });
    let refused = elif
        .api(Method::PATCH, &format!("/tasks/{key}"), goal.clone())
        .await
        .status(422)
        .json();
    assert!(
        refused["errors"]["goal"]
            .as_str()
            .unwrap()
            .contains("belongs to a sprint"),
        "{refused}"
    );
    let mut new = goal;
    new["title"] = json!("Two");
    elif.api(Method::POST, "/teams/infrastructure/tasks", new)
        .await
        .status(422);
    assert_eq!(
        elif.load_task(&key).await["sprint"],
        42,
        "nothing was changed"
    );
}
