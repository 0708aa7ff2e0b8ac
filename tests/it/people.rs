//! Accounts: invitations, registration, passwords, sessions, tokens, teams, deactivation and deletion.

use std::time::Duration as Wait;

use axum::{
    body::Body,
    http::{Method, Request, header},
};
use fortnight::{
    app::App,
    domain::{
        accounts::create::{NewAccount, add_account},
        clock::Clock,
        policy::viewer::Scope,
        teams::create::{add_member, add_team},
    },
    http::router::router,
};
use serde_json::{Value, json};
use time::Duration;
use tokio::time::timeout;

use crate::{
    asset_serving::{Served, Stream},
    fixtures::{Client, NOW, Response, World},
};

pub const PASSWORD: &str = "correct horse battery";

/// Creates an account with a password and signs in. Returns the client, the e-mail address and the password.
pub async fn create_account(world: &World, handle: &str, role: &str) -> (Client, String, String) {
    let email = format!("{handle}@example.org");
    let mut tx = world.db.begin().await.unwrap();
    let name = format!("{}{} Lindqvist", handle[..1].to_uppercase(), &handle[1..]);
    let new = NewAccount {
        email: email.clone(),
        name,
        password_hash: Some(
            fortnight::domain::auth::passwords::hash(PASSWORD.to_owned())
                .await
                .unwrap(),
        ),
        admin: role == "admin",
        time_zone: "UTC".into(),
    };
    let person = add_account(&mut tx, NOW, new).await.unwrap();
    sqlx::query("UPDATE accounts SET role = $2 WHERE id = $1")
        .bind(person.id)
        .bind(role)
        .execute(&mut *tx)
        .await
        .unwrap();
    tx.commit().await.unwrap();
    let client = Client {
        person,
        ..world.stranger()
    };
    (
        sign_in(&client, &email, PASSWORD).await,
        email,
        PASSWORD.to_owned(),
    )
}

async fn sign_in(client: &Client, email: &str, password: &str) -> Client {
    let done = client
        .post("/login", &[("email", email), ("password", password)])
        .await
        .status(303);
    Client {
        cookie: read_session_cookie(&done),
        ..client.clone()
    }
}

fn read_session_cookie(response: &Response) -> String {
    response
        .header("set-cookie")
        .split(';')
        .next()
        .unwrap()
        .to_owned()
}

/// Returns the link that a page shows once.
pub fn read_link(page: &str) -> String {
    page.split("readonly autofocus value=\"")
        .nth(1)
        .unwrap()
        .split('"')
        .next()
        .unwrap()
        .to_owned()
}

pub fn strip_origin(link: &str) -> String {
    link.strip_prefix("http://fortnight.test")
        .unwrap_or_else(|| panic!("{link}"))
        .to_owned()
}

pub async fn invite(admin: &Client, fields: &[(&str, &str)]) -> String {
    strip_origin(&read_link(
        &admin
            .post("/settings/invitations", fields)
            .await
            .status(200)
            .text(),
    ))
}

pub fn registration_fields<'n>(email: &'n str, name: &'n str) -> [(&'n str, &'n str); 3] {
    [
        ("email", email),
        ("name", name),
        ("password", "a long enough one"),
    ]
}

#[tokio::test]
async fn invited_person_joins_the_team_and_can_work() {
    let world = World::new().await;
    let (ada, ..) = create_account(&world, "ada", "admin").await;
    let path = invite(&ada, &[("team", "infrastructure"), ("days", "3")]).await;
    let secret = path.strip_prefix("/join/").unwrap();
    let stored: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM invitations i WHERE i::text LIKE '%' || $1 || '%'",
    )
    .bind(secret)
    .fetch_one(&world.db)
    .await
    .unwrap();
    assert_eq!(stored, 0, "only a digest is stored");
    let listed = ada.get("/settings/people").await.ok().text();
    assert!(
        listed.contains("to Infrastructure") && !listed.contains(secret),
        "{listed}"
    );

    let stranger = world.stranger();
    let page = stranger.get(&path).await.status(200).text();
    assert!(
        page.contains("Ada invited you to join Infrastructure at"),
        "{page}"
    );
    let short = [
        ("email", "new@example.org"),
        ("name", "Nina Berg"),
        ("password", "short"),
    ];
    let again = stranger.post(&path, &short).await.status(422).text();
    assert!(
        again.contains("10 to 200 characters") && again.contains(r#"value="Nina Berg""#),
        "{again}"
    );
    let taken = stranger
        .post(&path, &registration_fields("elif@example.org", "Nina Berg"))
        .await
        .status(422)
        .text();
    assert!(
        taken.contains("An account with this e-mail address already exists."),
        "{taken}"
    );
    // failed attempts do not use up the invitation
    let done = stranger
        .post(&path, &registration_fields("new@example.org", "Nina Berg"))
        .await
        .status(303);
    let nina = Client {
        cookie: read_session_cookie(&done),
        ..stranger.clone()
    };
    assert_eq!(done.header("location"), "/teams/infrastructure");
    nina.create_task("infrastructure", "todo", "My first").await;
    nina.api(
        Method::POST,
        "/teams/ingestion/tasks",
        json!({ "title": "x" }),
    )
    .await
    .status(403);
    nina.get("/settings").await.status(403);
    let joined: Vec<(String, Option<String>)> = sqlx::query_as(
        "SELECT e.kind, a.handle FROM events e LEFT JOIN accounts a ON a.id = e.actor_id WHERE e.kind LIKE 'member.%'",
    )
    .fetch_all(&world.db)
    .await
    .unwrap();
    assert_eq!(
        joined,
        [("member.joined".to_owned(), Some("nina".to_owned()))]
    );
    let used = stranger.get(&path).await.status(410).text();
    assert!(
        used.contains("has been used. If you used it, sign in. Otherwise ask Ada for a new one."),
        "{used}"
    );
    stranger
        .post(&path, &registration_fields("other@example.org", "Other"))
        .await
        .status(410);
    stranger.get("/join/guess").await.status(404);
}

#[tokio::test]
async fn newcomers_get_the_time_zone_of_their_browser() {
    let world = World::new().await;
    let (ada, ..) = create_account(&world, "ada", "admin").await;
    let many = invite(&ada, &[("for", "many")]).await;
    for (name, zone, wanted) in [
        ("One", "Asia/Kathmandu", "Asia/Kathmandu"),
        ("Two", "", "UTC"),
        ("Three", "Mars/Base", "UTC"),
    ] {
        let email = format!("{name}@example.org");
        let mut fields = registration_fields(&email, name).to_vec();
        fields.push(("time_zone", zone));
        world.stranger().post(&many, &fields).await.status(303);
        let stored: String = sqlx::query_scalar("SELECT time_zone FROM accounts WHERE name = $1")
            .bind(name)
            .fetch_one(&world.db)
            .await
            .unwrap();
        assert_eq!(stored, wanted, "{name}");
    }
}

