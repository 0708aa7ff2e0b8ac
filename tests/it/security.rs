//! Security tests: headers, permissions, tokens, rate limits and injection.

use std::{net::SocketAddr, time::Instant};

use axum::{
    Router,
    body::Body,
    extract::ConnectInfo,
    http::{Method, Request, header},
};
use fortnight::{
    app::{App, Settings},
    config::trusted_proxies::TrustedProxies,
    domain::{clock::Clock, policy::viewer::Scope},
    http::{
        middleware::{client_ip::ClientIp, rate_limit::StreamOwner},
        router::router,
    },
};
use futures_util::future::{join, join_all};
use serde_json::json;
use tower::ServiceExt;

use crate::{
    access::{Fixture, parse_table},
    asset_serving::Served,
    fixtures::{Client, NOW, Response, World, report},
    people::create_account,
};

/// Checks the security headers that every response must have.
fn check_security_headers(response: &axum::response::Response, request: &str) {
    let header = |name: &str| {
        response
            .headers()
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    };
    let policy = header("content-security-policy");
    let guests = !header("x-robots-tag").is_empty();
    assert!(
        !guests || request.contains("/share/") || request.contains("/public/"),
        "{request}"
    );
    assert!(
        guests || !response.status().is_success() || !request.contains(" /share/"),
        "{request}"
    );
    // pages that other sites may embed have no forms and no scripts
    let framed = guests && !header("content-security-policy").contains("frame-ancestors 'none'");
    if framed {
        assert!(
            request.contains("/embed") || request.contains("check-in.json"),
            "{request}"
        );
        assert!(
            policy.starts_with("default-src 'none';") && policy.contains("form-action 'none'"),
            "{request}: {policy}"
        );
        assert!(
            !policy.contains("script-src") && !policy.contains("unsafe"),
            "{request}: {policy}"
        );
        assert_eq!(
            (header("x-content-type-options"), header("referrer-policy")),
            ("nosniff", "no-referrer"),
            "{request}"
        );
        assert_eq!(
            header("cross-origin-resource-policy"),
            "cross-origin",
            "{request}"
        );
        return;
    }
    // a file that someone attached or a picture of a person, in a sandbox of its own
    if policy.contains("sandbox") {
        let is_file = ["/attachments/", "/avatar/", "/covers/"];
        assert!(
            is_file.iter().any(|part| request.contains(part)),
            "{request}: {policy}"
        );
        assert_eq!(
            policy, "default-src 'none'; sandbox; frame-ancestors 'none'",
            "{request}"
        );
        assert_eq!(header("x-content-type-options"), "nosniff", "{request}");
        return;
    }
    for part in [
        "default-src 'none'",
        "script-src 'self'",
        "object-src 'none'",
        "base-uri 'none'",
        "form-action 'self'",
    ] {
        assert!(policy.contains(part), "{request}: {policy}");
    }
    assert!(
        !policy.contains("unsafe") && !policy.contains('*'),
        "{request}: {policy}"
    );
    assert!(
        policy.contains("frame-ancestors 'none'"),
        "{request}: {policy}"
    );
    for (name, wanted) in [
        ("x-content-type-options", "nosniff"),
        (
            "referrer-policy",
            if guests { "no-referrer" } else { "same-origin" },
        ),
        ("cross-origin-opener-policy", "same-origin"),
        ("cross-origin-resource-policy", "same-origin"),
        ("x-frame-options", "DENY"),
    ] {
        assert_eq!(header(name), wanted, "{request}: {name}");
    }
    assert!(
        header("permissions-policy").contains("camera=()"),
        "{request}"
    );
    let cached = header("cache-control");
    let wanted = match () {
        () if request.contains("/static/") => "public, max-age=31536000, immutable",
        // the address changes with the picture
        () if request.contains("/avatar") && response.status().is_success() => {
            "private, max-age=31536000, immutable"
        }
        // the browser may store boards, but has to revalidate them
        () if response.headers().contains_key("etag") => "private, no-cache",
        () => "no-store",
    };
    assert_eq!(cached, wanted, "{request}");
}

#[tokio::test]
async fn every_route_sends_security_headers() {
    let fixture = Fixture::new(false).await;
    let app = App::new(
        "https://board.example.org",
        fixture.world.db.clone(),
        Clock::standing(NOW),
    );
    let https = router(app);
    let mut rows = parse_table();
    rows.sort_by_key(|row| row.path == "/logout");
    let mut checked = 0;
    for row in &rows {
        for role in ["admin", "lead", "anonymous", "share"] {
            let by = &fixture.clients[role];
            let path = fixture.resolve_path(row, by).await;
            let response = fixture.send(row, &path, by).await;
            // an outdated version of a static file is an ordinary error
            if row.path.starts_with("/static") && !response.status().is_success() {
                continue;
            }
            check_security_headers(&response, &format!("{role}: {} {path}", row.method));
            assert!(!response.headers().contains_key("strict-transport-security"));
            checked += 1;
        }
        let path = fixture
            .resolve_path(row, &fixture.clients["anonymous"])
            .await;
        let request = Request::builder()
            .method(&row.method)
            .uri(&path)
            .body(Body::empty())
            .unwrap();
        let response = https.clone().oneshot(request).await.unwrap();
        let hsts = response.headers()["strict-transport-security"]
            .to_str()
            .unwrap();
        assert!(hsts.contains("max-age=31536000"), "{path}: {hsts}");
    }
    report(&format!("{checked} responses have security headers"));
    assert!(checked > 300, "{checked}");
    // error responses of unknown routes have them, too
    let elif = &fixture.world.elif;
    for request in [
        Request::get("/nowhere"),
        Request::delete("/teams/infrastructure"),
        Request::options("/"),
        Request::get("/tasks/%FF"),
        Request::get("/static/x/nothing.css"),
    ] {
        let request = request
            .header(header::COOKIE, &elif.cookie)
            .body(Body::empty())
            .unwrap();
        let name = request.uri().to_string().replace("/static/", "/stat/");
        check_security_headers(&elif.router.clone().oneshot(request).await.unwrap(), &name);
    }
}

