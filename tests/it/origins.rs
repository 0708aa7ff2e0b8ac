//! Hosts, origins and headers: which requests are for this server, and what responses say about themselves.

use axum::{
    body::Body,
    extract::ConnectInfo,
    http::{Method, Request, StatusCode, header},
};
use fortnight::{
    app::App,
    domain::{clock::Clock, policy::viewer::Scope},
    http::router::router,
};
use serde_json::json;

use crate::{
    access::{Fixture, parse_table},
    fixtures::{Client, NOW, World},
};

/// The same world under another public address.
fn at(world: &World, public_url: &str) -> Client {
    let app = App::new(public_url, world.db.clone(), Clock::standing(NOW));
    Client {
        router: router(app),
        ..world.elif.clone()
    }
}

/// Case 27.
#[tokio::test]
async fn only_the_public_host_is_served() {
    let world = World::new().await;
    let client = at(&world, "http://board.example.org");
    let send = async |uri: &str, host: Option<&str>| {
        let mut request = Request::get(uri);
        if let Some(host) = host {
            request = request.header(header::HOST, host);
        }
        client.send(request.body(Body::empty()).unwrap()).await
    };
    for own in [
        "board.example.org",
        "board.example.org:8042",
        "localhost:1",
        "127.0.0.1:8042",
    ] {
        send("/teams", Some(own)).await.status(200);
    }
    send("/teams", None).await.status(200);
    for other in [
        "evil.test",
        "board.example.org.evil.test",
        "10.1.2.3",
        "\u{e4}.test",
    ] {
        let refused = send("/teams", Some(other)).await.status(421).text();
        assert!(refused.contains("http://board.example.org"), "{refused}");
        assert!(refused.contains("--public-url"), "{refused}");
        send("/healthz", Some(other)).await.status(200);
        send("/readyz", Some(other)).await.status(200);
    }
    send("http://evil.test/teams", Some("board.example.org"))
        .await
        .status(421);
    let json = Request::get("/api/v1/teams").header(header::HOST, "evil.test");
    let refused = client
        .send(json.body(Body::empty()).unwrap())
        .await
        .status(421);
    assert_eq!(refused.header("content-type"), "application/problem+json");
}

/// Case 38.
#[tokio::test]
async fn only_bearer_tokens_pass_the_cross_site_check() {
    let world = World::new().await;
    let token = world.program_of(&world.elif, Scope::Write).await;
    let bearer = format!("Bearer {}", token.bearer.as_ref().unwrap());
    let send = async |path: &str, authorization: &str| {
        let request = Request::post(path)
            .header("sec-fetch-site", "cross-site")
            .header(header::AUTHORIZATION, authorization)
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        world
            .elif
            .send(request.body(Body::from("theme=dark")).unwrap())
            .await
            .status
    };
    for path in [
        "/login",
        "/logout",
        "/me/theme",
        "/register",
        "/setup",
        "/share/x",
        "/join/x",
        "/reset/x",
    ] {
        for authorization in ["Basic eA==", "x", "", "Bearer x", "bearer", &bearer] {
            assert_eq!(
                send(path, authorization).await,
                403,
                "{path} {authorization}"
            );
        }
    }
    for authorization in ["Basic eA==", "x", "", "bearer"] {
        assert_eq!(
            send("/teams/infrastructure/topics", authorization).await,
            403
        );
    }
    world.elif.get("/").await.status(200);
    assert_ne!(send("/teams/infrastructure/topics", &bearer).await, 403);
}

#[tokio::test]
async fn cookies_are_secure_under_https() {
    let world = World::new().await;
    for (public_url, secure) in [("https://board.test", true), ("http://board.test", false)] {
        let client = at(&world, public_url);
        let response = client.post("/me/theme", &[("theme", "dark")]).await;
        assert_eq!(response.header("set-cookie").contains("Secure"), secure);
    }
}

