//! Signing in and out, sessions, cross-site requests and the first setup.

use axum::{
    body::Body,
    http::{Method, Request, header},
};
use fortnight::{
    app::App,
    domain::{
        accounts::{
            api_tokens::{self, Purpose},
            create::{NewAccount, add_account},
        },
        clock::Clock,
        policy::viewer::Scope,
    },
    http::router::router,
};
use serde_json::json;

use crate::{
    cluster,
    fixtures::{Client, NOW, World},
};

const PASSWORD: &str = "correct horse battery";

async fn create_account(world: &World) -> Client {
    let mut tx = world.db.begin().await.unwrap();
    let new = NewAccount {
        email: "ada@example.org".into(),
        name: "Ada Lindqvist".into(),
        password_hash: Some(
            fortnight::domain::auth::passwords::hash(PASSWORD.to_owned())
                .await
                .unwrap(),
        ),
        admin: false,
        time_zone: "UTC".into(),
    };
    let person = add_account(&mut tx, NOW, new).await.unwrap();
    tx.commit().await.unwrap();
    Client {
        person,
        ..world.stranger()
    }
}

fn read_session_cookie(response: &crate::fixtures::Response) -> String {
    response
        .header("set-cookie")
        .split(';')
        .next()
        .unwrap()
        .to_owned()
}

#[tokio::test]
async fn correct_password_signs_in_until_sign_out() {
    let world = World::new().await;
    let ada = create_account(&world).await;
    let response = ada
        .post(
            "/login",
            &[
                ("email", "ADA@example.org"),
                ("password", PASSWORD),
                ("next", "/teams"),
            ],
        )
        .await
        .status(303);
    assert_eq!(response.header("location"), "/teams");
    let cookie = response.header("set-cookie");
    assert!(
        cookie.contains("HttpOnly")
            && cookie.contains("SameSite=Lax")
            && !cookie.contains("Secure"),
        "{cookie}"
    );
    let ada = Client {
        cookie: read_session_cookie(&response),
        ..ada
    };
    ada.get("/").await.status(200);
    let hash: Vec<u8> = sqlx::query_scalar("SELECT token_hash FROM sessions WHERE account_id = $1")
        .bind(ada.person.id)
        .fetch_one(&world.db)
        .await
        .unwrap();
    assert!(
        !ada.cookie.as_bytes().windows(32).any(|bytes| bytes == hash),
        "only a digest is stored"
    );
    let out = ada.post("/logout", &[]).await.status(303);
    assert!(out.header("set-cookie").contains("Max-Age=0"));
    assert_eq!(
        ada.get("/").await.status(303).header("location"),
        "/login?next=%2F"
    );
}

/// Cases 29, 30. Both errors have the same text.
#[tokio::test]
async fn sign_in_reveals_no_addresses_and_limits_attempts() {
    let world = World::new().await;
    let ada = create_account(&world).await;
    let known = ada
        .post(
            "/login",
            &[
                ("email", "ada@example.org"),
                ("password", "wrong wrong wrong"),
            ],
        )
        .await
        .status(401);
    let unknown = ada
        .post(
            "/login",
            &[
                ("email", "eve@example.org"),
                ("password", "wrong wrong wrong"),
            ],
        )
        .await
        .status(401);
    assert_eq!(
        known.text().replace("ada@", ""),
        unknown.text().replace("eve@", "")
    );
    for _ in 0..9 {
        ada.post(
            "/login",
            &[("email", "ada@example.org"), ("password", "wrong")],
        )
        .await
        .status(401);
    }
    let wait = ada
        .post(
            "/login",
            &[("email", "ada@example.org"), ("password", PASSWORD)],
        )
        .await
        .status(429);
    assert!(wait.header("retry-after").parse::<u64>().unwrap() > 0);
}