/// Cases 1, 2, 3, 5. Permissions are checked for every task in a request.
#[tokio::test]
async fn request_including_another_teams_task_changes_nothing() {
    let world = World::new().await;
    let elif = &world.elif;
    elif.create_task("infrastructure", "todo", "Ours").await;
    world.jonas.create_task("ingestion", "todo", "Theirs").await;
    sqlx::query("INSERT INTO columns (team_id, id, slug, name, state, position) SELECT id, gen_random_uuid(), 'theirs', 'Theirs', 'doing', 9 FROM teams WHERE key = 'ING'")
        .execute(&world.db)
        .await
        .unwrap();
    let before = dump_tasks(&world).await;
    elif.api(Method::PATCH, "/tasks/ING-1", json!({ "title": "x" }))
        .await
        .status(403);
    elif.api(
        Method::PUT,
        "/tasks/INF-1/position",
        json!({ "column": "theirs" }),
    )
    .await
    .status(422);
    elif.api(
        Method::PUT,
        "/tasks/INF-1/position",
        json!({ "column": "todo", "before": "ING-1" }),
    )
    .await
    .status(422);
    for (task, body) in [
        ("INF-1", "task"),
        ("ING-1", "key"),
        ("INF-1", "id"),
        ("INF-1", "team"),
    ] {
        let body = json!({ "column": "todo", body: "ING-1" });
        let refused = elif
            .api(Method::PUT, &format!("/tasks/{task}/position"), body)
            .await;
        assert!(
            matches!(refused.status.as_u16(), 400 | 403),
            "{}",
            refused.text()
        );
    }
    for keys in [["INF-1", "ING-1"], ["ING-1", "INF-1"]] {
        for change in [
            ("archive", "1"),
            ("column", "done"),
            ("owner", "elif"),
            ("sprint", "43"),
        ] {
            let fields = [("keys", keys[0]), ("keys", keys[1]), change];
            let refused = elif.post("/teams/infrastructure/bulk", &fields).await;
            assert!(
                matches!(refused.status.as_u16(), 403 | 404 | 409 | 422),
                "{} {}",
                refused.status,
                refused.text()
            );
        }
    }
    assert_eq!(dump_tasks(&world).await, before);
}

/// Returns all tasks and the number of events, to compare before and after.
async fn dump_tasks(world: &World) -> String {
    sqlx::query_scalar("SELECT string_agg(t::text, E'\\n' ORDER BY id) || (SELECT count(*) FROM events) FROM tasks t")
        .fetch_one(&world.db)
        .await
        .unwrap()
}

/// Cases 4, 9, 12. A hidden team cannot be named as blocker, exported, or given to an invitation or token.
#[tokio::test]
async fn hidden_team_cannot_be_referenced() {
    let world = World::new().await;
    let jonas = &world.jonas;
    sqlx::query("UPDATE accounts SET role = 'admin' WHERE handle = 'jonas'")
        .execute(&world.db)
        .await
        .unwrap();
    sqlx::query("UPDATE teams SET private = true WHERE key = 'INF'")
        .execute(&world.db)
        .await
        .unwrap();
    world
        .elif
        .create_task("infrastructure", "todo", "Hidden plan")
        .await;
    jonas.create_task("ingestion", "todo", "Ours").await;
    for (kind, field, on) in [
        ("task", "on", "INF-1"),
        ("task", "on", "Hidden plan"),
        ("team", "team", "infrastructure"),
    ] {
        let refused = jonas
            .post("/tasks/ING-1/block", &[("kind", kind), (field, on)])
            .await
            .status(422)
            .text();
        assert!(
            !refused
                .replace("value=\"Hidden plan\"", "")
                .contains("Hidden plan</"),
            "{refused}"
        );
    }
    let refused = jonas
        .api(
            Method::PUT,
            "/tasks/ING-1/block",
            json!({ "task": "INF-1" }),
        )
        .await;
    assert!(
        refused.status.is_client_error() && !refused.text().contains("Hidden"),
        "{}",
        refused.text()
    );
    for path in [
        "/teams/infrastructure/flow/cycle-time.csv",
        "/api/v1/teams/infrastructure/events",
    ] {
        jonas.get(path).await.status(404);
    }
    jonas
        .post("/settings/invitations", &[("team", "infrastructure")])
        .await
        .status(404);
    let both = [
        ("name", "x"),
        ("scope", "read"),
        ("team", "ingestion"),
        ("team", "infrastructure"),
    ];
    jonas.post("/me/tokens", &both).await.status(404);
    for table in [
        "SELECT count(*) FROM invitations",
        "SELECT count(*) FROM tokens",
        "SELECT count(*) FROM blockers",
    ] {
        let created: i64 = sqlx::query_scalar(table)
            .fetch_one(&world.db)
            .await
            .unwrap();
        assert_eq!(created, 0, "{table}");
    }
}