#[tokio::test]
async fn single_use_invitation_admits_one_of_two_people() {
    let world = World::new().await;
    let (ada, ..) = create_account(&world, "ada", "admin").await;
    let path = invite(&ada, &[]).await;
    let stranger = world.stranger();
    let (one, two) = (
        registration_fields("one@example.org", "One"),
        registration_fields("two@example.org", "Two"),
    );
    let (one, two) = tokio::join!(stranger.post(&path, &one), stranger.post(&path, &two));
    let mut statuses = [one.status.as_u16(), two.status.as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [303, 410]);
    let accounts: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM accounts WHERE email IN ('one@example.org', 'two@example.org')",
    )
    .fetch_one(&world.db)
    .await
    .unwrap();
    assert_eq!(accounts, 1);
}

#[tokio::test]
async fn invitation_ends_on_expiry_or_revocation() {
    let world = World::new().await;
    let (ada, ..) = create_account(&world, "ada", "admin").await;
    let many = invite(&ada, &[("for", "many"), ("role", "viewer"), ("days", "2")]).await;
    let stranger = world.stranger();
    for n in 0..3 {
        let email = format!("reader-{n}@example.org");
        stranger
            .post(&many, &registration_fields(&email, "Rita Reads"))
            .await
            .status(303);
    }
    let roles: Vec<String> =
        sqlx::query_scalar("SELECT role FROM accounts WHERE name = 'Rita Reads'")
            .fetch_all(&world.db)
            .await
            .unwrap();
    assert_eq!(roles, ["viewer"; 3]);
    assert!(
        ada.get("/settings/people")
            .await
            .ok()
            .text()
            .contains("anyone with the link, 3 so far")
    );
    world
        .app
        .clock
        .advance(Duration::days(2) + Duration::seconds(1));
    let expired = stranger.get(&many).await.status(410).text();
    assert!(expired.contains("has expired. Ask Ada"), "{expired}");
    stranger
        .post(&many, &registration_fields("late@example.org", "Late"))
        .await
        .status(410);
    world.app.clock.advance(-Duration::days(2));

    let revoked = invite(&ada, &[]).await;
    let id: uuid::Uuid =
        sqlx::query_scalar("SELECT id FROM invitations ORDER BY created_at DESC, id DESC LIMIT 1")
            .fetch_one(&world.db)
            .await
            .unwrap();
    world
        .elif
        .post(&format!("/settings/invitations/{id}/revoke"), &[])
        .await
        .status(403);
    ada.post(&format!("/settings/invitations/{id}/revoke"), &[])
        .await
        .status(303);
    ada.post(&format!("/settings/invitations/{id}/revoke"), &[])
        .await
        .status(404);
    stranger
        .post(&revoked, &registration_fields("late@example.org", "Late"))
        .await
        .status(410);
    for days in ["0", "91", "-1", "soon", "9223372036854775807"] {
        ada.post("/settings/invitations", &[("days", days)])
            .await
            .status(422);
    }
    world
        .elif
        .post("/settings/invitations", &[])
        .await
        .status(403);
}

/// Case 33. No other route creates accounts.
#[tokio::test]
async fn registration_is_closed_by_default_and_limited_by_domain() {
    let world = World::new().await;
    let (ada, ..) = create_account(&world, "ada", "admin").await;
    let stranger = world.stranger();
    let register = async |email: &str| {
        stranger
            .post("/register", &registration_fields(email, "New"))
            .await
            .status
            .as_u16()
    };
    stranger.get("/register").await.status(403);
    assert_eq!(register("new@example.org").await, 403);
    for path in ["/register", "/accounts", "/users", "/people"] {
        let response = stranger
            .api(
                Method::POST,
                path,
                json!({ "email": "new@example.org", "password": PASSWORD }),
            )
            .await;
        assert_eq!(response.status, 404, "{path}");
    }
    assert!(
        !stranger
            .get("/login")
            .await
            .ok()
            .text()
            .contains("/register")
    );

    world
        .elif
        .post("/settings", &[("name", "Ours"), ("open", "1")])
        .await
        .status(403);
    let wrong = ada
        .post(
            "/settings",
            &[
                ("name", "Ours"),
                ("open", "1"),
                ("domains", "a@b, nonsense"),
            ],
        )
        .await;
    assert!(
        wrong
            .status(422)
            .text()
            .contains("Enter at most 50 domains such as example.org")
    );
    ada.post(
        "/settings",
        &[
            ("name", "Ours"),
            ("open", "1"),
            ("domains", "@Example.org, example.com"),
        ],
    )
    .await
    .ok();
    assert!(
        stranger
            .get("/login")
            .await
            .ok()
            .text()
            .contains("/register")
    );
    let unknown = stranger
        .post(
            "/login",
            &[("email", "new@example.org"), ("password", PASSWORD)],
        )
        .await
        .status(401);
    assert!(
        unknown.text().contains("/register"),
        "the sign-in page links to the registration"
    );
    assert!(
        stranger
            .get("/register")
            .await
            .ok()
            .text()
            .contains("example.org or example.com")
    );
    for email in [
        "eve@evil.example",
        "eve@example.org.evil.example",
        "eve@example.org@evil.example",
        "eve",
    ] {
        assert_eq!(register(email).await, 422, "{email}");
    }
    let done = stranger
        .post(
            "/register",
            &registration_fields("Nina@EXAMPLE.org", "Nina Berg"),
        )
        .await
        .status(303);
    let nina = Client {
        cookie: read_session_cookie(&done),
        ..stranger.clone()
    };
    nina.get("/teams/infrastructure").await.status(200);
    nina.api(
        Method::POST,
        "/teams/infrastructure/tasks",
        json!({ "title": "x" }),
    )
    .await
    .status(403);
    let role: String = sqlx::query_scalar("SELECT role FROM accounts WHERE name = 'Nina Berg'")
        .fetch_one(&world.db)
        .await
        .unwrap();
    assert_eq!(role, "member");
    ada.post("/settings", &[("name", "Ours")]).await.ok();
    assert_eq!(register("later@example.org").await, 403);
}

async fn create_reset_link(admin: &Client, handle: &str) -> String {
    read_link(
        &admin
            .post(&format!("/settings/people/{handle}"), &[("do", "link")])
            .await
            .status(200)
            .text(),
    )
}