/// Cases 23, 24. The account is checked again after the password was verified.
#[tokio::test]
async fn password_changed_during_sign_in_is_refused() {
    let world = World::new().await;
    let ada = create_account(&world).await;
    for change in ["password_hash = 'another'", "deactivated_at = now()"] {
        let mut tx = world.db.begin().await.unwrap();
        let query = format!("UPDATE accounts SET {change} WHERE id = $1");
        sqlx::query(sqlx::AssertSqlSafe(query))
            .bind(ada.person.id)
            .execute(&mut *tx)
            .await
            .unwrap();
        let fields = [("email", "ada@example.org"), ("password", PASSWORD)];
        let changed = async {
            // the old password has been verified by now
            world.wait_for_lock_waiter().await;
            sqlx::query("DELETE FROM sessions WHERE account_id = $1")
                .bind(ada.person.id)
                .execute(&mut *tx)
                .await
                .unwrap();
            tx.commit().await.unwrap();
        };
        let (response, ()) = tokio::join!(ada.post("/login", &fields), changed);
        let page = response.status(401).text();
        assert!(page.contains("Wrong e-mail or password."), "{page}");
        let (sessions, kinds): (i64, Vec<String>) = sqlx::query_as(
            "SELECT (SELECT count(*) FROM sessions WHERE account_id = $1), ARRAY(SELECT kind FROM audit_log ORDER BY at, id)",
        )
        .bind(ada.person.id)
        .fetch_one(&world.db)
        .await
        .unwrap();
        assert_eq!(
            (sessions, kinds.last().map(String::as_str)),
            (0, Some("sign-in.failed")),
            "{change}: {kinds:?}"
        );
        let hash = fortnight::domain::auth::passwords::hash(PASSWORD.to_owned())
            .await
            .unwrap();
        sqlx::query("UPDATE accounts SET password_hash = $2, deactivated_at = NULL WHERE id = $1")
            .bind(ada.person.id)
            .bind(hash)
            .execute(&world.db)
            .await
            .unwrap();
    }
}

/// Case 34. An open redirect would help phishing.
#[tokio::test]
async fn next_parameter_cannot_lead_to_another_site() {
    let world = World::new().await;
    let ada = create_account(&world).await;
    for next in [
        "//evil.example",
        "/\\evil.example",
        "/\t/evil.example",
        "https://evil.example",
        "javascript:alert(1)",
    ] {
        let response = ada
            .post(
                "/login",
                &[
                    ("email", "ada@example.org"),
                    ("password", PASSWORD),
                    ("next", next),
                ],
            )
            .await
            .status(303);
        assert_eq!(response.header("location"), "/", "{next}");
    }
}

/// Case 38. The browser's headers tell where a form comes from.
#[tokio::test]
async fn cross_site_requests_change_nothing() {
    let world = World::new().await;
    world
        .elif
        .create_task("infrastructure", "todo", "one")
        .await;
    let send = async |name: &str, value: &str| {
        let request = Request::post("/tasks/INF-1/archive")
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header(header::HOST, "fortnight.test")
            .header(name, value);
        world
            .elif
            .send(request.body(Body::empty()).unwrap())
            .await
            .status
            .as_u16()
    };
    assert_eq!(send("sec-fetch-site", "cross-site").await, 403);
    assert_eq!(send("sec-fetch-site", "same-site").await, 403);
    assert_eq!(send("origin", "http://evil.example").await, 403);
    assert_eq!(send("origin", "null").await, 403);
    assert_eq!(world.elif.load_task("INF-1").await["archived"], false);
    assert_eq!(send("origin", "http://fortnight.test").await, 303);
}

/// Cases 24, 25. The same holds for tokens.
#[tokio::test]
async fn expired_sessions_and_deactivated_accounts_are_refused() {
    let world = World::new().await;
    world
        .app
        .clock
        .advance(time::Duration::days(14) + time::Duration::seconds(1));
    world.elif.get("/teams").await.status(303);
    world.app.clock.advance(-time::Duration::days(10));
    world.elif.get("/teams").await.status(200);
    let program = world.program_of(&world.elif, Scope::Write).await;
    program
        .api(Method::GET, "/teams", json!({}))
        .await
        .status(200);
    sqlx::query("UPDATE accounts SET deactivated_at = now() WHERE handle = 'elif'")
        .execute(&world.db)
        .await
        .unwrap();
    program
        .api(Method::GET, "/teams", json!({}))
        .await
        .status(401);
    world.elif.get("/teams").await.status(303);
}