/// Cases 7, 13, 14. Unknown fields are refused or ignored.
#[tokio::test]
async fn extra_fields_cannot_set_a_role_or_author() {
    let world = World::new().await;
    let (elif, jonas) = (&world.elif, &world.jonas);
    elif.create_task("infrastructure", "todo", "One").await;
    let profile = [
        ("name", "Elif Hartmann"),
        ("time_zone", "UTC"),
        ("works_from", "09:00"),
        ("works_to", "17:00"),
    ];
    let more = [
        ("role", "admin"),
        ("email", "eve@example.org"),
        ("id", "x"),
        ("password_hash", "x"),
    ];
    elif.post("/me", &[profile.as_slice(), more.as_slice()].concat())
        .await
        .status(303);
    let (role, email): (String, String) =
        sqlx::query_as("SELECT role, email FROM accounts WHERE handle = 'elif'")
            .fetch_one(&world.db)
            .await
            .unwrap();
    assert_eq!(
        (role.as_str(), email.as_str()),
        ("member", "elif@example.org")
    );
    let comment_with_author = json!({ "body": "x", "author_id": jonas.person.id });
    elif.api(Method::POST, "/tasks/INF-1/comments", comment_with_author)
        .await
        .status(400);
    elif.post(
        "/tasks/INF-1/comments",
        &[
            ("body", "Mine"),
            ("author_id", &jonas.person.id.to_string()),
        ],
    )
    .await
    .ok();
    let (comment, author): (uuid::Uuid, uuid::Uuid) =
        sqlx::query_as("SELECT id, author_id FROM comments")
            .fetch_one(&world.db)
            .await
            .unwrap();
    assert_eq!(author, elif.person.id);
    jonas
        .post(
            &format!("/tasks/INF-1/comments/{comment}"),
            &[("body", "Theirs")],
        )
        .await
        .status(403);
    jonas
        .post(&format!("/tasks/INF-1/comments/{comment}/delete"), &[])
        .await
        .status(403);
    let body: String = sqlx::query_scalar("SELECT body FROM comments")
        .fetch_one(&world.db)
        .await
        .unwrap();
    assert_eq!(body, "Mine");
    // query parameters cannot choose a column to sort by
    for path in [
        "/api/v1/teams/infrastructure/board",
        "/api/v1/teams",
        "/teams/infrastructure",
        "/settings/people",
    ] {
        let plain = elif.get(path).await;
        let sorted = elif
            .get(&format!("{path}?sort=password_hash&order=desc"))
            .await;
        assert_eq!(sorted.status, plain.status, "{path}");
        assert!(
            !sorted.text().contains("argon2") && !sorted.text().contains("password_hash="),
            "{path}"
        );
    }
}

/// Case 32. A leaked token must not be able to extend its access.
#[tokio::test]
async fn token_is_limited_to_its_scope_and_creates_no_links() {
    let world = World::new().await;
    let elif = &world.elif;
    sqlx::query("UPDATE accounts SET role = 'admin' WHERE handle = 'elif'")
        .execute(&world.db)
        .await
        .unwrap();
    elif.create_task("infrastructure", "todo", "One").await;
    for scope in [Scope::Read, Scope::Write, Scope::Admin] {
        let program = world.program_of(elif, scope).await;
        program
            .api(Method::GET, "/tasks/INF-1", json!({}))
            .await
            .status(200);
        let wrote = program
            .api(Method::PATCH, "/tasks/INF-1", json!({ "title": "One" }))
            .await
            .status;
        assert_eq!(wrote, if scope == Scope::Read { 403 } else { 200 });
        // administration needs a token with the admin scope
        let admin = scope == Scope::Admin;
        assert_eq!(
            program.get("/settings/people").await.status,
            if admin { 200 } else { 403 }
        );
        assert_eq!(
            program.get("/settings/audit.csv").await.status,
            if admin { 200 } else { 403 }
        );
        // links grant access like tokens do, so a token cannot create them
        for (path, fields) in [
            ("/settings/people/jonas", vec![("do", "link")]),
            ("/settings/invitations", vec![("for", "many")]),
            (
                "/teams/infrastructure/share-links",
                vec![("name", "x"), ("shows", "board")],
            ),
            ("/teams/infrastructure/public", vec![("public", "1")]),
            ("/me/tokens", vec![("name", "x"), ("scope", "read")]),
            ("/me/password", vec![("password", "another long one")]),
            ("/me/sessions", vec![("others", "1")]),
            (
                "/me",
                vec![
                    ("name", "x"),
                    ("time_zone", "UTC"),
                    ("works_from", "09:00"),
                    ("works_to", "17:00"),
                ],
            ),
        ] {
            program.post(path, &fields).await.status(403);
        }
    }
    let tokens: i64 = sqlx::query_scalar("SELECT count(*) FROM tokens")
        .fetch_one(&world.db)
        .await
        .unwrap();
    assert_eq!(tokens, 3);
}