/// Cases 26, 27. The host of the link comes from the configuration, not from the request.
#[tokio::test]
async fn password_reset_link_works_once_within_the_hour() {
    let world = World::new().await;
    let (ada, ..) = create_account(&world, "ada", "admin").await;
    let (mira, email, old) = create_account(&world, "mira", "member").await;
    let stranger = world.stranger();
    // the link uses the configured public URL, whatever host the request names
    let request = Request::post("/settings/people/mira")
        .header(header::HOST, "localhost")
        .header("x-forwarded-host", "evil.example")
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(Body::from("do=link"));
    let first = read_link(&ada.send(request.unwrap()).await.status(200).text());
    let first = strip_origin(&first);
    let readable: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM password_resets r WHERE r::text LIKE '%' || $1 || '%'",
    )
    .bind(first.strip_prefix("/reset/").unwrap())
    .fetch_one(&world.db)
    .await
    .unwrap();
    assert_eq!(readable, 0, "only a digest is stored");
    let second = strip_origin(&create_reset_link(&ada, "mira").await);
    stranger.get(&first).await.status(404);
    let new = [("password", "an entirely new one")];
    stranger.post(&first, &new).await.status(404);

    assert!(
        stranger
            .get(&second)
            .await
            .ok()
            .text()
            .contains("Mira Lindqvist")
    );
    let refused = stranger
        .post(&second, &[("password", "short")])
        .await
        .status(422)
        .text();
    assert!(refused.contains("10 to 200 characters"), "{refused}");
    let done = stranger.post(&second, &new).await.status(303);
    Client {
        cookie: read_session_cookie(&done),
        ..stranger.clone()
    }
    .get("/")
    .await
    .status(200);
    mira.get("/").await.status(303);
    stranger
        .post("/login", &[("email", &email), ("password", &old)])
        .await
        .status(401);
    sign_in(&stranger, &email, "an entirely new one")
        .await
        .get("/")
        .await
        .status(200);
    stranger.get(&second).await.status(404);
    stranger.post(&second, &new).await.status(404);

    let late = strip_origin(&create_reset_link(&ada, "mira").await);
    world
        .app
        .clock
        .advance(Duration::minutes(60) + Duration::seconds(1));
    stranger.get(&late).await.status(404);
    stranger.post(&late, &new).await.status(404);
    world
        .elif
        .post("/settings/people/mira", &[("do", "link")])
        .await
        .status(403);
    let kinds: Vec<String> = sqlx::query_scalar(
        "SELECT DISTINCT kind FROM audit_log WHERE kind LIKE 'password.%' ORDER BY 1",
    )
    .fetch_all(&world.db)
    .await
    .unwrap();
    assert_eq!(kinds, ["password.link-created", "password.reset"]);
}

/// Cases 23, 25, 35. Signing in starts a new session, and a new password ends all others.
#[tokio::test]
async fn sessions_can_be_ended_and_expire() {
    let world = World::new().await;
    let (first, email, password) = create_account(&world, "mira", "member").await;
    // signing in with a given cookie creates a new session, which prevents session fixation
    let fixed = Client {
        cookie: format!("session={}", "A".repeat(43)),
        ..first.clone()
    };
    let second = sign_in(&fixed, &email, &password).await;
    assert!(second.cookie != fixed.cookie && second.cookie != first.cookie);
    fixed.get("/").await.status(303);
    let elsewhere = Client {
        cookie: String::new(),
        ..first.clone()
    };
    let third = sign_in(&elsewhere, &email, &password).await;
    third.get("/logout").await.status(405);
    third.get("/").await.status(200);

    let page = first.get("/me").await.ok().text();
    assert_eq!(page.matches("name=\"session\"").count(), 3);
    let name = |page: &str| {
        let other = page
            .split("<li>")
            .find(|row| row.contains("name=\"session\"") && !row.contains(">this browser<"));
        other
            .unwrap()
            .split("name=\"session\" value=\"")
            .nth(1)
            .unwrap()
            .split('"')
            .next()
            .unwrap()
            .to_owned()
    };
    // a session of another person cannot be ended
    world
        .elif
        .post("/me/sessions", &[("session", &name(&page))])
        .await
        .ok();
    assert_eq!(
        first
            .get("/me")
            .await
            .ok()
            .text()
            .matches("name=\"session\"")
            .count(),
        3
    );
    first
        .post("/me/sessions", &[("session", &name(&page))])
        .await
        .status(303);
    assert_eq!(
        first
            .get("/me")
            .await
            .ok()
            .text()
            .matches("name=\"session\"")
            .count(),
        2
    );

    let wrong = [("old", "not this one"), ("password", "an entirely new one")];
    let page = first.post("/me/password", &wrong).await.status(422).text();
    assert!(page.contains("Wrong current password"), "{page}");
    let again = sign_in(&elsewhere, &email, &password).await;
    first
        .post(
            "/me/password",
            &[("old", &password), ("password", "an entirely new one")],
        )
        .await
        .status(303);
    first.get("/").await.status(200);
    for old in [&second, &third, &again] {
        old.get("/").await.status(303);
        old.api(Method::GET, "/teams", json!({})).await.status(401);
    }
    first
        .post("/login", &[("email", &email), ("password", &password)])
        .await
        .status(401);

    let fresh = sign_in(&elsewhere, &email, "an entirely new one").await;
    fresh
        .post("/me/sessions", &[("others", "1")])
        .await
        .status(303);
    first.get("/").await.status(303);
    // a session expires after 14 days without use
    world.app.clock.advance(Duration::days(14));
    fresh.get("/").await.status(303);
    world.app.clock.advance(-Duration::seconds(1));
    fresh.get("/").await.status(200);
    // and after 90 days even if it is used
    for _ in 0..8 {
        world.app.clock.advance(Duration::days(10));
        fresh.get("/").await;
    }
    fresh.get("/").await.status(303);
}

pub async fn expect_end(stream: &mut Stream) {
    let ended = timeout(Wait::from_secs(5), async {
        stream.next_named("bye").await;
        while stream.next().await.is_some() {}
    });
    ended.await.expect("within five seconds");
}

/// Cases 19, 24. Sessions, tokens and open streams end, and open tasks are unassigned.
#[tokio::test]
async fn deactivation_ends_all_access_within_five_seconds() {
    let world = World::new().await;
    let served = Served::of(&world).await;
    let (ada, ..) = create_account(&world, "ada", "admin").await;
    let tomas = world.join("Tomas Weber", "tomas", "infrastructure").await;
    let (open, done) = (
        tomas.create_task("infrastructure", "todo", "Open").await,
        tomas.create_task("infrastructure", "done", "Done").await,
    );
    for key in [&open, &done] {
        tomas
            .post(
                &format!("/tasks/{key}/owners"),
                &[("owners", "tomas"), ("owners", "elif")],
            )
            .await
            .ok();
    }
    let program = world.program_of(&tomas, Scope::Write).await;
    program
        .api(Method::GET, "/teams", json!({}))
        .await
        .status(200);
    let mut stream = served.listen(&tomas, "infrastructure", None).await;
    stream.next_named("presence").await;
    // a member is removed from a private team while their stream is open
    let mira = world.join("Mira Okafor", "mira", "infrastructure").await;
    let mut removed = served.listen(&mira, "infrastructure", None).await;
    removed.next_named("presence").await;
    sqlx::query("UPDATE members SET role = 'lead' WHERE account_id = $1")
        .bind(world.elif.person.id)
        .execute(&world.db)
        .await
        .unwrap();
    world
        .elif
        .post("/teams/infrastructure/visibility", &[("private", "1")])
        .await
        .status(303);

    let page = ada.get("/settings/people").await.ok().text();
    assert!(
        page.contains("Unassign their open tasks"),
        "the number of tasks in private teams is not shown: {page}"
    );
    world
        .elif
        .post("/settings/people/tomas", &[("do", "deactivate")])
        .await
        .status(403);
    ada.post(
        "/settings/people/tomas",
        &[("do", "deactivate"), ("free", "on")],
    )
    .await
    .status(303);
    world
        .elif
        .post(
            "/teams/infrastructure/members",
            &[("handle", "mira"), ("role", "none")],
        )
        .await
        .status(303);
    tomas.get("/").await.status(303);
    tomas
        .api(Method::GET, "/teams", json!({}))
        .await
        .status(401);
    program
        .api(Method::GET, "/teams", json!({}))
        .await
        .status(401);
    mira.get("/teams/infrastructure").await.status(404);
    tokio::join!(expect_end(&mut stream), expect_end(&mut removed));
    let owners = async |key: &str| {
        let task = world.elif.load_task(key).await;
        let handle = |owner: &Value| owner["handle"].as_str().unwrap().to_owned();
        task["owners"]
            .as_array()
            .unwrap()
            .iter()
            .map(handle)
            .collect::<Vec<_>>()
    };
    assert_eq!(owners(&open).await, ["elif"]);
    assert_eq!(
        owners(&done).await,
        ["tomas", "elif"],
        "finished tasks keep their owner"
    );
    let story = world.elif.get(&format!("/tasks/{open}")).await.ok().text();
    assert!(
        story.contains("Tomas Weber") && story.contains("created it in Todo"),
        "{story}"
    );

    // reactivation does not restore old sessions and tokens
    ada.post("/settings/people/tomas", &[("do", "reactivate")])
        .await
        .status(303);
    tomas.get("/").await.status(303);
    program
        .api(Method::GET, "/teams", json!({}))
        .await
        .status(401);
    for action in ["deactivate", "member", "viewer"] {
        let refused = ada
            .post("/settings/people/ada", &[("do", action)])
            .await
            .status(422)
            .text();
        assert!(refused.contains("Nothing was changed."), "{refused}");
    }
}