#[tokio::test]
async fn https_cookie_is_bound_to_the_host() {
    let world = World::new().await;
    let ada = create_account(&world).await;
    let app = App::new(
        "https://board.example.org",
        world.db.clone(),
        Clock::standing(NOW),
    );
    let ada = Client {
        router: router(app),
        ..ada
    };
    let response = ada
        .post(
            "/login",
            &[("email", "ada@example.org"), ("password", PASSWORD)],
        )
        .await
        .status(303);
    let cookie = response.header("set-cookie");
    assert!(
        cookie.starts_with("__Host-session=") && cookie.contains("; Secure"),
        "{cookie}"
    );
    assert!(
        response
            .header("strict-transport-security")
            .contains("max-age")
    );
    // a cookie without the prefix is ignored
    Client {
        cookie: read_session_cookie(&response).replace("__Host-", ""),
        ..ada.clone()
    }
    .get("/")
    .await
    .status(303);
    Client {
        cookie: read_session_cookie(&response),
        ..ada
    }
    .get("/")
    .await
    .status(200);
}

#[tokio::test]
async fn setup_link_sets_up_an_empty_workspace_once() {
    let db = cluster::create_database().await;
    let app = App::new("http://fortnight.test", db.clone(), Clock::standing(NOW));
    let key = api_tokens::create_link(&db, NOW, Purpose::Setup)
        .await
        .unwrap();
    let world = World::new().await;
    let client = Client {
        router: router(app),
        ..world.stranger()
    };
    client.get("/setup").await.status(404);
    client.get("/setup?key=guess").await.status(404);
    let page = client
        .get(&format!("/setup?key={key}"))
        .await
        .status(200)
        .text();
    assert!(page.contains(r#"value="Infrastructure""#) && page.contains(r#"value="Ingestion""#));
    let mut fields = vec![
        ("key", key.as_str()),
        ("name", "Ada Lindqvist"),
        ("email", "ada@example.org"),
        ("password", "short"),
        ("team", "Infrastructure"),
        ("team", "Ingestion"),
        ("cadence_weeks", "2"),
        ("starts_on", "2026-11-16"),
        ("number", "42"),
        ("time_zone", "Europe/Berlin"),
    ];
    let again = client.post("/setup", &fields).await.status(422).text();
    assert!(
        again.contains("A password must have 10 to 200 characters.")
            && again.contains(r#"value="Ada Lindqvist""#)
    );
    assert!(!again.contains("short\""), "a password is not sent back");
    fields[3].1 = PASSWORD;
    fields[9].1 = "Berlin";
    fields[2].1 = "ada";
    fields[8].1 = "0";
    // every error at once, the first field has the focus, and the password need not be typed again
    let again = client.post("/setup", &fields).await.status(422).text();
    for message in [
        "Unknown time zone",
        "Enter a valid e-mail address.",
        "Enter a sprint number of 1",
    ] {
        assert!(again.contains(message), "{message}: {again}");
    }
    assert!(
        again.contains(r#"value="Berlin""#) && again.contains("Yours is kept"),
        "{again}"
    );
    assert!(!again.contains(PASSWORD), "a password is not sent back");
    let first = again.find(" autofocus").unwrap();
    assert!(
        again[..first].ends_with(r#"aria-describedby="email-error""#),
        "{again}"
    );
    let hash = again
        .split(r#"name="password_hash" value=""#)
        .nth(1)
        .unwrap();
    let hash = hash.split('"').next().unwrap().to_owned();
    fields[2].1 = "ada@example.org";
    fields[8].1 = "42";
    fields[9].1 = "Europe/Berlin";
    fields[3].1 = "";
    // a hash of another cost is not taken
    for foreign in [
        "x",
        &hash.replace("m=19456", "m=4000000"),
        &hash.replace("t=2", "t=9000"),
    ] {
        let with_hash: Vec<_> = fields
            .iter()
            .copied()
            .chain([("password_hash", foreign)])
            .collect();
        client.post("/setup", &with_hash).await.status(422);
    }
    fields.push(("password_hash", &hash));
    let done = client.post("/setup", &fields).await.status(303);
    assert_eq!(done.header("location"), "/teams/infrastructure");
    let client = Client {
        cookie: read_session_cookie(&done),
        ..client
    };
    let board = client.get("/teams/infrastructure").await.status(200).text();
    assert!(
        board.contains("Sprint 42")
            && board.contains("day 7 of 10")
            && board.contains("No tasks in "),
        "{board}"
    );
    for hint in [
        "Press <kbd>c</kbd>",
        "<code>fortnight import</code>",
        "New task</a>",
    ] {
        assert!(
            board.contains(hint),
            "the empty board explains what to do: {hint}: {board}"
        );
    }
    let (zone, days): (String, i32) = sqlx::query_as(
        "SELECT w.time_zone, s.ends_on - s.starts_on + 1 FROM workspace w, sprints s WHERE s.number = 43",
    )
    .fetch_one(&db)
    .await
    .unwrap();
    assert_eq!((zone.as_str(), days), ("Europe/Berlin", 14));
    client.create_task("ingestion", "todo", "First").await;
    let entries: Vec<String> =
        sqlx::query_scalar("SELECT kind || ' ' || about FROM audit_log ORDER BY kind, id")
            .fetch_all(&db)
            .await
            .unwrap();
    assert_eq!(
        entries,
        [
            "account.created ada@example.org as administrator",
            "sign-in.succeeded with the setup link",
            "team.created {team}",
            "team.created {team}",
        ]
    );
    let credentials = [("email", "ada@example.org"), ("password", PASSWORD)];
    client.post("/login", &credentials).await.status(303);
    client.get(&format!("/setup?key={key}")).await.status(404);
    client.post("/setup", &fields).await.status(404);
}

/// Each sprint starts the day after the previous one ends, whatever day the first one started on.
#[tokio::test]
async fn sprints_are_contiguous_from_the_chosen_start() {
    let world = World::new().await;
    // a Wednesday, a Sunday, and a Tuesday two weeks ago, whose sprint has ended
    for (starts_on, status) in [
        ("2026-11-18", 303),
        ("2026-11-22", 303),
        ("2026-11-10", 422),
    ] {
        let db = cluster::create_database().await;
        let app = App::new("http://fortnight.test", db.clone(), Clock::standing(NOW));
        let key = api_tokens::create_link(&db, NOW, Purpose::Setup)
            .await
            .unwrap();
        let client = Client {
            router: router(app),
            ..world.stranger()
        };
        let fields = [
            ("key", key.as_str()),
            ("name", "Ada Lindqvist"),
            ("email", "ada@example.org"),
            ("password", PASSWORD),
            ("team", "Infrastructure"),
            ("cadence_weeks", "2"),
            ("starts_on", starts_on),
        ];
        client.post("/setup", &fields).await.status(status);
        let sprints: Vec<(time::Date, time::Date)> =
            sqlx::query_as("SELECT starts_on, ends_on FROM sprints ORDER BY number")
                .fetch_all(&db)
                .await
                .unwrap();
        assert!(
            sprints
                .iter()
                .zip(sprints.iter().skip(1))
                .all(|(one, next)| one.1.next_day() == Some(next.0)),
            "{sprints:?}"
        );
        assert_eq!(sprints.len(), if status == 303 { 3 } else { 0 });
    }
}

#[tokio::test]
async fn programs_get_401_instead_of_the_sign_in_form() {
    let world = World::new().await;
    let ask = async |path: &str, authorization: &str| {
        let request = axum::http::Request::get(path).header("authorization", authorization);
        world
            .stranger()
            .send(request.body(axum::body::Body::empty()).unwrap())
            .await
    };
    for path in [
        "/teams/infrastructure/live",
        "/api/v1/teams",
        "/teams/infrastructure",
    ] {
        let refused = ask(path, "Bearer unknown").await.status(401);
        assert_eq!(refused.header("www-authenticate"), "Bearer", "{path}");
    }
    let program = world
        .program_of(&world.elif, fortnight::domain::policy::viewer::Scope::Read)
        .await;
    let token = program.bearer.unwrap();
    ask("/api/v1/teams", &format!("bearer {token}"))
        .await
        .status(200);
    ask("/api/v1/teams", &format!("Basic {token}"))
        .await
        .status(401);
}

/// A proxy in front may ask for a password of its own, and pass on what was answered.
#[tokio::test]
async fn session_counts_beside_the_password_of_a_proxy() {
    let world = World::new().await;
    let request = axum::http::Request::get("/teams/infrastructure")
        .header("authorization", "Basic c3RhZmY6c2VjcmV0")
        .body(axum::body::Body::empty());
    world.elif.send(request.unwrap()).await.status(200);
    let request = axum::http::Request::get("/api/v1/teams")
        .header("authorization", "Basic c3RhZmY6c2VjcmV0")
        .body(axum::body::Body::empty());
    world.stranger().send(request.unwrap()).await.status(401);
}