#[tokio::test]
async fn token_limited_to_a_team_cannot_see_other_teams() {
    let fixture = Fixture::new(false).await;
    let (world, lead) = (&fixture.world, &fixture.clients["lead"]);
    let mut tx = world.db.begin().await.unwrap();
    let team =
        fortnight::domain::teams::create::add_team(&mut tx, NOW, "zanzibar", "Zanzibar", "ZAN")
            .await
            .unwrap();
    fortnight::domain::teams::create::add_member(&mut tx, NOW, team, lead.person.id, true)
        .await
        .unwrap();
    tx.commit().await.unwrap();
    let secret = lead
        .create_task("zanzibar", "in-review", "Zanzibar plan")
        .await;
    lead.post(&format!("/tasks/{secret}/owners"), &[("owners", "elif")])
        .await
        .ok();
    let ours = lead
        .create_task("infrastructure", "todo", "Waiting on them")
        .await;
    lead.post(&format!("/tasks/{ours}/owners"), &[("owners", "elif")])
        .await
        .ok();
    lead.post(
        "/teams/zanzibar/actions",
        &[("text", "Zanzibar action @elif")],
    )
    .await
    .ok();
    lead.post(
        "/projects",
        &[
            ("team", "zanzibar"),
            ("name", "Zanzibar project"),
            ("target", "9"),
            ("unit", "x"),
        ],
    )
    .await
    .ok();
    lead.post(
        "/teams/zanzibar/goals",
        &[
            ("sprint", "42"),
            ("title", "Zanzibar goal"),
            ("target", "9"),
        ],
    )
    .await
    .ok();
    lead.post("/teams/zanzibar/requests", &[("title", "Zanzibar request")])
        .await
        .ok();
    let on_her = lead
        .create_task("zanzibar", "todo", "Zanzibar waits on her")
        .await;
    lead.post(
        &format!("/tasks/{on_her}/block"),
        &[("kind", "person"), ("on", "elif")],
    )
    .await
    .ok();
    let page = lead
        .post(
            "/me/tokens",
            &[
                ("name", "x"),
                ("scope", "write"),
                ("team", "infrastructure"),
            ],
        )
        .await
        .ok()
        .text();
    let token = page
        .split("value=\"fn_")
        .nth(1)
        .unwrap()
        .split('"')
        .next()
        .unwrap();
    let program = Client {
        cookie: String::new(),
        bearer: Some(format!("fn_{token}")),
        ..lead.clone()
    };
    let mut checked = 0;
    for row in parse_table()
        .iter()
        .filter(|row| row.method == Method::GET && !row.path.ends_with("/live"))
    {
        let path = fixture.resolve_path(row, lead).await;
        let response = program.get(&path).await.text();
        for word in ["Zanzibar", "zanzibar", "ZAN-"] {
            let at = response.find(word).map(|at| {
                response[at.saturating_sub(120)..(at + 80).min(response.len())].to_owned()
            });
            assert!(at.is_none(), "{word} at {path}: {at:?}");
        }
        checked += 1;
    }
    assert!(checked > 40, "{checked}");
    for path in [
        "/teams/zanzibar",
        "/tasks/ZAN-1",
        "/projects/zanzibar-project",
        "/api/v1/teams/zanzibar/board",
    ] {
        program.get(path).await.status(404);
    }
    program
        .api(
            Method::PATCH,
            &format!("/tasks/{secret}"),
            json!({ "title": "x" }),
        )
        .await
        .status(404);
    // it cannot change workspace settings either, even if its owner is an administrator
    sqlx::query("UPDATE accounts SET role = 'admin' WHERE handle = 'elif'")
        .execute(&world.db)
        .await
        .unwrap();
    sqlx::query("UPDATE tokens SET scope = 'admin' WHERE account_id = $1")
        .bind(lead.person.id)
        .execute(&world.db)
        .await
        .unwrap();
    for path in [
        "/settings",
        "/settings/people",
        "/settings/audit",
        "/settings/audit.csv",
    ] {
        program.get(path).await.status(403);
        lead.get(path).await.status(200);
    }
    program
        .post("/settings/people/jonas", &[("do", "admin")])
        .await
        .status(403);
    program
        .api(
            Method::PATCH,
            &format!("/tasks/{ours}"),
            json!({ "title": "Ours" }),
        )
        .await
        .status(200);
    program
        .post(
            "/teams/zanzibar/topics",
            &[("meeting", "standup"), ("text", "x")],
        )
        .await
        .status(404);
    program
        .post(
            &format!("/tasks/{ours}/block"),
            &[("kind", "task"), ("on", &secret)],
        )
        .await
        .status(422);
}