#[tokio::test]
async fn deactivated_owner_does_not_block_changes_of_owners() {
    let world = World::new().await;
    let (ada, ..) = create_account(&world, "ada", "admin").await;
    world.join("Tomas Weber", "tomas", "infrastructure").await;
    world.join("Mira Okafor", "mira", "infrastructure").await;
    let key = world
        .elif
        .create_task("infrastructure", "todo", "Three owners")
        .await;
    let owners = [("owners", "tomas"), ("owners", "mira"), ("owners", "elif")];
    world
        .elif
        .post(&format!("/tasks/{key}/owners"), &owners)
        .await
        .ok();
    // without "free" the person stays an owner
    ada.post("/settings/people/tomas", &[("do", "deactivate")])
        .await
        .status(303);
    ada.post(
        "/settings/people/mira",
        &[("do", "deactivate"), ("free", "on")],
    )
    .await
    .status(303);
    world
        .elif
        .post(&format!("/tasks/{key}/owners/me"), &[])
        .await
        .ok();
    let left = world.elif.load_task(&key).await;
    assert_eq!(left["owners"].as_array().unwrap().len(), 1, "{left}");
    assert_eq!(left["owners"][0]["handle"], "tomas");
    world
        .elif
        .post(&format!("/tasks/{key}/owners"), &[("owners", "mira")])
        .await
        .status(422);
}

#[tokio::test]
async fn deleted_persons_work_is_kept_as_a_former_members() {
    let world = World::new().await;
    let (ada, ..) = create_account(&world, "ada", "admin").await;
    let tomas = world.join("Tomas Weber", "tomas", "infrastructure").await;
    let elif = &world.elif;
    let key = tomas
        .create_task("infrastructure", "todo", "Of Tomas")
        .await;
    tomas
        .post(&format!("/tasks/{key}/comments"), &[("body", "I said so")])
        .await
        .ok();
    tomas
        .post(&format!("/tasks/{key}/owners"), &[("owners", "tomas")])
        .await
        .ok();
    tomas
        .post(
            "/teams/infrastructure/topics",
            &[("meeting", "standup"), ("text", "A topic")],
        )
        .await
        .ok();
    tomas
        .post(
            "/teams/infrastructure/actions",
            &[("text", "An action @tomas")],
        )
        .await
        .ok();
    tomas
        .post(
            "/teams/infrastructure/sprints/42/retro-notes",
            &[("category", "well"), ("text", "A note")],
        )
        .await
        .ok();
    let waits = elif
        .create_task("infrastructure", "todo", "Waiting on Tomas")
        .await;
    elif.post(
        &format!("/tasks/{waits}/block"),
        &[("kind", "person"), ("person", "tomas")],
    )
    .await
    .ok();
    let events: i64 = sqlx::query_scalar("SELECT count(*) FROM events")
        .fetch_one(&world.db)
        .await
        .unwrap();

    ada.post("/settings/people/tomas", &[("do", "delete")])
        .await
        .status(409);
    tomas.get("/").await.status(200);
    ada.post("/settings/people/tomas", &[("do", "deactivate")])
        .await
        .status(303);
    ada.post("/settings/people/tomas", &[("do", "delete")])
        .await
        .status(303);

    let story = elif.get(&format!("/tasks/{key}")).await.ok().text();
    assert!(
        story.contains("A former member") && story.contains("I said so"),
        "{story}"
    );
    assert!(!story.contains("Tomas Weber"), "{story}");
    assert_eq!(elif.load_task(&key).await["owners"], json!([]));
    let card = elif.get(&format!("/tasks/{waits}")).await.ok().text();
    assert!(
        card.contains("a former member"),
        "the task still waits on the deleted person: {card}"
    );
    for path in [
        "/teams/infrastructure",
        "/teams/infrastructure/standup",
        "/teams/infrastructure/retro",
        "/teams/infrastructure/about",
        "/teams/infrastructure/planning",
        "/",
    ] {
        let page = elif.get(path).await.ok().text();
        assert!(
            !page.contains("Tomas Weber") && !page.contains("tomas@example.org"),
            "{path}: {page}"
        );
    }
    elif.get("/people/tomas").await.status(404);
    assert!(
        !ada.get("/settings/people")
            .await
            .ok()
            .text()
            .contains("tomas")
    );
    let now: i64 = sqlx::query_scalar("SELECT count(*) FROM events WHERE kind <> 'task.assigned'")
        .fetch_one(&world.db)
        .await
        .unwrap();
    assert!(
        now >= events - 1,
        "no events are deleted: {now} of {events}"
    );
    let names: i64 =
        sqlx::query_scalar("SELECT count(*) FROM audit_log x WHERE x::text LIKE '%tomas@%'")
            .fetch_one(&world.db)
            .await
            .unwrap();
    assert_eq!(
        names, 0,
        "the audit log does not contain the e-mail address"
    );
    // the e-mail address can be used again
    let path = invite(&ada, &[]).await;
    world
        .stranger()
        .post(
            &path,
            &registration_fields("tomas@example.org", "Tomas Weber"),
        )
        .await
        .status(303);
}