/// A cached response names everything that it depends on.
#[tokio::test]
async fn cacheable_responses_vary_by_reader() {
    let world = World::new().await;
    for path in [
        "/api/v1/teams/infrastructure/board",
        "/teams/infrastructure",
        "/teams/infrastructure/check-in",
        "/api/v1/teams/infrastructure/check-in",
    ] {
        let response = world.elif.get(path).await.status(200);
        let vary: Vec<String> = response
            .headers
            .get_all(header::VARY)
            .iter()
            .map(|value| value.to_str().unwrap().to_lowercase())
            .collect();
        let vary = vary.join(", ");
        for name in ["cookie", "authorization"] {
            assert!(vary.contains(name), "{path}: {vary}");
        }
    }
}

/// An administrator's tokens do not share pages: one is an administrator's, the other is not.
#[tokio::test]
async fn cached_pages_are_apart_for_each_scope() {
    let world = World::new().await;
    sqlx::query("UPDATE accounts SET role = 'admin' WHERE handle = 'elif'")
        .execute(&world.db)
        .await
        .unwrap();
    for path in ["/teams/infrastructure", "/teams/infrastructure/check-in"] {
        let mut pages = Vec::new();
        for scope in [Scope::Admin, Scope::Write, Scope::Read] {
            let token = world.program_of(&world.elif, scope).await;
            let page = token.get(path).await.status(200);
            pages.push((page.header("etag").to_owned(), page.text()));
        }
        let [(admin, of_admin), (write, of_write), (read, _)] = &pages[..] else {
            unreachable!()
        };
        assert!(admin != write && write != read && admin != read, "{path}");
        assert!(of_admin.contains("href=\"/settings\""), "{path}");
        assert!(!of_write.contains("href=\"/settings\""), "{path}");
    }
}

/// The body of an error replaces the handler's, which may have been compressed.
#[tokio::test]
async fn errors_are_never_marked_as_compressed() {
    let fixture = Fixture::new(false).await;
    let client = &fixture.clients["lead"];
    let mut errors = 0;
    // it would be the end of the session
    for row in parse_table().iter().filter(|row| row.path != "/logout") {
        let valid = fixture.resolve_path(row, client).await;
        let invalid: String = row
            .path
            .split('/')
            .map(|part| if part.starts_with('{') { "%FF" } else { part })
            .collect::<Vec<_>>()
            .join("/");
        let query = "?after=abc&did=x&earlier=x&sprint=x&from=x&before=x&q=is:x&token=%00";
        for path in [invalid, format!("{valid}{query}")] {
            if path.contains("/live") {
                continue;
            }
            let request = Request::builder()
                .method(&row.method)
                .uri(&path)
                .header(header::ACCEPT_ENCODING, "gzip")
                .header(header::CONTENT_TYPE, "text/plain");
            let response = client
                .send(request.body(Body::from("nonsense")).unwrap())
                .await;
            let is_gzip = response.header("content-encoding") == "gzip";
            let is_compressed = response.body.starts_with(&[0x1f, 0x8b]);
            assert_eq!(is_gzip, is_compressed, "{} {path}", row.method);
            if !response.status.is_success() && !response.status.is_redirection() {
                errors += 1;
                let kind = response.header("content-type");
                let is_ours = kind.starts_with("text/html") || kind == "application/problem+json";
                assert!(is_ours, "{} {path}: {kind}", row.method);
            }
        }
    }
    assert!(errors > 100, "{errors}");
}