/// Tries to sign in from this IP address with these headers.
async fn sign_in_from(
    router: &Router,
    peer: &str,
    extra_headers: &[(&'static str, &str)],
    email: &str,
    password: &str,
) -> Response {
    let fields = [("email", email), ("password", password)];
    let body = form_urlencoded::Serializer::new(String::new())
        .extend_pairs(fields)
        .finish();
    let mut request =
        Request::post("/login").header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
    for (name, value) in extra_headers {
        request = request.header(*name, *value);
    }
    let peer: SocketAddr = format!("{peer}:4711").parse().unwrap();
    let request = request
        .extension(ConnectInfo(peer))
        .body(Body::from(body))
        .unwrap();
    let (parts, body) = router.clone().oneshot(request).await.unwrap().into_parts();
    let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
    Response {
        status: parts.status,
        headers: parts.headers,
        body,
    }
}

/// Cases 28, 29. The owner can still sign in from another network.
#[tokio::test]
async fn forged_ip_headers_do_not_bypass_the_sign_in_limit() {
    let world = World::new().await;
    let (_, email, password) = create_account(&world, "ada", "member").await;
    let mut refused = 0;
    for n in 0..20 {
        let made_up = format!("198.51.100.{n}");
        let headers = [
            ("x-forwarded-for", made_up.as_str()),
            ("x-real-ip", &made_up),
            ("forwarded", "for=192.0.2.1"),
        ];
        refused += i32::from(
            sign_in_from(&world.router, "203.0.113.9", &headers, &email, "wrong")
                .await
                .status
                == 429,
        );
    }
    assert_eq!(refused, 10, "ten attempts, whatever the headers say");
    let wait = sign_in_from(&world.router, "203.0.113.9", &[], &email, &password)
        .await
        .status(429);
    assert!(wait.header("retry-after").parse::<u64>().unwrap() > 0);
    // the owner from another network
    sign_in_from(&world.router, "192.0.2.80", &[], &email, &password)
        .await
        .status(303);
    let networks: Vec<String> = sqlx::query_scalar(
        "SELECT DISTINCT network FROM audit_log WHERE kind LIKE 'sign-in.%' AND network <> '' ORDER BY 1",
    )
    .fetch_all(&world.db)
    .await
    .unwrap();
    assert_eq!(networks, ["192.0.2.80", "203.0.113.9"]);

    // behind a trusted proxy only the last address counts, because clients can forge those to its left
    let trusted: TrustedProxies = "10.0.0.0/8".parse().unwrap();
    let router = router(App::with(
        Settings {
            trusted_proxies: trusted,
            ..Settings::default()
        },
        "http://fortnight.test",
        world.db.clone(),
        Clock::standing(NOW),
    ));
    let mut refused = 0;
    for n in 0..12 {
        let headers = format!("198.51.100.{n}, 203.0.113.7");
        let headers = [("x-forwarded-for", headers.as_str())];
        refused += i32::from(
            sign_in_from(&router, "10.1.2.3", &headers, &email, "wrong")
                .await
                .status
                == 429,
        );
    }
    assert_eq!(refused, 2);
    sign_in_from(
        &router,
        "10.1.2.3",
        &[("x-forwarded-for", "203.0.113.8")],
        &email,
        &password,
    )
    .await
    .status(303);
}

/// Case 28. Not even a trusted proxy can set the identity.
#[tokio::test]
async fn identity_headers_are_ignored() {
    let world = World::new().await;
    let trusted: TrustedProxies = "10.0.0.0/8".parse().unwrap();
    let router = router(App::with(
        Settings {
            trusted_proxies: trusted,
            ..Settings::default()
        },
        "http://fortnight.test",
        world.db.clone(),
        Clock::standing(NOW),
    ));
    for name in [
        "x-remote-user",
        "remote-user",
        "x-forwarded-user",
        "x-auth-request-email",
        "x-user",
    ] {
        let peer: SocketAddr = "10.1.2.3:4711".parse().unwrap();
        let request = Request::get("/api/v1/teams")
            .header(name, "elif")
            .extension(ConnectInfo(peer));
        let response = router
            .clone()
            .oneshot(request.body(Body::empty()).unwrap())
            .await
            .unwrap();
        assert_eq!(response.status(), 401, "{name}");
    }
}

#[tokio::test]
async fn write_limit_applies_only_to_the_account_that_exceeds_it() {
    let world = World::new().await;
    let elif = &world.elif;
    elif.create_task("infrastructure", "todo", "One").await;
    let token = world.program_of(elif, Scope::Write).await;
    // the limit refills over time, so a slow machine may need several attempts
    let mut limited = None;
    for _ in 0..50 {
        while world.app.request_limits.count_write(elif.person.id).is_ok() {}
        let response = token
            .api(Method::PATCH, "/tasks/INF-1", json!({ "title": "Wild" }))
            .await;
        if response.status == 429 {
            limited = Some(response);
            break;
        }
    }
    let limited = limited.expect("the write is rate limited");
    assert!(limited.header("retry-after").parse::<u64>().unwrap() > 0);
    assert_eq!(limited.header("content-type"), "application/problem+json");
    elif.get("/teams/infrastructure").await.status(200);
    token
        .api(Method::GET, "/tasks/INF-1", json!({}))
        .await
        .status(200);
    world.jonas.create_task("ingestion", "todo", "Other").await;
    // a refused sign-out leaves the session intact
    while world.app.request_limits.count_write(elif.person.id).is_ok() {}
    let is_refused = elif.post("/logout", &[]).await.status == 429;
    assert_eq!(elif.get("/").await.status == 200, is_refused);
}

#[tokio::test]
async fn guessing_secrets_is_rate_limited() {
    // the board has its own access check
    for path in ["/tasks/INF-1", "/teams/infrastructure/board"] {
        check_guessing(path).await;
    }
}

async fn check_guessing(path: &str) {
    let world = World::new().await;
    let attacker = Client {
        cookie: format!("session={}", "x".repeat(43)),
        ..world.stranger()
    };
    attacker.get("/").await.status(303);
    attacker
        .api(Method::GET, "/teams", json!({}))
        .await
        .status(401);
    let mut limited = None;
    for _ in 0..700 {
        let response = attacker.api(Method::GET, path, json!({})).await;
        if response.status == 429 {
            limited = Some(response);
            break;
        }
    }
    assert!(
        limited
            .expect("the client is rate limited")
            .header("retry-after")
            .parse::<u64>()
            .unwrap()
            > 0
    );
    // people whose session has expired can still sign in
    attacker.get("/login").await.status(200);
    // a valid session from the same network still works
    world.elif.get("/").await.status(200);
    world.stranger().get("/login").await.status(200);
}

/// Case F5. Writes fail quickly instead of hanging until the lock is released.
#[tokio::test]
async fn writes_behind_a_held_lock_get_503() {
    let world = World::new().await;
    let real = fortnight::db::pool::open((*world.db.connect_options()).clone())
        .await
        .unwrap();
    let limit: String = sqlx::query_scalar("SHOW lock_timeout")
        .fetch_one(&real)
        .await
        .unwrap();
    assert_eq!(
        (
            limit.as_str(),
            real.options().get_acquire_timeout().as_secs()
        ),
        ("3s", 3)
    );
    // the same settings with shorter timeouts
    let pool = sqlx::postgres::PgPoolOptions::new()
        .max_connections(8)
        .acquire_timeout(std::time::Duration::from_millis(300))
        .after_connect(|connection, _| {
            Box::pin(async move {
                sqlx::query("SET lock_timeout = '200ms'")
                    .execute(connection)
                    .await
                    .map(|_| ())
            })
        })
        .connect_with((*world.db.connect_options()).clone());
    let app = App::new(
        "http://fortnight.test",
        fortnight::db::pool::Pool::new(pool.await.unwrap()),
        Clock::standing(NOW),
    );
    let elif = Client {
        router: router(app),
        ..world.elif.clone()
    };
    elif.create_task("infrastructure", "todo", "One").await;
    let mut held = world.db.begin().await.unwrap();
    sqlx::query("SELECT 1 FROM tasks FOR UPDATE")
        .execute(&mut *held)
        .await
        .unwrap();
    let writes = (0..50).map(|n| {
        elif.api(
            Method::PATCH,
            "/tasks/INF-1",
            json!({ "title": format!("{n}") }),
        )
    });
    for response in join_all(writes).await {
        assert!(response.status(503).header("retry-after") == "1");
    }
    held.rollback().await.unwrap();
    elif.api(Method::PATCH, "/tasks/INF-1", json!({ "title": "Free" }))
        .await
        .status(200);
}

/// Fault H9. Each query of a page got its turn before it waited too long, and together they waited for 18 seconds.
#[tokio::test]
async fn page_waits_for_connections_no_longer_than_one_query_may() {
    let world = World::new().await;
    let pool = sqlx::postgres::PgPoolOptions::new()
        .max_connections(1)
        .acquire_timeout(std::time::Duration::from_millis(600))
        .connect_with((*world.db.connect_options()).clone());
    let pool = fortnight::db::pool::Pool::new(pool.await.unwrap());
    let app = App::new("http://fortnight.test", pool.clone(), Clock::standing(NOW));
    let elif = Client {
        router: router(app),
        ..world.elif.clone()
    };
    elif.get("/teams/infrastructure/planning").await.status(200);
    // a request for the connection waits for half as long as is allowed
    let use_it = async || loop {
        let _ = sqlx::query("SELECT pg_sleep(0.15)").execute(&pool).await;
    };
    tokio::select! {
        _ = join(use_it(), use_it()) => {}
        page = elif.get("/teams/infrastructure/planning") => {
            page.status(503);
        }
    }
    elif.get("/teams/infrastructure/planning").await.status(200);
}

/// Case F6. Open streams do not delay the shutdown.
#[tokio::test]
async fn hundred_open_streams_end_at_shutdown() {
    let world = World::new().await;
    let mut served = Served::of(&world).await;
    let mut streams =
        join_all((0..100).map(|_| served.listen(&world.elif, "infrastructure", None))).await;
    for stream in &mut streams {
        stream.next_named("presence").await;
    }
    let stopped = Instant::now();
    served.stop().await;
    for stream in &mut streams {
        while stream.next().await.is_some() {}
    }
    // after five seconds the server would cut them
    assert!(stopped.elapsed().as_secs() < 5, "{:?}", stopped.elapsed());
}

/// Cases 48, F11. Wildcards match themselves, and long queries do not hang.
#[tokio::test]
async fn search_is_literal_and_fast() {
    let world = World::new().await;
    let elif = &world.elif;
    for title in [
        "100 % done",
        "snake_case",
        "back\\slash",
        "plain",
        "'quoted'",
    ] {
        elif.create_task("infrastructure", "todo", title).await;
    }
    let count_matches = async |words: &str| {
        let q: String = form_urlencoded::byte_serialize(words.as_bytes()).collect();
        let board = elif
            .get(&format!("/api/v1/teams/infrastructure/board?q={q}"))
            .await
            .status(200)
            .json();
        let columns = board["columns"].as_array().unwrap().clone();
        columns
            .iter()
            .map(|column| column["tasks"].as_array().unwrap().len())
            .sum::<usize>()
    };
    for (words, count) in [
        ("%", 1),
        ("_", 1),
        ("\\", 1),
        ("'", 1),
        ("", 5),
        ("%%", 0),
        ("pla_n", 0),
    ] {
        assert_eq!(count_matches(words).await, count, "{words}");
    }
    for long in [
        "(a+)+$".repeat(1700),
        "%a_".repeat(3400),
        "x ".repeat(5000),
        "\"".repeat(10_000),
        ".*".repeat(5000),
    ] {
        let began = Instant::now();
        let q: String = form_urlencoded::byte_serialize(long.as_bytes()).collect();
        for path in [
            "/teams/infrastructure?q=",
            "/api/v1/teams/infrastructure/board?q=",
            "/teams/infrastructure/tasks?q=",
        ] {
            let response = elif.get(&format!("{path}{q}")).await;
            assert!(!response.status.is_server_error(), "{}", response.status);
        }
        assert!(
            began.elapsed().as_secs() < 3,
            "{:?} for {}…",
            began.elapsed(),
            &long[..10]
        );
    }
}

/// Cases 49, F1, F7. Titles and headers are single lines.
#[tokio::test]
async fn line_breaks_and_nul_cannot_be_injected() {
    let world = World::new().await;
    let elif = &world.elif;
    for title in ["a\r\nSet-Cookie: x=1", "a\nb", "a\rb"] {
        let created = elif
            .api(
                Method::POST,
                "/teams/infrastructure/tasks",
                json!({ "title": title }),
            )
            .await;
        // line breaks in a title are refused or replaced
        if created.status == 201 {
            let stored = elif
                .load_task(created.json()["key"].as_str().unwrap())
                .await["title"]
                .as_str()
                .unwrap()
                .to_owned();
            assert!(!stored.contains(['\r', '\n']), "{stored:?}");
        } else {
            assert_eq!(created.status, 422, "{}", created.text());
        }
    }
    // header values cannot contain line breaks
    let key = elif.create_task("infrastructure", "todo", "One").await;
    for back in [
        "/teams\r\nx: y",
        "/teams%0d%0ax: y",
        "/\u{1}",
        "/\u{7f}",
        "/\u{85}",
    ] {
        let done = elif
            .post(
                &format!("/tasks/{key}/steps"),
                &[("text", "x"), ("back", back)],
            )
            .await;
        assert!(!done.status.is_server_error(), "{back:?}: {}", done.status);
        assert!(done.headers.get("x").is_none());
        let theme = elif
            .post("/me/theme", &[("theme", "dark\r\nx: y"), ("back", back)])
            .await;
        assert!(
            !theme.status.is_server_error() && theme.headers.get("x").is_none(),
            "{back:?}: {}",
            theme.status
        );
    }
    for path in [
        "/teams/infrastructure?q=a%00b",
        "/settings/audit?q=%00",
        "/people/%00",
        "/sprints/%00",
        "/join/%00",
    ] {
        assert!(!elif.get(path).await.status.is_server_error(), "{path}");
    }
    for path in [
        "/login",
        "/me/theme",
        "/tasks/INF-1",
        "/teams/infrastructure/topics",
        "/projects",
    ] {
        let response = elif
            .post(
                path,
                &[
                    ("email", "a\0b"),
                    ("title", "a\0b"),
                    ("text", "\0"),
                    ("name", "\0"),
                ],
            )
            .await;
        assert!(response.status == 422, "{path}: {}", response.status);
    }
}

/// Case 36. JSON responses contain no e-mail addresses either.
#[tokio::test]
async fn json_contains_no_hashes_or_tokens() {
    let fixture = Fixture::new(false).await;
    let (world, admin) = (&fixture.world, &fixture.clients["admin"]);
    sqlx::query(
        "UPDATE accounts SET password_hash = '$argon2id$v=19$m=1,t=1,p=1$secretsalt$secrethash'",
    )
    .execute(&world.db)
    .await
    .unwrap();
    let program = world.program_of(admin, Scope::Admin).await;
    let mut secrets: Vec<String> = sqlx::query_scalar(
        "SELECT encode(token_hash, 'hex') FROM sessions UNION ALL SELECT encode(token_hash, 'hex') FROM tokens
         UNION ALL SELECT encode(token_hash, 'base64') FROM sessions UNION ALL SELECT encode(token_hash, 'base64') FROM tokens",
    )
    .fetch_all(&world.db)
    .await
    .unwrap();
    secrets.extend(["argon2", "secrethash", "token_hash", "password"].map(str::to_owned));
    secrets.push(program.bearer.clone().unwrap());
    secrets.extend(
        fixture
            .clients
            .values()
            .filter(|client| !client.cookie.is_empty())
            .map(|client| client.cookie[8..].to_owned()),
    );
    let key = world
        .elif
        .create_task("infrastructure", "todo", "One")
        .await;
    world
        .elif
        .post(&format!("/tasks/{key}/owners"), &[("owners", "elif")])
        .await
        .ok();
    let mut checked = 0;
    for row in parse_table()
        .iter()
        .filter(|row| row.method == Method::GET && row.path.starts_with("/api/"))
    {
        let path = fixture
            .resolve_path(row, admin)
            .await
            .replace("nonsense", &key);
        for by in [admin, &program] {
            let text = by.get(&path).await.text();
            if path.ends_with("openapi.json") {
                continue;
            }
            for secret in &secrets {
                assert!(!text.contains(secret.as_str()), "{path} holds {secret}");
            }
            // no e-mail addresses either
            assert!(!text.contains("@example.org"), "{path}: {text}");
            checked += 1;
        }
    }
    assert!(checked >= 10, "{checked}");
    let own = admin.get("/me").await.ok().text();
    assert!(
        secrets
            .iter()
            .filter(|secret| *secret != "password")
            .all(|secret| !own.contains(secret.as_str()))
    );
}

/// Case 10. The toast for one's own change disappears after losing access to the team, and when undo has expired.
#[tokio::test]
async fn own_change_is_hidden_after_losing_access_to_the_team() {
    let world = World::new().await;
    let (elif, jonas) = (&world.elif, &world.jonas);
    let key = jonas.create_task("ingestion", "todo", "Quiet work").await;
    let moved = jonas
        .submit_by_script(
            Method::PUT,
            &format!("/tasks/{key}/position"),
            "card",
            &[("column", "done")],
        )
        .await
        .ok();
    let change = moved.header("fortnight-change").to_owned();
    let own = jonas.create_task("ingestion", "todo", "Other").await;
    let seen = [
        "/teams/infrastructure".to_owned(),
        "/teams/infrastructure/tasks".to_owned(),
        "/teams/infrastructure/planning".to_owned(),
    ];
    for path in &seen {
        let page = jonas.get(&format!("{path}?did={change}")).await.ok().text();
        assert!(page.contains(&format!("{key}: you")), "{path}: {page}");
        assert!(
            !elif
                .get(&format!("{path}?did={change}"))
                .await
                .ok()
                .text()
                .contains(&key),
            "{path}: only its author sees the toast"
        );
    }
    assert!(
        jonas
            .get(&format!("/tasks/{own}?did={change}"))
            .await
            .ok()
            .text()
            .contains(&format!("{key}: you"))
    );
    sqlx::query("UPDATE teams SET private = true WHERE key = 'ING'")
        .execute(&world.db)
        .await
        .unwrap();
    sqlx::query("DELETE FROM members WHERE account_id = $1")
        .bind(jonas.person.id)
        .execute(&world.db)
        .await
        .unwrap();
    sqlx::query("UPDATE workspace SET seq = seq + 1")
        .execute(&world.db)
        .await
        .unwrap();
    for path in &seen {
        assert!(
            !jonas
                .get(&format!("{path}?did={change}"))
                .await
                .ok()
                .text()
                .contains(&key),
            "{path}"
        );
    }
    sqlx::query("UPDATE teams SET private = false")
        .execute(&world.db)
        .await
        .unwrap();
    world.app.clock.advance(time::Duration::hours(2));
    assert!(
        !jonas
            .get(&format!("{}?did={change}", seen[1]))
            .await
            .ok()
            .text()
            .contains(&key),
        "too late to undo"
    );
}

/// Case 4. Nothing can be linked to a hidden object.
#[tokio::test]
async fn project_cannot_link_a_hidden_teams_key_result() {
    let world = World::new().await;
    let (elif, jonas) = (&world.elif, &world.jonas);
    let objectives = "/teams/ingestion/objectives";
    jonas
        .post(objectives, &[("quarter", "2026-Q4"), ("title", "Sleep")])
        .await
        .ok();
    let objective: uuid::Uuid = sqlx::query_scalar("SELECT id FROM objectives")
        .fetch_one(&world.db)
        .await
        .unwrap();
    jonas
        .post(
            &format!("{objectives}/{objective}/key-results"),
            &[("title", "Nights"), ("target", "9")],
        )
        .await
        .ok();
    let result: uuid::Uuid = sqlx::query_scalar("SELECT id FROM key_results")
        .fetch_one(&world.db)
        .await
        .unwrap();
    let result = result.to_string();
    let fields = |name: &'static str| {
        [
            ("team", "infrastructure"),
            ("name", name),
            ("target", "9"),
            ("unit", "tables"),
            ("key_result", &result),
        ]
    };
    elif.post("/projects", &fields("Seen")).await.ok();
    sqlx::query("UPDATE teams SET private = true WHERE key = 'ING'")
        .execute(&world.db)
        .await
        .unwrap();
    elif.post("/projects", &fields("Unseen")).await.status(422);
    // open tasks are counted only in visible teams
    jonas.create_task("ingestion", "todo", "Quiet work").await;
    jonas.post("/tasks/ING-1/owners/me", &[]).await.ok();
    sqlx::query("UPDATE accounts SET role = 'admin' WHERE handle = 'elif'")
        .execute(&world.db)
        .await
        .unwrap();
    let people = elif.get("/settings/people").await.ok().text();
    assert!(!people.contains("Unassign their open task<"), "{people}");
    sqlx::query("UPDATE teams SET private = false")
        .execute(&world.db)
        .await
        .unwrap();
    assert!(
        elif.get("/settings/people")
            .await
            .ok()
            .text()
            .contains("Unassign their open task<")
    );
}

#[tokio::test]
async fn stream_limit_leaves_room_for_others() {
    let world = World::new().await;
    let open_stream = |owner: StreamOwner| {
        world
            .app
            .stream_limiter
            .acquire(owner)
            .unwrap_or_else(|problem| panic!("{problem}"))
    };
    let mut permits: Vec<_> = (0..2_000)
        .map(|_| open_stream(StreamOwner::Account(world.elif.person.id)))
        .collect();
    let refused = world
        .elif
        .get("/teams/infrastructure/live")
        .await
        .status(429);
    assert_eq!(refused.header("retry-after"), "60");
    // other accounts are not affected, and closing a stream frees its place
    let (one, other) = (
        StreamOwner::Account(world.elif.person.id),
        StreamOwner::Account(world.jonas.person.id),
    );
    let limiter = &world.app.stream_limiter;
    assert!(limiter.acquire(other).is_ok() && limiter.acquire(one).is_err());
    permits.pop();
    assert!(limiter.acquire(one).is_ok());
    // guests of one network share a limit
    sqlx::query("UPDATE teams SET public = true")
        .execute(&world.db)
        .await
        .unwrap();
    let (parts, _) = Request::new(Body::empty()).into_parts();
    let network = ClientIp::of(&world.app.trusted_proxies, &parts);
    permits.extend((0..200).map(|_| open_stream(StreamOwner::Guests(network))));
    world
        .stranger()
        .get("/public/infrastructure/live")
        .await
        .status(429);
}