/// Case 32. Only a digest is stored.
#[tokio::test]
async fn token_is_shown_once_and_expires_or_is_revoked() {
    let world = World::new().await;
    let elif = &world.elif;
    let fields = [
        ("name", "Deploy script"),
        ("scope", "write"),
        ("days", "30"),
    ];
    let created = elif.post("/me/tokens", &fields).await.status(200).text();
    let token = read_link(&created);
    assert!(token.starts_with("fn_") && token.len() == 46, "{token}");
    let page = elif.get("/me").await.ok().text();
    assert!(
        !page.contains(&token) && page.contains("Deploy script") && page.contains("never used"),
        "{page}"
    );
    let stored: i64 =
        sqlx::query_scalar("SELECT count(*) FROM tokens t WHERE t::text LIKE '%' || $1 || '%'")
            .bind(&token)
            .fetch_one(&world.db)
            .await
            .unwrap();
    assert_eq!(stored, 0, "only a digest is stored");
    let program = Client {
        cookie: String::new(),
        bearer: Some(token.clone()),
        ..elif.clone()
    };
    program
        .create_task("infrastructure", "todo", "By a program")
        .await;
    assert!(!elif.get("/me").await.ok().text().contains("never used"));
    // a token does not work as a session cookie, nor a session cookie as a token
    Client {
        cookie: format!("session={token}"),
        ..world.stranger()
    }
    .get("/")
    .await
    .status(303);
    let cookie = elif.cookie.strip_prefix("session=").unwrap().to_owned();
    Client {
        cookie: String::new(),
        bearer: Some(cookie),
        ..elif.clone()
    }
    .api(Method::GET, "/teams", json!({}))
    .await
    .status(401);
    for wrong in [
        ("days", "0"),
        ("days", "367"),
        ("days", "x"),
        ("scope", "admin"),
        ("scope", "all"),
    ] {
        elif.post("/me/tokens", &[("name", "x"), wrong])
            .await
            .status(422);
    }
    elif.post(
        "/me/tokens",
        &[("name", &"x".repeat(101)), ("scope", "read")],
    )
    .await
    .status(422);

    world.app.clock.advance(Duration::days(29));
    program
        .api(Method::GET, "/teams", json!({}))
        .await
        .status(200);
    world.app.clock.advance(Duration::days(1));
    program
        .api(Method::GET, "/teams", json!({}))
        .await
        .status(401);
    world.app.clock.advance(-Duration::days(30));
    let id: uuid::Uuid = sqlx::query_scalar("SELECT id FROM tokens")
        .fetch_one(&world.db)
        .await
        .unwrap();
    world
        .jonas
        .post(&format!("/me/tokens/{id}/revoke"), &[])
        .await
        .status(404);
    program
        .api(Method::GET, "/teams", json!({}))
        .await
        .status(200);
    elif.post(&format!("/me/tokens/{id}/revoke"), &[])
        .await
        .status(303);
    program
        .api(Method::GET, "/teams", json!({}))
        .await
        .status(401);
}

/// Case 42. Cells that could run as formulas are escaped.
#[tokio::test]
async fn administrator_searches_and_exports_the_audit_log() {
    let world = World::new().await;
    let (ada, email, password) = create_account(&world, "ada", "admin").await;
    world
        .stranger()
        .post(
            "/login",
            &[
                ("email", "=HYPERLINK(\"http://evil\",1)"),
                ("password", "x"),
            ],
        )
        .await
        .status(401);
    world
        .stranger()
        .post("/login", &[("email", &email), ("password", "wrong")])
        .await
        .status(401);
    sign_in(&world.stranger(), &email, &password).await;
    ada.post("/settings/people/elif", &[("do", "admin")])
        .await
        .status(303);
    ada.post("/settings/people/elif", &[("do", "member")])
        .await
        .status(303);
    ada.post(
        "/teams/infrastructure/members",
        &[("handle", "jonas"), ("role", "lead")],
    )
    .await
    .status(303);
    ada.post("/me/tokens", &[("name", "@SUM(1)"), ("scope", "read")])
        .await
        .status(200);
    ada.post("/settings", &[("name", "Ours"), ("open", "1")])
        .await
        .status(303);
    invite(&ada, &[]).await;
    let page = ada.get("/settings/audit").await.ok().text();
    for kind in [
        "sign-in.failed",
        "sign-in.succeeded",
        "role.changed",
        "team.role-changed",
        "token.created",
        "settings.changed",
        "invitation.created",
    ] {
        assert!(page.contains(kind), "{kind} is missing from {page}");
    }
    assert!(
        page.contains("@elif is now admin") && page.contains("Ada Lindqvist @ada"),
        "{page}"
    );
    let some = ada.get("/settings/audit?q=role").await.ok().text();
    assert!(
        some.contains("role.changed") && !some.contains("sign-in.failed"),
        "{some}"
    );
    let none = ada.get("/settings/audit?q=%25").await.ok().text();
    assert!(
        none.contains("No matching entries."),
        "% is literal: {none}"
    );

    let file = ada.get("/settings/audit.csv").await.status(200);
    assert_eq!(
        file.header("content-disposition"),
        "attachment; filename=\"audit.csv\""
    );
    assert_eq!(file.header("content-type"), "text/csv; charset=utf-8");
    let text = file.text();
    assert!(
        text.contains("\"'=HYPERLINK(\"\"http://evil\"\",1)\"")
            && text.contains(",'@SUM(1) (read),"),
        "{text}"
    );
    for line in text.lines() {
        for cell in line.split(',') {
            assert!(
                !cell
                    .trim_matches('"')
                    .starts_with(['=', '+', '-', '@', '\t']),
                "{line}"
            );
        }
    }
    assert!(
        ada.get("/settings/audit")
            .await
            .ok()
            .text()
            .contains("audit.exported")
    );
    world.elif.get("/settings/audit").await.status(403);
    world.elif.get("/settings/audit.csv").await.status(403);
}

#[tokio::test]
async fn each_change_of_team_settings_is_in_the_history() {
    let world = World::new().await;
    let (ada, ..) = create_account(&world, "ada", "admin").await;
    let team = "/teams/infrastructure";
    let days = [
        ("working_days", "1"),
        ("working_days", "2"),
        ("standup_days", "2"),
        ("standup_at", "09:30"),
    ];
    ada.post(
        &format!("{team}/members"),
        &[("handle", "jonas"), ("role", "member")],
    )
    .await
    .status(303);
    ada.post(
        &format!("{team}/members"),
        &[("handle", "@jonas"), ("role", "lead")],
    )
    .await
    .status(303);
    ada.post(
        &format!("{team}/members"),
        &[("handle", "jonas"), ("role", "none")],
    )
    .await
    .status(303);
    ada.post(
        &format!("{team}/name"),
        &[("form", "name"), ("name", "Platform"), ("key", "plat")],
    )
    .await
    .status(303);
    ada.post(&format!("{team}/schedule"), &days)
        .await
        .status(303);
    ada.post(
        &format!("{team}/days-off"),
        &[("day", "2026-12-24"), ("name", "Eve")],
    )
    .await
    .status(303);
    ada.post(&format!("{team}/days-off/2026-12-24/remove"), &[])
        .await
        .status(303);
    ada.post(&format!("{team}/about"), &[("mission", "Keep it up")])
        .await
        .ok();
    world
        .elif
        .post(&format!("{team}/columns/todo/limit"), &[("wip_limit", "3")])
        .await
        .ok();
    // only a member can make a team private
    ada.post(&format!("{team}/visibility"), &[("private", "1")])
        .await
        .status(403);
    let response = ada
        .api(Method::GET, "/teams/infrastructure/events", json!({}))
        .await
        .status(200)
        .json();
    let kinds: Vec<(&str, &str)> = response["events"]
        .as_array()
        .unwrap()
        .iter()
        .map(|event| {
            (
                event["kind"].as_str().unwrap(),
                event["actor"].as_str().unwrap(),
            )
        })
        .collect();
    assert_eq!(
        kinds,
        [
            ("member.joined", "ada"),
            ("member.role-changed", "ada"),
            ("member.left", "ada"),
            ("team.renamed", "ada"),
            ("team.schedule-changed", "ada"),
            ("team.day-off-changed", "ada"),
            ("team.day-off-changed", "ada"),
            ("team.profile-edited", "ada"),
            ("column.limited", "elif"),
        ]
    );
    let audit = ada.get("/settings/audit").await.ok().text();
    for kind in [
        "team.renamed",
        "team.schedule-changed",
        "team.day-off-changed",
        "team.role-changed",
    ] {
        assert!(audit.contains(kind), "{kind} is missing from {audit}");
    }
    // the command line can make a lead, too
    let team_of: fortnight::domain::team::Team =
        sqlx::query_as("SELECT id, slug, name, key, seq FROM teams WHERE key = 'PLAT'")
            .fetch_one(&world.db)
            .await
            .unwrap();
    let system = fortnight::domain::policy::actor::Actor::system();
    let lead = Some(fortnight::domain::teams::membership::TeamRole::Lead);
    world
        .app
        .store
        .change(&system, |change, _| {
            Box::pin(fortnight::domain::teams::membership::set_member(
                change, &team_of, "elif", lead,
            ))
        })
        .await
        .ok()
        .unwrap();
    let history = world.elif.get(&format!("{team}/history")).await.ok().text();
    assert!(
        history.contains("<b>The command line</b> made @elif a lead"),
        "{history}"
    );
    // keys in use and invalid keys
    for key in ["ING", "", "1X", "A", "ABCDEFGHIJKL", "A B"] {
        ada.post(
            &format!("{team}/name"),
            &[("form", "name"), ("name", "Platform"), ("key", key)],
        )
        .await
        .status(422);
    }
    ada.post(
        &format!("{team}/members"),
        &[("handle", "unknown"), ("role", "member")],
    )
    .await
    .status(422);
    ada.post(
        &format!("{team}/members"),
        &[("handle", "jonas"), ("role", "none")],
    )
    .await
    .status(422);
    world
        .jonas
        .post(
            &format!("{team}/members"),
            &[("handle", "jonas"), ("role", "lead")],
        )
        .await
        .status(403);
}