/// Every line of the audit log says where the request came from, whatever wrote it.
#[tokio::test]
async fn audit_log_has_the_network_of_each_request() {
    let fixture = Fixture::new(false).await;
    let from = |client: &Client| {
        let mut client = client.clone();
        client.router =
            client
                .router
                .layer(axum::Extension(ConnectInfo(std::net::SocketAddr::from((
                    [203, 0, 113, 9],
                    4711,
                )))));
        client
    };
    let (admin, lead) = (
        from(&fixture.clients["admin"]),
        from(&fixture.clients["lead"]),
    );
    sqlx::query("DELETE FROM audit_log")
        .execute(&fixture.world.db)
        .await
        .unwrap();
    lead.post(
        "/teams/infrastructure/share-links",
        &[("name", "Auditors"), ("shows", "board")],
    )
    .await
    .status(200);
    lead.post("/me/tokens", &[("name", "ci"), ("scope", "read")])
        .await
        .status(200);
    lead.post(
        "/teams/infrastructure/members",
        &[("who", "jonas"), ("role", "member")],
    )
    .await;
    lead.get("/teams/infrastructure/flow/cycle-time.csv")
        .await
        .status(200);
    admin
        .post("/settings/people/jonas", &[("role", "viewer")])
        .await;
    admin
        .post("/settings/invitations", &[("days", "7")])
        .await
        .status(200);
    admin.get("/settings/audit.csv").await.status(200);
    lead.post("/logout", &[]).await.ok();
    lead.post(
        "/login",
        &[("email", "x@example.org"), ("password", "wrong")],
    )
    .await
    .status(401);
    let lines: Vec<(String, String)> = sqlx::query_as("SELECT kind, network FROM audit_log")
        .fetch_all(&fixture.world.db)
        .await
        .unwrap();
    assert!(lines.len() >= 7, "{lines:?}");
    for (kind, network) in lines {
        assert_eq!(network, "203.0.113.9", "{kind}");
    }
}

/// An administrator who is not on a private team learns neither its links' names nor that it exists.
#[tokio::test]
async fn private_teams_are_not_told_by_names_and_keys() {
    let fixture = Fixture::new(true).await;
    let admin = &fixture.clients["admin"];
    let csv = admin.get("/settings/audit.csv").await.status(200).text();
    assert!(csv.contains("share-link.created"), "{csv}");
    assert!(
        !csv.contains("auditors") && !csv.contains("Infrastructure"),
        "{csv}"
    );
    let hidden = admin
        .get("/settings/audit?q=auditors")
        .await
        .status(200)
        .text();
    assert!(!hidden.contains("share-link.created"));

    let create =
        async |name: &str, key: &str| admin.post("/teams", &[("name", name), ("key", key)]).await;
    let refused = create("Other", "INF").await.status(422).text();
    assert!(
        refused.contains("This key is reserved: old links use it."),
        "{refused}"
    );
    let created = create("Infrastructure", "NEW").await;
    assert_eq!(created.status, StatusCode::SEE_OTHER);
    let rename = [("form", "name"), ("name", "Ingestion"), ("key", "INF")];
    let refused = admin
        .post("/teams/ingestion/name", &rename)
        .await
        .status(422)
        .text();
    assert!(
        refused.contains("This key is reserved: old links use it."),
        "{refused}"
    );
}

/// Text that turns the text around it is refused where it is one line, and left out of Markdown.
#[tokio::test]
async fn bidirectional_controls_do_not_reach_pages() {
    let world = World::new().await;
    let turned = "safe\u{202e}gpj.exe";
    let key = world
        .elif
        .create_task("infrastructure", "todo", "Plain")
        .await;
    for (path, fields) in [
        (format!("/tasks/{key}"), vec![("title", turned)]),
        (format!("/tasks/{key}"), vec![("labels", turned)]),
        (format!("/tasks/{key}"), vec![("needed_by", turned)]),
        (format!("/tasks/{key}/steps"), vec![("text", turned)]),
        (
            format!("/tasks/{key}/block"),
            vec![("kind", "text"), ("note", turned)],
        ),
    ] {
        world.elif.post(&path, &fields).await.status(422);
    }
    for (field, value) in [
        ("title", json!(turned)),
        ("labels", json!([turned])),
        ("needed_by", json!(turned)),
    ] {
        let patch = json!({ field: value });
        world
            .elif
            .api(Method::PATCH, &format!("/tasks/{key}"), patch)
            .await
            .status(422);
    }
    world
        .elif
        .post(&format!("/tasks/{key}/comments"), &[("body", turned)])
        .await
        .ok();
    world
        .elif
        .post(&format!("/tasks/{key}"), &[("description", turned)])
        .await
        .ok();
    let page = world.elif.get(&format!("/tasks/{key}")).await.text();
    assert!(page.contains("safegpj.exe"), "{page}");
}
