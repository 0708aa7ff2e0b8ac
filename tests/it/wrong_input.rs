//! Invalid input by people and programs.

use std::time::Duration;

use axum::{
    Router,
    body::Body,
    http::{Method, Request, header},
    routing::get,
};
use fortnight::{domain::policy::viewer::Scope, http::router::layered};
use serde_json::json;
use tower::ServiceExt;

use crate::{asset_serving::Served, fixtures::World, program::TIMEOUT};

/// Cases F7, F13. Empty, too long and bidirectional titles are among them.
#[tokio::test]
async fn invalid_title_is_refused_and_keeps_the_input() {
    let world = World::new().await;
    let long = "x".repeat(501);
    for title in ["", "   ", "\u{200b}", long.as_str(), "a\u{202e}b", "a\0b"] {
        let page = world
            .elif
            .post(
                "/teams/infrastructure/tasks",
                &[
                    ("title", title),
                    ("column", "todo"),
                    ("description", "Why & how"),
                ],
            )
            .await;
        assert_eq!(page.status, 422, "{title:?}");
        assert!(
            page.text().contains("Why &#38; how</textarea>"),
            "the form keeps the description: {}",
            page.text()
        );
        assert!(
            page.text().contains(r#"id="title-error""#),
            "the reason is beside the title: {}",
            page.text()
        );
        if title.len() > 500 {
            assert!(
                page.text().contains(&format!(r#"value="{title}""#)),
                "the form keeps the title"
            );
            assert!(
                page.text()
                    .contains("A title must have 1 to 500 characters.")
            );
        }
        let response = world
            .elif
            .api(
                Method::POST,
                "/teams/infrastructure/tasks",
                json!({ "title": title }),
            )
            .await;
        assert_eq!(response.status, 422, "{title:?}");
        assert_eq!(response.header("content-type"), "application/problem+json");
        assert!(!response.json()["errors"].as_object().unwrap().is_empty());
    }
    for (field, value) in [("column", "nowhere"), ("sprint", "99")] {
        let fields = [
            ("title", "A title"),
            (field, value),
            ("description", "Why & how"),
        ];
        let page = world
            .elif
            .post("/teams/infrastructure/tasks", &fields)
            .await
            .status(422)
            .text();
        assert!(
            page.contains(r#"value="A title""#) && page.contains("Why &#38; how</textarea>"),
            "{field}: {page}"
        );
        assert!(
            page.contains("field-error") || page.contains("form-error"),
            "{field}: {page}"
        );
    }
    let tasks: i64 = sqlx::query_scalar("SELECT count(*) FROM tasks")
        .fetch_one(&world.db)
        .await
        .unwrap();
    assert_eq!(tasks, 0);
    // the limit is 500 characters, not bytes
    world
        .elif
        .api(
            Method::POST,
            "/teams/infrastructure/tasks",
            json!({ "title": "ü".repeat(500) }),
        )
        .await
        .status(201);
}

/// Case F13. Even a bug in the code cannot store invalid rows.
#[tokio::test]
async fn database_constraints_reject_invalid_rows() {
    let world = World::new().await;
    world
        .elif
        .create_task("infrastructure", "todo", "one")
        .await;
    world.jonas.create_task("ingestion", "todo", "theirs").await;
    for (statement, rule) in [
        ("UPDATE tasks SET title = ' '", "task_title_length"),
        ("UPDATE tasks SET rank = NULL", "task_place"),
        ("UPDATE columns SET wip_limit = -1", "column_wip_limit"),
        (
            "UPDATE tasks SET column_id = (SELECT c.id FROM columns c WHERE c.team_id <> tasks.team_id LIMIT 1)",
            "task_column",
        ),
        ("UPDATE sprints SET ends_on = starts_on - 1", "sprint_order"),
        ("UPDATE sprints SET state = 'active'", "sprint_one_active"),
    ] {
        let error = sqlx::query(statement).execute(&world.db).await.unwrap_err();
        assert_eq!(
            error.as_database_error().unwrap().constraint(),
            Some(rule),
            "{statement}"
        );
    }
}

/// Cases F8, F9. A client cannot tell them apart.
#[tokio::test]
async fn missing_and_malformed_ids_give_the_same_404() {
    let world = World::new().await;
    let absent = world.elif.get("/tasks/INF-99").await.status(404).text();
    for path in [
        "/tasks/not-a-key",
        "/tasks/INF-0",
        "/tasks/INF-99999999999999999999",
        "/tasks/%00",
        "/teams/%00",
        "/teams/nope",
        "/people/unknown",
    ] {
        let response = world.elif.get(path).await.status(404);
        if path.starts_with("/tasks") {
            assert_eq!(strip_key(&response.text()), strip_key(&absent), "{path}");
        }
    }
    let path = world.elif.get("/tasks/%FF").await;
    assert!(matches!(path.status.as_u16(), 400 | 404), "{}", path.status);
    world
        .elif
        .create_task("infrastructure", "todo", "one")
        .await;
    world
        .elif
        .post("/tasks/INF-1/comments/not-a-uuid", &[("body", "x")])
        .await
        .status(404);
    world
        .elif
        .post(
            "/tasks/INF-1/comments/01a20527-c45b-727f-8b49-b5b73f9b7ea1",
            &[("body", "x")],
        )
        .await
        .status(404);
    world
        .elif
        .post("/changes/not-a-uuid/undo", &[])
        .await
        .status(404);
    let problem = world
        .elif
        .api(Method::GET, "/tasks/INF-99", json!({}))
        .await
        .status(404);
    assert_eq!(
        (problem.header("content-type"), &problem.json()["status"]),
        ("application/problem+json", &json!(404))
    );
}

fn strip_key(page: &str) -> String {
    page.replace("INF-99", "")
}

/// Cases F10, F14. Invalid input is never a 500.
#[tokio::test]
async fn invalid_numbers_and_dates_are_refused_with_a_reason() {
    let world = World::new().await;
    world
        .elif
        .create_task("infrastructure", "todo", "one")
        .await;
    for (field, value) in [
        ("due", "2026-02-31"),
        ("due", "soon"),
        ("estimate", "-1"),
        ("estimate", "2147483648"),
        ("goal", "7"),
        ("sprint", "99"),
        ("project", "nothing"),
        (
            "labels",
            &(1..=31)
                .map(|n| format!("label-{n}"))
                .collect::<Vec<_>>()
                .join(" "),
        ),
        ("labels", &"x".repeat(51)),
        ("version", "old"),
    ] {
        let page = world
            .elif
            .post("/tasks/INF-1", &[(field, value)])
            .await
            .status(422);
        let place = if field == "version" {
            "form-error"
        } else {
            "field-error"
        };
        assert!(page.text().contains(place), "{field}={value}");
    }
    let wrong = [
        json!({ "due": "2026-02-31" }),
        json!({ "estimate": -1 }),
        json!({ "estimate": 99_999_999_999_i64 }),
        json!({ "title": 7 }),
        json!({ "goal": 7 }),
        json!({ "owners": ["ghost"] }),
        json!({ "labels": ["a b"] }),
    ];
    for body in wrong {
        world
            .elif
            .api(Method::PATCH, "/tasks/INF-1", body)
            .await
            .status(422);
    }
    world
        .elif
        .api(Method::PATCH, "/tasks/INF-1", json!({ "role": "admin" }))
        .await
        .status(400);
    assert_eq!(
        world.elif.load_task("INF-1").await["version"],
        1,
        "the task is unchanged"
    );
    for path in [
        "/teams/infrastructure?page=9223372036854775807",
        "/teams/infrastructure?page=-1&page=abc",
    ] {
        world.elif.get(path).await.status(200);
    }
    world
        .elif
        .get("/api/v1/teams/infrastructure/events?after=9223372036854775807")
        .await
        .status(200);
    world
        .elif
        .get("/api/v1/teams/infrastructure/events?after=abc")
        .await
        .status(400);
    world
        .elif
        .get("/api/v1/teams/infrastructure/board?sort=password_hash&sprint=x")
        .await
        .status(422);
}

#[tokio::test]
async fn refused_move_form_keeps_the_selection() {
    let world = World::new().await;
    let elif = &world.elif;
    elif.create_task("infrastructure", "todo", "one").await;
    let seen = elif.load_task("INF-1").await["version"].to_string();
    elif.post("/tasks/INF-1/position", &[("column", "done")])
        .await
        .ok();
    let late = [
        ("column", "in-review"),
        ("place", "end"),
        ("version", &seen),
    ];
    let small = elif
        .submit_by_script(Method::POST, "/tasks/INF-1/position", "form", &late)
        .await
        .status(409)
        .text();
    let page = elif
        .post("/tasks/INF-1/position", &late)
        .await
        .status(409)
        .text();
    for text in [&small, &page] {
        assert!(
            text.contains("moved INF-1 to Done") && !text.contains("data-task-page"),
            "{text}"
        );
        assert!(
            text.contains(r#"<option value="in-review" selected>"#),
            "{text}"
        );
        assert!(text.contains(r#"value="end" checked"#), "{text}");
    }
    let nowhere = [("column", "nowhere")];
    let small = elif
        .submit_by_script(Method::POST, "/tasks/INF-1/position", "form", &nowhere)
        .await
        .status(422)
        .text();
    assert!(
        small.contains("This column is not on this board. Choose another one.")
            && small.contains("aria-invalid"),
        "{small}"
    );
    elif.submit_by_script(Method::PUT, "/tasks/INF-1/position", "card", &nowhere)
        .await
        .status(422);
}

/// Case F14. An empty field removes the limit.
#[tokio::test]
async fn wip_limit_must_be_a_sensible_number() {
    let world = World::new().await;
    let path = "/teams/infrastructure/columns/in-progress/limit";
    for wrong in ["-1", "0", "2147483648", "1000", "many"] {
        let page = world
            .elif
            .post(path, &[("wip_limit", wrong)])
            .await
            .status(422)
            .text();
        assert!(
            page.contains("Enter a limit from 1 to 999.")
                && page.contains(&format!(r#"value="{wrong}""#))
        );
    }
    world
        .elif
        .post(path, &[("wip_limit", "3")])
        .await
        .status(303);
    assert!(
        world
            .elif
            .get("/teams/infrastructure")
            .await
            .text()
            .contains("0 / 3")
    );
    world
        .elif
        .post(path, &[("wip_limit", "")])
        .await
        .status(303);
    assert!(
        !world
            .elif
            .get("/teams/infrastructure")
            .await
            .text()
            .contains("0 / 3")
    );
    world
        .elif
        .post(
            "/teams/infrastructure/columns/nope/limit",
            &[("wip_limit", "3")],
        )
        .await
        .status(404);
    world
        .jonas
        .post(path, &[("wip_limit", "3")])
        .await
        .status(403);
}

/// Cases 1, 2, 3. A column, task or goal of another team is refused.
#[tokio::test]
async fn requests_for_another_teams_items_change_nothing() {
    let world = World::new().await;
    world
        .elif
        .create_task("infrastructure", "todo", "mine")
        .await;
    world.jonas.create_task("ingestion", "todo", "theirs").await;
    sqlx::query("INSERT INTO columns (team_id, id, slug, name, state, position) SELECT id, gen_random_uuid(), 'only-theirs', 'Only theirs', 'doing', 9 FROM teams WHERE key = 'ING'")
        .execute(&world.db).await.unwrap();
    let before = dump_tasks(&world).await;
    let elif = &world.elif;
    elif.api(
        Method::PUT,
        "/tasks/INF-1/position",
        json!({ "column": "only-theirs" }),
    )
    .await
    .status(422);
    elif.api(
        Method::PUT,
        "/tasks/INF-1/position",
        json!({ "column": "todo", "after": "ING-1" }),
    )
    .await
    .status(422);
    elif.api(
        Method::PUT,
        "/tasks/ING-1/position",
        json!({ "column": "done" }),
    )
    .await
    .status(403);
    elif.api(Method::PATCH, "/tasks/ING-1", json!({ "title": "x" }))
        .await
        .status(403);
    elif.api(Method::DELETE, "/tasks/ING-1", json!({}))
        .await
        .status(403);
    elif.api(Method::PUT, "/tasks/ING-1/block", json!({ "note": "x" }))
        .await
        .status(403);
    elif.api(
        Method::PUT,
        "/tasks/ING-1/owners",
        json!({ "owners": ["elif"] }),
    )
    .await
    .status(403);
    for path in [
        "",
        "/position",
        "/block",
        "/unblock",
        "/owners",
        "/owners/me",
        "/archive",
        "/restore",
        "/steps",
    ] {
        elif.post(
            &format!("/tasks/ING-1{path}"),
            &[
                ("title", "x"),
                ("column", "done"),
                ("text", "x"),
                ("note", "x"),
            ],
        )
        .await
        .status(403);
    }
    elif.post("/teams/ingestion/tasks", &[("title", "x")])
        .await
        .status(403);
    elif.post(
        "/teams/ingestion/bulk",
        &[("keys", "ING-1"), ("archive", "1")],
    )
    .await
    .status(403);
    // a read token and an anonymous client
    let reader = world.program_of(elif, Scope::Read).await;
    reader
        .api(Method::GET, "/tasks/INF-1", json!({}))
        .await
        .status(200);
    reader
        .api(Method::PATCH, "/tasks/INF-1", json!({ "title": "x" }))
        .await
        .status(403);
    reader
        .api(
            Method::POST,
            "/tasks/INF-1/comments",
            json!({ "body": "x" }),
        )
        .await
        .status(403);
    world
        .stranger()
        .api(Method::GET, "/tasks/INF-1", json!({}))
        .await
        .status(401);
    world
        .stranger()
        .api(Method::PATCH, "/tasks/INF-1", json!({ "title": "x" }))
        .await
        .status(401);
    world
        .stranger()
        .post("/tasks/INF-1", &[("title", "x")])
        .await
        .status(401);
    assert_eq!(dump_tasks(&world).await, before);
}

async fn dump_tasks(world: &World) -> String {
    sqlx::query_scalar("SELECT string_agg(t::text, E'\n' ORDER BY id) || (SELECT count(*) FROM events) || (SELECT count(*) FROM comments) FROM tasks t")
        .fetch_one(&world.db)
        .await
        .unwrap()
}

/// Cases 39, 41. Every field is filled with a script, and every page is checked.
#[tokio::test]
async fn scripts_are_escaped_everywhere() {
    let world = World::new().await;
    let evil = "</script><img src=x onerror=alert(1)>";
    let elif = &world.elif;
    elif.create_task("infrastructure", "todo", evil).await;
    elif.post(
        "/tasks/INF-1",
        &[("description", evil), ("needed_by", evil)],
    )
    .await
    .ok();
    elif.post("/tasks/INF-1/steps", &[("text", evil)])
        .await
        .ok();
    elif.post("/tasks/INF-1/comments", &[("body", evil)])
        .await
        .ok();
    elif.post("/tasks/INF-1/block", &[("kind", "text"), ("note", evil)])
        .await
        .ok();
    // labels cannot contain spaces
    let word = "</script><img/src=x/onerror=alert(1)>";
    elif.post("/tasks/INF-1", &[("labels", word)]).await.ok();
    let aim = [
        ("title", evil),
        ("target", "9"),
        ("why", evil),
        ("needs", evil),
        ("unit", evil),
        ("counted_by", "tasks"),
    ];
    let goal = crate::goals::set_goal(&world, elif, "42", &aim).await;
    elif.post(
        &format!("/teams/infrastructure/goals/{goal}/comments"),
        &[("kind", "concern"), ("body", evil)],
    )
    .await
    .ok();
    elif.post("/tasks/INF-1", &[("goal", "1")]).await.ok();
    let project = [
        ("team", "infrastructure"),
        ("name", evil),
        ("about", evil),
        ("target", "9"),
    ];
    let project = elif
        .post("/projects", &project)
        .await
        .ok()
        .header("location")
        .to_owned();
    for (path, field) in [
        ("topics", "text"),
        ("actions", "text"),
        ("sprints/42/retro-notes", "text"),
        ("objectives", "title"),
        ("about", "mission"),
    ] {
        let fields = [
            (field, evil),
            ("meeting", "standup"),
            ("category", "well"),
            ("quarter", "2026-Q4"),
        ];
        elif.post(&format!("/teams/infrastructure/{path}"), &fields)
            .await
            .ok();
    }
    for named in ["accounts", "teams", "columns", "sprints", "workspace"] {
        let rename = sqlx::AssertSqlSafe(format!("UPDATE {named} SET name = $1"));
        sqlx::query(rename)
            .bind(evil)
            .execute(&world.db)
            .await
            .unwrap();
    }
    elif.post(
        "/teams/infrastructure/filters",
        &[("name", evil), ("q", "is:done"), ("for", "me")],
    )
    .await
    .ok();
    sqlx::query("UPDATE members SET role = 'lead', title = $1")
        .bind(evil)
        .execute(&world.db)
        .await
        .unwrap();
    let encoded: String = form_urlencoded::byte_serialize(evil.as_bytes()).collect();
    for path in [
        "/",
        "/teams",
        "/people/elif",
        "/teams/infrastructure?sprint=all",
        "/tasks/INF-1",
        "/tasks/INF-1/block",
        "/tasks/INF-1/move",
        "/teams/infrastructure/tasks?sprint=all",
        "/teams/infrastructure/about",
        "/teams/infrastructure/check-in",
        "/teams/infrastructure/columns/todo/limit",
        "/teams/infrastructure/columns/todo/remove",
        "/teams/infrastructure/flow",
        &format!("/teams/infrastructure/goals/{goal}"),
        "/teams/infrastructure/history",
        "/teams/infrastructure/requests",
        "/teams/infrastructure/planning",
        "/teams/infrastructure/settings",
        "/teams/infrastructure/sprints/42/close",
        "/teams/infrastructure/standup",
        "/teams/infrastructure/standup/walk",
        "/teams/infrastructure?lanes=goal",
        "/teams/infrastructure?lanes=owner",
        "/projects",
        &project,
        "/sprints",
        "/sprints/42",
        "/sprints/42/retro?team=infrastructure",
        &format!("/teams/infrastructure?q={encoded}"),
        &format!("/teams/infrastructure?q=x:{encoded}"),
        &format!("/login?next={encoded}"),
        &format!("/tasks/{encoded}"),
    ] {
        // signed-in people are redirected from the sign-in page
        let page = if path.starts_with("/login") {
            world.stranger().get(path).await
        } else {
            elif.get(path).await
        };
        assert!(
            page.status == 200 || path.starts_with("/tasks/%"),
            "{path}: {}",
            page.status
        );
        assert_escaped(path, &page.text());
    }
    // streamed fragments are escaped as well
    let served = Served::of(&world).await;
    let mut stream = served.listen(elif, "infrastructure", None).await;
    stream.next_named("presence").await;
    elif.post("/tasks/INF-1/position", &[("column", "done")])
        .await
        .ok();
    for name in ["card", "goal"] {
        let html = stream.next_named(name).await.data["html"]
            .as_str()
            .unwrap()
            .to_owned();
        assert!(
            html.contains("&#60;img"),
            "the script is shown as text: {html}"
        );
        assert_escaped(name, &html);
    }
    let preview = elif
        .post(
            "/preview",
            &[(
                "markdown",
                "[x](javascript:alert(1)) [y](\tjavascript:alert(1)) <script>alert(1)</script>",
            )],
        )
        .await
        .ok()
        .text();
    assert!(
        !preview.contains("href=\"java") && !preview.contains("<script"),
        "{preview}"
    );
}

fn assert_escaped(place: &str, html: &str) {
    // the page's own script
    let html = html.replace("/js/app.js\"></script>", "");
    assert!(
        !html.contains("<img") && !html.contains("</script><"),
        "{place}: {html}"
    );
}

/// Cases 38, F2, F12. Each fault has its own status, and HEAD equals GET.
#[tokio::test]
async fn unsupported_bodies_methods_and_types_are_refused() {
    let world = World::new().await;
    let big = "x".repeat(5 * 1024 * 1024);
    world
        .elif
        .post("/teams/infrastructure/tasks", &[("title", &big)])
        .await
        .status(413);
    world
        .elif
        .api(
            Method::POST,
            "/teams/infrastructure/tasks",
            json!({ "title": big }),
        )
        .await
        .status(413);
    let wrong = world
        .elif
        .api(Method::DELETE, "/teams", json!({}))
        .await
        .status(405);
    assert!(wrong.header("allow").contains("GET"));
    assert_eq!(wrong.header("content-type"), "application/problem+json");
    world
        .elif
        .send(
            Request::delete("/teams/infrastructure")
                .body(Body::empty())
                .unwrap(),
        )
        .await
        .status(405);
    let text = Request::post("/api/v1/teams/infrastructure/tasks")
        .header(header::CONTENT_TYPE, "text/plain")
        .body(Body::from("{}"));
    world.elif.send(text.unwrap()).await.status(415);
    let multipart = Request::post("/teams/infrastructure/tasks")
        .header(header::CONTENT_TYPE, "multipart/form-data; boundary=x")
        .body(Body::from("--x"));
    world.elif.send(multipart.unwrap()).await.status(415);
    let broken = Request::post("/api/v1/teams/infrastructure/tasks")
        .header(header::CONTENT_TYPE, "application/json")
        .body(Body::from("{\"title\":"));
    world.elif.send(broken.unwrap()).await.status(400);
    let head = world
        .elif
        .send(
            Request::head("/teams/infrastructure")
                .body(Body::empty())
                .unwrap(),
        )
        .await
        .status(200);
    let get = world.elif.get("/teams/infrastructure").await.status(200);
    assert_eq!(
        (
            head.body.len(),
            head.header("etag"),
            head.header("content-type")
        ),
        (0, get.header("etag"), get.header("content-type"))
    );
}

/// Case F4. The message of the panic is not sent.
#[tokio::test]
async fn panic_is_a_500_with_an_id_and_the_server_continues() {
    let world = World::new().await;
    async fn panics() -> &'static str {
        panic!("inside text that must stay hidden")
    }
    let routes = Router::new()
        .route("/panics", get(panics))
        .route("/works", get(async || "fine"));
    let router = layered(world.app.clone(), routes, TIMEOUT);
    let response = router
        .clone()
        .oneshot(
            Request::get("/panics")
                .header("accept", "application/json")
                .body(Body::empty())
                .unwrap(),
        )
        .await
        .unwrap();
    assert_eq!(response.status(), 500);
    let id = response.headers()["x-request-id"]
        .to_str()
        .unwrap()
        .to_owned();
    let body = String::from_utf8(
        axum::body::to_bytes(response.into_body(), 10_000)
            .await
            .unwrap()
            .to_vec(),
    )
    .unwrap();
    assert!(
        body.contains(&id) && !body.contains("inside text"),
        "{body}"
    );
    let next = router
        .oneshot(Request::get("/works").body(Body::empty()).unwrap())
        .await
        .unwrap();
    assert_eq!(next.status(), 200);
}

#[tokio::test]
async fn slow_request_times_out_with_503() {
    let world = World::new().await;
    let routes = Router::new()
        .route("/never", get(std::future::pending::<()>))
        .route("/works", get(async || "fine"));
    let router = layered(world.app.clone(), routes, Duration::from_millis(1));
    let ask = |path: &str, accept: &str| {
        let request = Request::get(path)
            .header(header::ACCEPT, accept)
            .body(Body::empty())
            .unwrap();
        router.clone().oneshot(request)
    };
    let page = ask("/never", "text/html").await.unwrap();
    assert_eq!(page.status(), 503);
    assert!(
        page.headers().contains_key("content-security-policy")
            && page.headers().contains_key("retry-after")
    );
    let problem = ask("/never", "application/json").await.unwrap();
    assert_eq!(
        (
            problem.status().as_u16(),
            &problem.headers()["content-type"]
        ),
        (503, &"application/problem+json".parse().unwrap())
    );
    assert_eq!(ask("/works", "text/html").await.unwrap().status(), 200);
}

/// The HTTP library accepts larger heads than the limit, so the size is checked again.
#[tokio::test]
async fn head_over_32_kib_is_refused_with_security_headers() {
    let world = World::new().await;
    let served = Served::of(&world).await;
    let ask = async |length: usize| {
        let request = crate::program::new_client().get(format!("http://{}/login", served.address));
        request
            .header("cookie", format!("x={}", "y".repeat(length)))
            .send()
            .await
            .unwrap()
    };
    assert_eq!(ask(31 * 1024).await.status(), 200);
    let refused = ask(32 * 1024 + 200).await;
    assert_eq!(refused.status(), 431);
    for protects in [
        "content-security-policy",
        "x-content-type-options",
        "referrer-policy",
        "cache-control",
    ] {
        assert!(
            refused.headers().contains_key(protects),
            "{protects}: {refused:?}"
        );
    }
}

#[tokio::test]
async fn internal_errors_reveal_no_details() {
    let world = World::new().await;
    world
        .elif
        .create_task("infrastructure", "todo", "one")
        .await;
    sqlx::query("ALTER TABLE steps RENAME TO hidden")
        .execute(&world.db)
        .await
        .unwrap();
    let page = world.elif.get("/tasks/INF-1").await.status(500);
    assert!(
        !page.text().contains("relation") && page.text().contains(page.header("x-request-id")),
        "{}",
        page.text()
    );
    let problem = world
        .elif
        .api(Method::GET, "/tasks/INF-1", json!({}))
        .await
        .status(500);
    assert!(!problem.text().contains("steps"), "{}", problem.text());
}

/// Case F7. Postgres cannot store NUL. Text that spells `\u0000` is kept.
#[tokio::test]
async fn nul_is_refused_beside_its_field() {
    let world = World::new().await;
    world
        .elif
        .create_task("infrastructure", "todo", "one")
        .await;
    for (path, field) in [
        ("/tasks/INF-1", "title"),
        ("/tasks/INF-1", "description"),
        ("/tasks/INF-1", "labels"),
        ("/tasks/INF-1/comments", "body"),
        ("/tasks/INF-1/steps", "text"),
        ("/tasks/INF-1/block", "note"),
        ("/teams/infrastructure/goals", "title"),
        ("/teams/infrastructure/goals", "needs"),
        ("/teams/infrastructure/about", "roadmap"),
        ("/sprints/43", "name"),
        ("/sprints", "names"),
        ("/projects", "about"),
    ] {
        let fields = [
            (field, "kept\0words"),
            ("version", "1"),
            ("kind", "text"),
            ("owners", "elif"),
            ("owners", "anna"),
        ];
        let page = world.elif.post(path, &fields).await.status(422).text();
        assert!(
            page.contains(&format!(
                r#"id="{field}-error">The text contains a character"#
            )),
            "{path} {field}: {page}"
        );
        assert!(
            page.contains("keptwords") && page.contains(&format!(r#"action="{path}""#)),
            "{path} {field}: {page}"
        );
        for expected in [
            r#"name="version" value="1""#,
            r#"name="owners" value="elif""#,
            r#"name="owners" value="anna""#,
        ] {
            assert!(page.contains(expected), "{path} {field}: {page}");
        }
    }
    // a form with a password is not returned with its input
    let login = world
        .stranger()
        .post("/login", &[("email", "a\0b"), ("password", "s3cret")])
        .await
        .status(422)
        .text();
    assert!(
        !login.contains("s3cret") && login.contains("can&#39;t be stored"),
        "{login}"
    );
    let refused = world
        .elif
        .api(Method::PATCH, "/tasks/INF-1", json!({ "labels": ["a\0b"] }))
        .await
        .status(422);
    assert!(
        refused.json()["errors"]["labels"].is_string(),
        "{}",
        refused.text()
    );
    assert_eq!(
        world.elif.load_task("INF-1").await["version"],
        1,
        "the task is unchanged"
    );

    let spelled = r"It ends with \u0000, as C's texts do";
    world
        .elif
        .api(
            Method::PATCH,
            "/tasks/INF-1",
            json!({ "description": spelled }),
        )
        .await
        .ok();
    assert_eq!(world.elif.load_task("INF-1").await["description"], spelled);
}

#[tokio::test]
async fn crlf_in_a_description_is_normalized() {
    let world = World::new().await;
    world
        .elif
        .create_task("infrastructure", "todo", "one")
        .await;
    world
        .elif
        .post("/tasks/INF-1", &[("description", "a\r\nb\rc")])
        .await
        .ok();
    assert_eq!(
        world.elif.load_task("INF-1").await["description"],
        "a\nb\nc"
    );
}

/// Case F15. Inline styles and handlers are forbidden as well.
#[test]
fn templates_print_no_unescaped_text() {
    let mut folders = vec![std::path::PathBuf::from(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/templates"
    ))];
    let mut read = 0;
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().path())
        {
            if entry.is_dir() {
                folders.push(entry);
                continue;
            }
            let template = std::fs::read_to_string(&entry).unwrap();
            let squeezed: String = template.split_whitespace().collect();
            assert!(!squeezed.contains("|safe"), "{}", entry.display());
            assert!(
                !squeezed.contains("style=") && !squeezed.contains("onclick"),
                "{}",
                entry.display()
            );
            read += 1;
        }
    }
    assert!(read > 15, "the templates were found");
}

/// A refused form on a page with several forms returns all input, the reason and a link back.
#[tokio::test]
async fn refused_form_returns_its_input_and_a_way_back() {
    let world = World::new().await;
    let elif = &world.elif;
    let team = "/teams/infrastructure";
    elif.post(
        &format!("{team}/objectives"),
        &[("quarter", "2026-Q4"), ("title", "Sleep")],
    )
    .await
    .ok();
    let objective: uuid::Uuid = sqlx::query_scalar("SELECT id FROM objectives")
        .fetch_one(&world.db)
        .await
        .unwrap();
    let results = format!("{team}/objectives/{objective}/key-results");
    elif.post(&results, &[("title", "Tables"), ("target", "9")])
        .await
        .ok();
    let result: uuid::Uuid = sqlx::query_scalar("SELECT id FROM key_results")
        .fetch_one(&world.db)
        .await
        .unwrap();
    elif.post(
        &format!("{team}/sprints/42/retro-notes"),
        &[("category", "well"), ("text", "Pairing")],
    )
    .await
    .ok();
    let note: uuid::Uuid = sqlx::query_scalar("SELECT id FROM retro_notes")
        .fetch_one(&world.db)
        .await
        .unwrap();
    let goal =
        crate::goals::set_goal(&world, elif, "42", &[("title", "Tables"), ("target", "9")]).await;
    let long = |length: usize| format!("kept{}", "x".repeat(length));
    let (words, essay, book) = (long(600), long(2100), long(5100));
    for (address, fields, field, why) in [
        (
            format!("{team}/topics"),
            vec![("text", words.as_str()), ("meeting", "retro")],
            "text",
            "1 to 500",
        ),
        (
            format!("{team}/actions"),
            vec![("text", &words), ("retro", "42")],
            "text",
            "1 to 500",
        ),
        (
            format!("{team}/objectives"),
            vec![("title", "kept"), ("quarter", "soon"), ("why", "kept")],
            "quarter",
            "2026-Q4",
        ),
        (
            format!("{team}/objectives/{objective}"),
            vec![("title", "kept"), ("why", &essay)],
            "why",
            "at most 2000",
        ),
        (
            results.clone(),
            vec![("title", "kept"), ("target", "many"), ("measure", "count")],
            "target",
            "whole number",
        ),
        (
            format!("{team}/key-results/{result}"),
            vec![("title", "kept"), ("target", "-3")],
            "target",
            "whole number",
        ),
        (
            format!("{team}/key-results/{result}/progress"),
            vec![("manual_value", "kept")],
            "manual_value",
            "whole number",
        ),
        (
            format!("{team}/sprints/42/retro-notes"),
            vec![("text", &essay), ("category", "idea")],
            "text",
            "1 to 2000",
        ),
        (
            format!("{team}/retro-notes/{note}"),
            vec![("text", &essay)],
            "text",
            "1 to 2000",
        ),
        (
            format!("{team}/goals/{goal}/comments"),
            vec![("body", &book), ("kind", "concern")],
            "body",
            "1 to 5000",
        ),
    ] {
        let back = format!("{team}/about?from=here");
        let fields: Vec<(&str, &str)> = fields
            .into_iter()
            .chain([("back", back.as_str()), ("password", "s3cret")])
            .collect();
        let page = elif.post(&address, &fields).await.status(422).text();
        assert!(
            page.contains(&format!(r#"method="post" action="{address}""#)),
            "{address}: {page}"
        );
        assert!(
            page.contains(&format!(r#"href="{back}""#)),
            "{address}: a link back"
        );
        assert!(
            !page.contains("s3cret") && !page.contains("password"),
            "{address}: unknown fields are not returned"
        );
        let beside = page
            .split(&format!(r#"id="{field}-error">"#))
            .nth(1)
            .expect("the reason is beside the field");
        assert!(
            beside.split('<').next().unwrap().contains(why),
            "{address}: {beside}"
        );
        for (name, value) in &fields {
            let is_shown = page.contains(&format!(r#"name="{name}" value="{value}""#))
                || page.contains(&format!("name=\"{name}\" dir=\"auto\" value=\"{value}\""))
                || page.contains(&format!("\n{value}</textarea>"));
            assert!(
                is_shown || *name == "password",
                "{address}: {name} was lost: {page}"
            );
        }
        // scripts get the reason as JSON
        let refused = elif
            .submit_by_script(Method::POST, &address, "task", &fields)
            .await
            .status(422);
        assert_eq!(
            refused.header("content-type"),
            "application/problem+json",
            "{address}"
        );
    }
    assert!(
        elif.get(&format!("{team}/about"))
            .await
            .text()
            .matches("data-enhance")
            .count()
            >= 6
    );
}

#[tokio::test]
async fn second_answer_to_a_concern_is_returned() {
    let world = World::new().await;
    let elif = &world.elif;
    let goal =
        crate::goals::set_goal(&world, elif, "42", &[("title", "Tables"), ("target", "9")]).await;
    let team = "/teams/infrastructure";
    world
        .jonas
        .post(
            &format!("{team}/goals/{goal}/comments"),
            &[("kind", "concern"), ("body", "Hm")],
        )
        .await
        .ok();
    let comment: uuid::Uuid = sqlx::query_scalar("SELECT id FROM goal_comments")
        .fetch_one(&world.db)
        .await
        .unwrap();
    let answer_path = format!("{team}/goal-comments/{comment}/answer");
    elif.post(&answer_path, &[("answer", "First")]).await.ok();
    let page = elif
        .post(&answer_path, &[("answer", "Second & longer")])
        .await
        .status(409)
        .text();
    assert!(
        page.contains("Your answer was not saved")
            && page.contains("Second &#38; longer</textarea>"),
        "{page}"
    );
    // after signing out in the meantime, the page keeps the text
    let page = world
        .stranger()
        .post(&answer_path, &[("answer", "Third")])
        .await
        .status(401)
        .text();
    assert!(
        page.contains("Third</textarea>") && page.contains("/login"),
        "{page}"
    );
}

#[tokio::test]
async fn refused_milestone_keeps_its_input() {
    let world = World::new().await;
    world
        .elif
        .post(
            "/projects",
            &[
                ("team", "infrastructure"),
                ("name", "Move"),
                ("target", "9"),
            ],
        )
        .await
        .ok();
    let at = "/projects/move/milestones";
    let page = world
        .elif
        .post(at, &[("title", "First ten"), ("due_on", "2026-02-31")])
        .await
        .status(422)
        .text();
    assert!(
        page.contains(r#"value="First ten""#) && page.contains(r#"value="2026-02-31""#),
        "{page}"
    );
    assert!(page.contains("Enter a date as YYYY-MM-DD."), "{page}");
    let page = world
        .elif
        .post(at, &[("title", " "), ("due_on", "2026-12-01")])
        .await
        .status(422)
        .text();
    assert!(
        page.contains(r#"value="2026-12-01""#)
            && page.contains("A milestone must have 1 to 200 characters."),
        "{page}"
    );
}

#[tokio::test]
async fn too_long_description_is_refused_beside_its_field() {
    let world = World::new().await;
    let key = world
        .elif
        .create_task("infrastructure", "todo", "Cut over")
        .await;
    let (most, long) = ("é".repeat(100_000), "é".repeat(100_001));
    let page = world
        .elif
        .post(&format!("/tasks/{key}"), &[("description", &long)])
        .await
        .status(422)
        .text();
    assert!(
        page.contains("A description can have at most 100,000 characters.") && page.contains(&long)
    );
    let refused = world
        .elif
        .api(
            Method::PATCH,
            &format!("/tasks/{key}"),
            json!({ "description": long }),
        )
        .await;
    assert_eq!(
        refused.status(422).json()["errors"]["description"],
        "A description can have at most 100,000 characters."
    );
    world
        .elif
        .post(&format!("/tasks/{key}"), &[("description", &most)])
        .await
        .ok();
    assert_eq!(world.elif.load_task(&key).await["description"], most);
}