#[tokio::test]
async fn retro_lists_who_was_on_the_team_during_the_sprint() {
    let world = World::new().await;
    let (ada, ..) = create_account(&world, "ada", "admin").await;
    let retro = async || {
        world
            .elif
            .get("/sprints/42/retro?team=infrastructure")
            .await
            .ok()
            .text()
    };
    let members = "/teams/infrastructure/members";
    sqlx::query("UPDATE members SET since = '2026-11-02' WHERE account_id = $1")
        .bind(world.elif.person.id)
        .execute(&world.db)
        .await
        .unwrap();
    // a member joins on Tuesday of the second week and leaves two days later
    ada.post(members, &[("handle", "jonas"), ("role", "member")])
        .await
        .status(303);
    assert!(
        retro()
            .await
            .contains("Jonas Gruber, from Tue 24 Nov</span>"),
        "{}",
        retro().await
    );
    world.app.clock.advance(Duration::days(2));
    ada.post(members, &[("handle", "jonas"), ("role", "none")])
        .await
        .status(303);
    let then = "<span dir=\"auto\">Elif Hartmann</span>; <span dir=\"auto\">Jonas Gruber, from Tue 24 Nov, until Thu 26 Nov</span>";
    assert!(retro().await.contains(then), "{}", retro().await);
    world
        .elif
        .post("/teams/infrastructure/sprints/42/close", &[])
        .await
        .ok();
    assert!(retro().await.contains("closed by Elif Hartmann") && retro().await.contains(then));
    // a person who joins in the next sprint is not listed
    world.app.clock.advance(Duration::days(10));
    let (nina, ..) = create_account(&world, "nina", "member").await;
    ada.post(
        members,
        &[("handle", &nina.person.handle), ("role", "member")],
    )
    .await
    .status(303);
    assert!(
        world
            .elif
            .get("/teams/infrastructure/about")
            .await
            .ok()
            .text()
            .contains("Nina Lindqvist")
    );
    assert!(
        retro().await.contains(then) && !retro().await.contains("Nina Lindqvist"),
        "{}",
        retro().await
    );
    // a deleted person is still counted
    ada.post("/settings/people/jonas", &[("do", "deactivate")])
        .await
        .status(303);
    ada.post("/settings/people/jonas", &[("do", "delete")])
        .await
        .status(303);
    assert!(
        retro()
            .await
            .contains("a former member, from Tue 24 Nov, until Thu 26 Nov"),
        "{}",
        retro().await
    );
    // a deactivated person is not listed in later sprints, even after deletion
    ada.post("/settings/people/nina", &[("do", "deactivate")])
        .await
        .status(303);
    world.app.clock.advance(Duration::days(13));
    world.elif.get("/").await.ok();
    let next = async || {
        world
            .elif
            .get("/sprints/44/retro?team=infrastructure")
            .await
            .ok()
            .text()
    };
    fortnight::domain::sprints::cadence::update_sprints(
        &mut world.db.acquire().await.unwrap(),
        world.app.clock.now(),
    )
    .await
    .unwrap();
    let before = next().await;
    assert!(
        !before.contains("Nina Lindqvist") && before.contains("Team in this sprint"),
        "{before}"
    );
    let (ada, ..) = create_account(&world, "ida", "admin").await;
    ada.post("/settings/people/nina", &[("do", "delete")])
        .await
        .status(303);
    assert!(
        !next().await.contains("a former member"),
        "{}",
        next().await
    );
}

#[tokio::test]
async fn profile_can_be_edited_and_is_validated() {
    let world = World::new().await;
    let elif = &world.elif;
    let hours = [
        ("time_zone", "Europe/Istanbul"),
        ("works_from", "08:30"),
        ("works_to", "16:30"),
    ];
    let profile = [("name", "Elif H."), ("handle", "@Elif-H"), ("hue", "7")];
    elif.post("/me", &[profile.as_slice(), hours.as_slice()].concat())
        .await
        .status(303);
    let page = elif.get("/people/elif-h").await.ok().text();
    assert!(page.contains("Elif H."), "{page}");
    let page = elif.get("/people/elif").await.ok().text();
    assert!(
        page.contains("Elif H."),
        "old links still lead to her: {page}"
    );
    for wrong in [
        ("handle", "jonas"),
        ("handle", "a b"),
        ("handle", ""),
        ("hue", "12"),
        ("hue", "-1"),
        ("name", " "),
        ("time_zone", "Mars"),
        ("works_from", "25:00"),
        ("works_to", "07:00"),
    ] {
        let mut fields = [profile.as_slice(), hours.as_slice()].concat();
        fields.retain(|(name, _)| *name != wrong.0);
        fields.push(wrong);
        let page = elif.post("/me", &fields).await.status(422).text();
        assert!(
            page.contains("field-error"),
            "{wrong:?} is refused with a reason: {page}"
        );
    }
}

#[tokio::test]
async fn former_username_cannot_be_taken_by_others() {
    let world = World::new().await;
    let (ada, ..) = create_account(&world, "ada", "admin").await;
    let (elif, jonas) = (&world.elif, &world.jonas);
    let hours = [
        ("time_zone", "UTC"),
        ("works_from", "09:00"),
        ("works_to", "17:00"),
    ];
    let rename = async |client: &Client, name: &str, handle: &str| {
        let profile = [("name", name), ("handle", handle)];
        client
            .post("/me", &[profile.as_slice(), hours.as_slice()].concat())
            .await
    };
    let key = elif.create_task("infrastructure", "todo", "Whose").await;
    elif.post(&format!("/tasks/{key}/owners"), &[("owners", "elif")])
        .await
        .ok();
    elif.post(&format!("/tasks/{key}/owners"), &[]).await.ok();
    rename(elif, "Elif Hartmann", "elif-h").await.status(303);
    let page = rename(jonas, "Jonas Gruber", "elif")
        .await
        .status(422)
        .text();
    assert!(page.contains("This username was used before"), "{page}");
    let path = invite(&ada, &[]).await;
    world
        .stranger()
        .post(
            &path,
            &registration_fields("other@example.org", "Elif Other"),
        )
        .await
        .status(303);
    elif.get("/people/elif-2").await.status(200);
    // events before the change of username still refer to her
    let story = elif.get(&format!("/tasks/{key}")).await.ok().text();
    assert!(story.contains("assigned Elif Hartmann"), "{story}");
    let change: uuid::Uuid = sqlx::query_scalar(
        "SELECT change_id FROM events WHERE kind = 'task.assigned' ORDER BY seq DESC LIMIT 1",
    )
    .fetch_one(&world.db)
    .await
    .unwrap();
    elif.post(&format!("/changes/{change}/undo"), &[])
        .await
        .ok();
    let owners = elif.load_task(&key).await["owners"].clone();
    assert_eq!(
        (&owners[0]["handle"], owners.as_array().unwrap().len()),
        (&json!("elif-h"), 1)
    );
    assert!(
        ada.get("/settings/audit")
            .await
            .ok()
            .text()
            .contains("@elif is now @elif-h")
    );
    // she can take her former username back, and the other one stays reserved for her
    rename(elif, "Elif Hartmann", "elif").await.status(303);
    rename(jonas, "Jonas Gruber", "elif-h").await.status(422);
    rename(jonas, "Jonas Gruber", "jo").await.status(303);
    let edits: Vec<Value> = sqlx::query_scalar(
        "SELECT after FROM events WHERE kind = 'member.profile-edited' ORDER BY at, seq",
    )
    .fetch_all(&world.db)
    .await
    .unwrap();
    assert!(
        edits
            .iter()
            .any(|after| after["handle"] == "elif-h" && after["hue"] == 2),
        "{edits:?}"
    );
}

#[tokio::test]
async fn tasks_are_found_by_every_former_team_key() {
    let world = World::new().await;
    let (ada, ..) = create_account(&world, "ada", "admin").await;
    let elif = &world.elif;
    let key = elif
        .create_task("infrastructure", "todo", "The first")
        .await;
    let rename = async |team: &str, name: &str, key: &str| {
        ada.post(
            &format!("/teams/{team}/name"),
            &[("form", "name"), ("name", name), ("key", key)],
        )
        .await
    };
    rename("infrastructure", "Platform", "PLAT")
        .await
        .status(303);
    let taken = rename("ingestion", "Ingestion", "INF")
        .await
        .status(422)
        .text();
    assert!(taken.contains("This key is reserved"), "{taken}");
    ada.post("/teams", &[("name", "Information"), ("key", "inf")])
        .await
        .status(422);
    let page = elif.get(&format!("/tasks/{key}")).await.status(200).text();
    assert!(
        page.contains("PLAT-1") && page.contains("The first"),
        "{page}"
    );
    elif.api(
        Method::PUT,
        &format!("/tasks/{key}/position"),
        json!({ "column": "in-progress" }),
    )
    .await
    .status(200);
    let other = elif
        .create_task("infrastructure", "todo", "The second")
        .await;
    assert_eq!(other, "PLAT-2");
    elif.post(
        &format!("/tasks/{other}/comments"),
        &[("body", "As in INF-1")],
    )
    .await
    .ok();
    elif.post(
        &format!("/tasks/{other}/block"),
        &[("kind", "task"), ("on", "INF-1")],
    )
    .await
    .ok();
    let page = elif.get(&format!("/tasks/{other}")).await.ok().text();
    assert!(
        page.contains(r#"href="/tasks/INF-1""#) && page.contains("PLAT-1"),
        "{page}"
    );
    rename("infrastructure", "Platform", "INF")
        .await
        .status(303);
    rename("ingestion", "Ingestion", "PLAT").await.status(422);
    elif.get("/tasks/PLAT-2").await.status(200);
}

/// Case 20. A task that waits on a private task does not reveal it either.
#[tokio::test]
async fn private_teams_events_are_not_streamed_to_others() {
    let world = World::new().await;
    let served = Served::of(&world).await;
    let mut tx = world.db.begin().await.unwrap();
    let team = add_team(&mut tx, NOW, "zanzibar", "Zanzibar", "ZAN")
        .await
        .unwrap();
    add_member(&mut tx, NOW, team, world.jonas.person.id, true)
        .await
        .unwrap();
    tx.commit().await.unwrap();
    world
        .jonas
        .post("/teams/zanzibar/visibility", &[("private", "1")])
        .await
        .status(303);
    let key = world
        .jonas
        .create_task("zanzibar", "todo", "Zanzibar plan")
        .await;
    // a task of another team waits on it, blocked by a person who was on both teams
    let waits = world
        .elif
        .create_task("infrastructure", "todo", "waits")
        .await;
    world
        .jonas
        .post(
            "/teams/zanzibar/members",
            &[("handle", "elif"), ("role", "member")],
        )
        .await
        .status(303);
    world
        .elif
        .post(
            &format!("/tasks/{waits}/block"),
            &[("kind", "task"), ("on", &key)],
        )
        .await
        .ok();
    world
        .jonas
        .post(
            "/teams/zanzibar/members",
            &[("handle", "elif"), ("role", "none")],
        )
        .await
        .status(303);
    let mut ours = served.listen(&world.elif, "infrastructure", None).await;
    ours.next_named("presence").await;
    let refused = crate::program::new_client()
        .get(format!("http://{}/teams/zanzibar/live", served.address))
        .header("cookie", &world.elif.cookie)
        .header("accept", "application/json");
    assert_eq!(refused.send().await.unwrap().status(), 404);
    sqlx::query(
        "INSERT INTO events (team_id, seq, change_id, task_id, kind, at, after)
         SELECT k.team_id, t.seq + n, gen_random_uuid(), k.id, 'task.edited', now(), '{\"title\": \"Zanzibar\"}'
         FROM tasks k JOIN teams t ON t.id = k.team_id, generate_series(1, 1000) n WHERE t.key = 'ZAN'",
    )
    .execute(&world.db)
    .await
    .unwrap();
    sqlx::query("UPDATE teams SET seq = seq + 1000 WHERE key = 'ZAN'")
        .execute(&world.db)
        .await
        .unwrap();
    for n in 0..20 {
        world
            .jonas
            .api(
                Method::PATCH,
                &format!("/tasks/{key}"),
                json!({ "title": format!("Zanzibar {n}") }),
            )
            .await
            .ok();
    }
    for column in ["in-progress", "done", "todo"] {
        world
            .jonas
            .post(&format!("/tasks/{key}/position"), &[("column", column)])
            .await
            .ok();
    }
    let last = world
        .elif
        .create_task("infrastructure", "todo", "ours")
        .await;
    loop {
        let event = ours.next().await.unwrap();
        let text = event.data.to_string();
        assert!(
            !text.contains("anzibar") && !text.contains("ZAN") && !text.contains("onas"),
            "{event:?}"
        );
        if event.name == "card" && event.data["key"] == last.as_str() {
            break;
        }
    }
    let app = App::new(
        "http://fortnight.test",
        world.db.clone(),
        Clock::standing(NOW),
    );
    let admin = Client {
        router: router(app),
        ..world.elif.clone()
    };
    sqlx::query("UPDATE accounts SET role = 'admin' WHERE handle = 'elif'")
        .execute(&world.db)
        .await
        .unwrap();
    admin.get("/api/v1/teams/zanzibar/events").await.status(404);
}

#[tokio::test]
async fn only_administrators_rename_the_workspace() {
    let world = World::new().await;
    let (ada, ..) = create_account(&world, "ada", "admin").await;
    ada.post("/settings", &[("name", "  Platform <group>  ")])
        .await
        .status(303);
    let page = ada.get("/settings").await.ok().text();
    assert!(
        page.contains(r#"value="Platform &#60;group&#62;""#) && page.contains("<title>Workspace"),
        "{page}"
    );
    let path = invite(&ada, &[]).await;
    let page = world.stranger().get(&path).await.ok().text();
    assert!(
        page.contains("Ada invited you to join Platform &#60;group&#62;."),
        "{page}"
    );
    for name in ["", "  ", &"x".repeat(101)] {
        let page = ada
            .post("/settings", &[("name", name)])
            .await
            .status(422)
            .text();
        assert!(page.contains("1 to 100 characters"), "{page}");
    }
    assert!(
        !world
            .elif
            .get("/teams")
            .await
            .ok()
            .text()
            .contains("href=\"/settings\"")
    );
    assert!(
        ada.get("/teams")
            .await
            .ok()
            .text()
            .contains("href=\"/settings\"")
    );
    // administrators can change roles; a viewer cannot change anything
    ada.post("/settings/people/elif", &[("do", "viewer")])
        .await
        .status(303);
    world
        .elif
        .api(
            Method::POST,
            "/teams/infrastructure/tasks",
            json!({ "title": "x" }),
        )
        .await
        .status(403);
    let board = world.elif.get("/teams/infrastructure").await.ok().text();
    // the stylesheet hides the edit controls without this attribute
    assert!(!board.contains("data-editable"), "{board}");
    ada.post("/settings/people/elif", &[("do", "owner")])
        .await
        .status(422);
    ada.post("/settings/people/unknown", &[("do", "admin")])
        .await
        .status(404);
    ada.post("/settings/people/%00", &[("do", "admin")])
        .await
        .status(404);
}

#[tokio::test]
async fn last_member_of_a_private_team_cannot_leave() {
    let world = World::new().await;
    let elif = &world.elif;
    let ada = create_account(&world, "ada", "admin").await.0;
    let session = fortnight::domain::auth::sessions::start(&world.db, NOW, ada.person.id, "test")
        .await
        .unwrap();
    let ada = Client {
        cookie: format!("session={session}"),
        ..ada
    };
    sqlx::query("UPDATE members SET role = 'lead'")
        .execute(&world.db)
        .await
        .unwrap();
    elif.post("/teams/infrastructure/visibility", &[("private", "1")])
        .await
        .status(303);
    let removal = [("handle", "elif"), ("role", "none")];
    let why = elif
        .post("/teams/infrastructure/members", &removal)
        .await
        .status(422)
        .text();
    assert!(why.contains("A private team needs a lead"), "{why}");
    // the account cannot be deleted either, because the team would lose its last member
    ada.post("/settings/people/elif", &[("do", "deactivate")])
        .await
        .status(303);
    ada.post("/settings/people/elif", &[("do", "delete")])
        .await
        .status(422);
    ada.post("/settings/people/elif", &[("do", "reactivate")])
        .await
        .status(303);
    let members: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM members m JOIN teams t ON t.id = m.team_id WHERE t.private",
    )
    .fetch_one(&world.db)
    .await
    .unwrap();
    assert_eq!(members, 1);
}

#[tokio::test]
async fn theme_is_kept_per_browser() {
    let world = World::new().await;
    let theme = async |cookie: &str| {
        let mut elif = world.elif.clone();
        elif.cookie = format!("{}; {}", elif.cookie, cookie.split(';').next().unwrap());
        let page = elif.get("/").await.ok().text();
        let html = page.split("<html").nth(1).unwrap();
        let attributes = html.split('>').next().unwrap();
        attributes.replace(" data-me=\"elif\"", "")
    };
    assert_eq!(theme("").await, " lang=\"en\"");
    for chosen in ["dark", "light"] {
        let response = world
            .elif
            .post("/me/theme", &[("theme", chosen), ("back", "/teams")])
            .await
            .status(303);
        assert_eq!(
            response.header("location"),
            "/teams",
            "redirects to the page where it was chosen"
        );
        let html = theme(response.header("set-cookie")).await;
        assert_eq!(html, format!(" lang=\"en\" data-theme=\"{chosen}\""));
    }
    let response = world
        .elif
        .post("/me/theme", &[("theme", "system"), ("back", "/")])
        .await
        .status(303);
    assert_eq!(
        theme(response.header("set-cookie")).await,
        " lang=\"en\"",
        "follows the system again"
    );
}

#[tokio::test]
async fn existing_account_joins_a_team_by_invitation() {
    let world = World::new().await;
    let (ada, ..) = create_account(&world, "ada", "admin").await;
    let (path, nowhere) = (
        invite(&ada, &[("team", "infrastructure")]).await,
        invite(&ada, &[]).await,
    );
    let page = world.jonas.get(&path).await.ok().text();
    assert!(
        page.contains("Join as Jonas") && !page.contains("password"),
        "{page}"
    );
    // only administrators are offered the admin scope
    for (client, offered) in [(&ada, true), (&world.jonas, false)] {
        assert_eq!(
            client
                .get("/me")
                .await
                .ok()
                .text()
                .contains(">admin</option>"),
            offered
        );
    }
    // an existing member does not use up the invitation
    let refused = world.elif.post(&path, &[]).await.status(409).text();
    assert!(
        refused.contains("You are already on this team."),
        "{refused}"
    );
    world.stranger().get(&path).await.status(200);
    world.jonas.post(&path, &[]).await.status(303);
    world
        .jonas
        .create_task("infrastructure", "todo", "My first here")
        .await;
    world.stranger().get(&path).await.status(410);
    world.jonas.post(&nowhere, &[]).await.status(404);
    world.stranger().get(&nowhere).await.status(200);
}

/// Case 35. An old cookie must not stay valid.
#[tokio::test]
async fn signing_in_ends_the_browsers_previous_session() {
    let world = World::new().await;
    let (before, email, password) = create_account(&world, "ada", "member").await;
    before.get("/me").await.ok();
    let after = sign_in(&before, &email, &password).await;
    after.get("/me").await.ok();
    before.get("/me").await.status(303);
}
