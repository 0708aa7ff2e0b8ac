//! Second factors: setting one up, entering codes at sign-in, and workspaces that require one.

use axum::{
    body::Body,
    http::{Method, Request, header},
};
use fortnight::domain::policy::viewer::Scope;
use serde_json::json;
use time::{Duration, OffsetDateTime};
use totp_rs::{Builder, Secret};

use crate::{
    asset_serving::Served,
    fixtures::{Client, NOW, Response, World},
    people::{PASSWORD, create_account, expect_end, read_link, strip_origin},
    program::Place,
};

/// The code that an app shows at a moment, for a key as the page shows it.
pub fn code(key: &str, at: OffsetDateTime) -> String {
    let secret = Secret::try_from_base32(key.replace(' ', "")).unwrap();
    let totp = Builder::new().with_secret(secret).build().unwrap();
    totp.generate(at.unix_timestamp() as u64).to_string()
}

/// Another code than those that are right at about that moment.
fn wrong_code(key: &str, at: OffsetDateTime) -> String {
    let right: Vec<String> = (-2..=2)
        .map(|steps| code(key, at + Duration::seconds(30 * steps)))
        .collect();
    let mut codes = (0..).map(|code| format!("{code:06}"));
    codes.find(|code| !right.contains(code)).unwrap()
}

/// The value of a cookie that a response sets, as a request sends it.
pub fn cookie(response: &Response, name: &str) -> Option<String> {
    let cookies = response.headers.get_all(header::SET_COOKIE).iter();
    let mut cookies = cookies.map(|cookie| cookie.to_str().unwrap());
    let cookie = cookies.find(|cookie| cookie.starts_with(&format!("{name}=")))?;
    Some(cookie.split(';').next().unwrap().to_owned())
}

fn with_cookie(client: &Client, cookie: Option<String>) -> Client {
    Client {
        cookie: cookie.expect("the cookie is set"),
        ..client.clone()
    }
}

/// A person with an authenticator app.
pub struct Person {
    pub client: Client,
    pub email: String,
    pub key: String,
    pub recovery_codes: Vec<String>,
}

/// Sets up an app for a person. Half a minute passes, so that the next code is a new one.
pub async fn set_up(world: &World, client: &Client, email: &str) -> Person {
    client
        .post("/me/second-factor/setup", &[])
        .await
        .status(303);
    let page = client.get("/me/second-factor").await.status(200).text();
    let key = read_key(&page);
    let first = code(&key, world.app.clock.now());
    let fields = [("old", PASSWORD), ("code", &first)];
    let page = client.post("/me/second-factor", &fields).await.status(200);
    world.app.clock.advance(Duration::seconds(30));
    Person {
        client: client.clone(),
        email: email.to_owned(),
        key,
        recovery_codes: read_recovery_codes(&page.text()),
    }
}

fn read_key(page: &str) -> String {
    let key = page.split("class=\"secret\">").nth(1).unwrap();
    key.split('<').next().unwrap().to_owned()
}

/// Reads the QR code of a page, as the camera of a phone does.
fn scan(page: &str) -> String {
    let svg = page.split("class=\"qr-code\"").nth(1).unwrap();
    let attribute = |name: &str| {
        let value = svg.split(&format!("{name}=\"")).nth(1).unwrap();
        value.split('"').next().unwrap().to_owned()
    };
    let side: usize = attribute("viewBox")
        .split(' ')
        .nth(3)
        .unwrap()
        .parse()
        .unwrap();
    let path = attribute(" d");
    let squares = path.split('M').skip(1).map(|square| {
        let (x, y) = square
            .strip_suffix("h1v1h-1z")
            .unwrap()
            .split_once(' ')
            .unwrap();
        (x.parse().unwrap(), y.parse().unwrap())
    });
    let dark: std::collections::BTreeSet<(usize, usize)> = squares.collect();
    let scale = 6;
    let mut picture =
        rqrr::PreparedImage::prepare_from_greyscale(side * scale, side * scale, |x, y| match dark
            .contains(&(x / scale, y / scale))
        {
            true => 0,
            false => 255,
        });
    let codes = picture.detect_grids();
    assert_eq!(codes.len(), 1);
    codes[0].decode().unwrap().1
}

fn read_recovery_codes(page: &str) -> Vec<String> {
    let codes = page.split("aria-label=\"Recovery codes\">").nth(1).unwrap();
    let codes = codes.split("</textarea>").next().unwrap();
    codes.split_whitespace().map(str::to_owned).collect()
}

impl Person {
    async fn new(world: &World, handle: &str, role: &str) -> Self {
        let (client, email, _) = create_account(world, handle, role).await;
        set_up(world, &client, &email).await
    }

    fn code(&self, world: &World) -> String {
        code(&self.key, world.app.clock.now())
    }

    /// Enters the password; returns a browser that is asked for a code.
    async fn enter_password(&self, next: &str) -> Client {
        let fields = [
            ("email", self.email.as_str()),
            ("password", PASSWORD),
            ("next", next),
        ];
        let browser = Client {
            cookie: String::new(),
            ..self.client.clone()
        };
        let asked = browser.post("/login", &fields).await.status(303);
        assert_eq!(asked.header("location"), "/login/code");
        assert_eq!(cookie(&asked, "session"), None);
        with_cookie(&browser, cookie(&asked, "sign-in"))
    }
}

async fn enter(browser: &Client, code: &str) -> Response {
    browser.post("/login/code", &[("code", code)]).await
}

async fn audit(world: &World, kind: &str) -> Vec<String> {
    sqlx::query_scalar("SELECT about FROM audit_log WHERE kind = $1 ORDER BY at, id")
        .bind(kind)
        .fetch_all(&world.db)
        .await
        .unwrap()
}

/// Case 36. Neither the secret nor a hash is shown again, by a page or the API.
#[tokio::test]
async fn app_is_set_up_and_its_codes_are_asked_for() {
    let world = World::new().await;
    let (ada, email, _) = create_account(&world, "ada", "admin").await;
    let elsewhere = ada
        .post("/login", &[("email", &email), ("password", PASSWORD)])
        .await;
    let ada = with_cookie(&ada, cookie(&elsewhere, "session"));
    let me = ada.get("/me").await.status(200).text();
    assert!(me.contains("Set up second factor"), "{me}");
    let off = ada.get("/me/second-factor").await.status(200).text();
    assert!(off.contains("Set up authenticator app") && !off.contains("class=\"secret\""));
    ada.post("/me/second-factor/setup", &[]).await.status(303);
    let page = ada.get("/me/second-factor").await.status(200).text();
    let key = read_key(&page);
    assert_eq!(key.replace(' ', "").len(), 32, "160 bits: {key}");
    let link = format!("secret={}", key.replace(' ', ""));
    assert!(page.contains("otpauth://totp/Fortnight:ada%40example.org?") && page.contains(&link));
    assert!(!page.contains("data:image"));
    let link = page.split("href=\"otpauth://").nth(1).unwrap();
    let link = link
        .split('"')
        .next()
        .unwrap()
        .replace("&amp;", "&")
        .replace("&#38;", "&");
    assert_eq!(scan(&page), format!("otpauth://{link}"));
    // what was entered wrongly changes nothing
    let (wrong, right) = (wrong_code(&key, NOW), code(&key, NOW));
    for (password, code, message) in [
        (PASSWORD, wrong.as_str(), "This code is wrong"),
        ("not it at all", right.as_str(), "Wrong current password"),
    ] {
        let fields = [("old", password), ("code", code)];
        let refused = ada.post("/me/second-factor", &fields).await.status(422);
        let page = refused.text();
        assert!(page.contains(message) && page.contains(&key), "{page}");
    }
    assert_eq!(audit(&world, "second-factor.failed").await, ["wrong code"]);
    let other = create_session(&world, &ada).await;
    let fields = [("old", PASSWORD), ("code", right.as_str())];
    let codes = ada.post("/me/second-factor", &fields).await.status(200);
    let codes = read_recovery_codes(&codes.text());
    assert_eq!(codes.len(), 10);
    other.get("/me").await.status(303);
    let me = ada.get("/me").await.status(200).text();
    assert!(me.contains("Manage second factor"), "{me}");
    let on = ada.get("/me/second-factor").await.status(200).text();
    assert!(on.contains("10 recovery codes are left"), "{on}");
    let people = ada.get("/settings/people").await.ok().text();
    let api = ada.api(Method::GET, "/teams", json!({})).await.ok().text();
    let log = ada.get("/settings/audit.csv").await.ok().text();
    for shown in [me, on, people, api, log] {
        for secret in [&key, &key.replace(' ', ""), &codes[0]] {
            assert!(!shown.contains(secret), "{shown}");
        }
    }
    let stored: Vec<Vec<u8>> = sqlx::query_scalar("SELECT code_hash FROM recovery_codes")
        .fetch_all(&world.db)
        .await
        .unwrap();
    assert!(stored.iter().all(|hash| hash.len() == 32));
    // from now on the password alone does not sign in
    ada.post("/logout", &[]).await.status(303);
    let fields = [
        ("email", email.as_str()),
        ("password", PASSWORD),
        ("next", "/standup"),
    ];
    let asked = world.stranger().post("/login", &fields).await.status(303);
    assert_eq!(asked.header("location"), "/login/code");
    assert_eq!(cookie(&asked, "session"), None);
    let browser = with_cookie(&ada, cookie(&asked, "sign-in"));
    browser.get("/").await.status(303);
    browser.get("/login/code").await.status(200);
    world.stranger().get("/login/code").await.status(303);
    enter(&browser, &right).await.status(401); // it was used to set it up
    world.app.clock.advance(Duration::seconds(30));
    let signed_in = enter(&browser, &code(&key, world.app.clock.now())).await;
    let signed_in = signed_in.status(303);
    assert_eq!(signed_in.header("location"), "/standup");
    assert_eq!(cookie(&signed_in, "sign-in").as_deref(), Some("sign-in="));
    let ada = with_cookie(&ada, cookie(&signed_in, "session"));
    ada.get("/standup").await.status(200);
    // for one sign-in only
    browser.get("/login/code").await.status(303);
    let by = audit(&world, "sign-in.succeeded").await;
    assert_eq!(by.last().unwrap(), "by password, and a code");
    // off again, with a code
    world.app.clock.advance(Duration::seconds(30));
    let fields = [("old", PASSWORD), ("code", wrong.as_str())];
    ada.post("/me/second-factor/off", &fields).await.status(422);
    let right = code(&key, world.app.clock.now());
    let fields = [("old", PASSWORD), ("code", right.as_str())];
    ada.post("/me/second-factor/off", &fields).await.status(303);
    let fields = [("email", email.as_str()), ("password", PASSWORD)];
    let plain = world.stranger().post("/login", &fields).await;
    assert!(cookie(&plain, "session").is_some());
    assert_eq!(audit(&world, "second-factor.disabled").await.len(), 1);
}

#[tokio::test]
async fn key_that_was_shown_long_ago_is_not_switched_on() {
    let world = World::new().await;
    let (ada, ..) = create_account(&world, "ada", "member").await;
    ada.post("/me/second-factor/setup", &[]).await.status(303);
    let key = read_key(&ada.get("/me/second-factor").await.ok().text());
    world.app.clock.advance(Duration::hours(1));
    let page = ada.get("/me/second-factor").await.ok().text();
    assert!(page.contains("Set up authenticator app"), "{page}");
    let late = code(&key, world.app.clock.now());
    let fields = [("old", PASSWORD), ("code", late.as_str())];
    ada.post("/me/second-factor", &fields).await.status(422);
    ada.post("/me/second-factor/setup", &[]).await.status(303);
    let page = ada.get("/me/second-factor").await.ok().text();
    let new = read_key(&page);
    assert_ne!(new, key);
    let first = code(&new, world.app.clock.now());
    let fields = [("old", PASSWORD), ("code", first.as_str())];
    ada.post("/me/second-factor", &fields).await.status(200);
}

/// Another browser of the same person.
async fn create_session(world: &World, client: &Client) -> Client {
    let now = world.app.clock.now();
    let session =
        fortnight::domain::auth::sessions::start(&world.db, now, client.person.id, "test").await;
    Client {
        cookie: format!("session={}", session.unwrap()),
        ..client.clone()
    }
}

/// Case 37.
#[tokio::test]
async fn code_is_accepted_once_even_at_the_same_moment() {
    let world = World::new().await;
    let ada = Person::new(&world, "ada", "member").await;
    for entered in [ada.code(&world), ada.recovery_codes[3].clone()] {
        let browsers = [ada.enter_password("/").await, ada.enter_password("/").await];
        let (a, b) = tokio::join!(enter(&browsers[0], &entered), enter(&browsers[1], &entered));
        let mut statuses = [a, b].map(|response| response.status.as_u16());
        statuses.sort_unstable();
        assert_eq!(statuses, [303, 401], "{entered}");
        for browser in &browsers {
            enter(browser, &entered).await.status(401);
        }
    }
    // the code of the half minute before is right, but older than the one that was used
    world.app.clock.advance(Duration::seconds(30));
    let newer = ada.code(&world);
    let browser = ada.enter_password("/").await;
    world.app.clock.advance(Duration::seconds(30));
    let newest = ada.code(&world);
    enter(&browser, &newest).await.status(303);
    let browser = ada.enter_password("/").await;
    enter(&browser, &newer).await.status(401);
}

#[tokio::test]
async fn recovery_codes_work_once_and_can_be_replaced() {
    let world = World::new().await;
    let ada = Person::new(&world, "ada", "member").await;
    let typed = ada.recovery_codes[0].to_uppercase().replace('-', " ");
    let browser = ada.enter_password("/").await;
    let signed_in = enter(&browser, &typed).await.status(303);
    let client = with_cookie(&browser, cookie(&signed_in, "session"));
    let by = audit(&world, "sign-in.succeeded").await;
    assert_eq!(by.last().unwrap(), "by password, and a recovery code");
    let page = client.get("/me/second-factor").await.ok().text();
    assert!(page.contains("9 recovery codes are left"), "{page}");
    let fields = [("old", PASSWORD), ("code", &ada.code(&world))];
    let page = client.post("/me/second-factor/codes", &fields).await;
    let new = read_recovery_codes(&page.status(200).text());
    let browser = ada.enter_password("/").await;
    enter(&browser, &ada.recovery_codes[1]).await.status(401);
    enter(&browser, &new[1]).await.status(303);
}

#[tokio::test]
async fn unfinished_sign_in_ends_in_time_and_after_five_codes() {
    let world = World::new().await;
    let ada = Person::new(&world, "ada", "member").await;
    // ten minutes
    let browser = ada.enter_password("/standup").await;
    world.app.clock.advance(Duration::minutes(10));
    browser.get("/login/code").await.status(303);
    let late = enter(&browser, &ada.code(&world)).await.status(401).text();
    assert!(late.contains("Sign in again."), "{late}");
    // another browser does not know it
    let browser = ada.enter_password("/").await;
    let stranger = world.stranger();
    enter(&stranger, &ada.code(&world)).await.status(401);
    // five wrong codes: the page that is wanted is not forgotten
    let wrong = wrong_code(&ada.key, world.app.clock.now());
    for _ in 0..4 {
        let again = enter(&browser, &wrong).await.status(401).text();
        assert!(again.contains("This code is wrong"), "{again}");
    }
    enter(&browser, &wrong).await.status(401);
    let refused = enter(&browser, &ada.code(&world)).await.status(401);
    assert!(refused.text().contains("Sign in again"));
    assert_eq!(audit(&world, "second-factor.failed").await.len(), 5);
    // a new password ends what the former one began
    let browser = ada.enter_password("/").await;
    let fields = [("old", PASSWORD), ("password", "another long one")];
    ada.client.post("/me/password", &fields).await.status(303);
    enter(&browser, &ada.code(&world)).await.status(401);
    let left: i64 = sqlx::query_scalar("SELECT count(*) FROM pending_sign_ins")
        .fetch_one(&world.db)
        .await
        .unwrap();
    world.app.clock.advance(Duration::minutes(11));
    let now = world.app.clock.now();
    fortnight::domain::retention::purge_expired(&world.db, now)
        .await
        .unwrap();
    let later: i64 = sqlx::query_scalar("SELECT count(*) FROM pending_sign_ins")
        .fetch_one(&world.db)
        .await
        .unwrap();
    assert_eq!((left, later), (0, 0));
}

/// Case 29. The limit is the account's, whatever network and however many sign-ins the codes come from.
#[tokio::test]
async fn codes_of_an_account_are_limited() {
    let world = World::new().await;
    let ada = Person::new(&world, "ada", "member").await;
    let berta = Person::new(&world, "berta", "member").await;
    let wrong = wrong_code(&ada.key, world.app.clock.now());
    let mut statuses = Vec::new();
    for _ in 0..3 {
        let browser = ada.enter_password("/").await;
        for _ in 0..4 {
            statuses.push(enter(&browser, &wrong).await.status.as_u16());
        }
    }
    // switching it on was the first
    let (tried, refused) = statuses.split_at(9);
    assert!(tried.iter().all(|status| *status == 401), "{statuses:?}");
    assert!(refused.iter().all(|status| *status == 429), "{statuses:?}");
    assert_eq!(audit(&world, "sign-in.rate-limited").await.len(), 1);
    let browser = berta.enter_password("/").await;
    enter(&browser, &berta.code(&world)).await.status(303);
}

/// Reading a person's mail, or being an administrator, is not enough to get past the code by a new password.
#[tokio::test]
async fn no_link_leads_past_the_code() {
    let world = World::new().await;
    let ada = Person::new(&world, "ada", "member").await;
    let (admin, ..) = create_account(&world, "root", "admin").await;
    let created = admin
        .post("/settings/people/ada", &[("do", "link")])
        .await
        .status(200);
    let link = strip_origin(&read_link(&created.text()));
    let stranger = world.stranger();
    let fields = [("password", "a new long password")];
    let reset = stranger.post(&link, &fields).await.status(303);
    assert_eq!(reset.header("location"), "/login/code");
    assert_eq!(cookie(&reset, "session"), None);
    let browser = with_cookie(&stranger, cookie(&reset, "sign-in"));
    browser.get("/me").await.status(303);
    let signed_in = enter(&browser, &ada.code(&world)).await.status(303);
    assert!(cookie(&signed_in, "session").is_some());
    // the demo's links
    sqlx::query(
        "INSERT INTO one_time_links (token_hash, purpose, account_id, created_at, expires_at)
         SELECT sha256('enter'), 'sign-in', id, $1, $1 + interval '1 day' FROM accounts WHERE handle = 'ada'",
    )
    .bind(world.app.clock.now())
    .execute(&world.db)
    .await
    .unwrap();
    let entered = stranger.get("/enter/enter").await.status(303);
    assert_eq!(entered.header("location"), "/login/code");
    assert_eq!(cookie(&entered, "session"), None);
}

#[tokio::test]
async fn workspace_that_requires_it_lets_nobody_do_anything_before() {
    let world = World::new().await;
    let (ada, email, _) = create_account(&world, "ada", "admin").await;
    let require = [("required", "1"), ("exempt", "1")];
    world
        .jonas
        .post("/settings/security", &require)
        .await
        .status(403);
    let refused = ada.post("/settings/security", &require).await.status(422);
    assert!(
        refused
            .text()
            .contains("Set up your own second factor first")
    );
    world.jonas.get("/").await.status(200);
    let task = world.jonas.create_task("ingestion", "todo", "Before").await;
    let task = format!("/tasks/{task}");
    let ada = set_up(&world, &ada, &email).await.client;
    ada.post("/settings/security", &require).await.status(303);
    let page = ada.get("/settings/security").await.ok().text();
    assert!(page.contains("1 of 3 people have one"), "{page}");
    assert_eq!(
        audit(&world, "settings.changed").await,
        ["second factor required, except for single sign-on"]
    );
    // sessions that are open already
    let (berta, email, _) = create_account(&world, "berta", "member").await;
    for person in [&world.jonas, &berta] {
        for path in ["/teams/ingestion", "/me", &task, "/inbox", "/join/s3cret"] {
            let left = person.get(path).await;
            let to: String = form_urlencoded::byte_serialize(path.as_bytes()).collect();
            let expected = format!("/me/second-factor?next={to}");
            assert_eq!(left.status(303).header("location"), expected);
        }
        let refused = person.api(Method::GET, "/teams", json!({})).await;
        assert_eq!(refused.header("content-type"), "application/problem+json");
        let refused = refused.status(403).json();
        assert_eq!(refused["title"], "Second factor required");
        let new = json!({ "title": "Not yet", "column": "todo" });
        let path = "/teams/ingestion/tasks";
        person.api(Method::POST, path, new).await.status(403);
        let moved = [("column", "done")];
        let path = format!("{task}/position");
        person.post(&path, &moved).await.status(403);
        person.post("/me", &[("name", "Other")]).await.status(403);
        person
            .post("/me/tokens", &[("name", "x")])
            .await
            .status(403);
        let fields = [("old", PASSWORD), ("password", "another long one")];
        person.post("/me/password", &fields).await.status(403);
    }
    let stream = Request::get("/teams/ingestion/live?after=1")
        .header(header::ACCEPT, "text/event-stream")
        .body(Body::empty());
    world.jonas.send(stream.unwrap()).await.status(403);
    // programs keep working, and so does who signed in through the provider
    let program = world.program_of(&world.jonas, Scope::Write).await;
    program.create_task("ingestion", "todo", "Nightly").await;
    let by_provider = create_session(&world, &world.elif).await;
    sqlx::query("UPDATE sessions SET is_by_provider = true WHERE account_id = $1")
        .bind(world.elif.person.id)
        .execute(&world.db)
        .await
        .unwrap();
    by_provider.get("/").await.status(200);
    // setting it up is all there is to do
    let page = berta.get("/me/second-factor?next=%2Finbox").await.ok();
    let page = page.text();
    assert!(
        page.contains("Your workspace requires a second factor") && !page.contains("Ingestion"),
        "{page}"
    );
    set_up(&world, &berta, &email).await;
    berta.get("/inbox").await.status(200);
    world.jonas.post("/logout", &[]).await.status(303);
    // without the exemption the provider's people need one too
    ada.post("/settings/security", &[("required", "1")])
        .await
        .status(303);
    by_provider.get("/").await.status(303);
    // who can set it up without a password, because their account has none
    sqlx::query("INSERT INTO account_identities (issuer, subject, account_id, created_at) VALUES ('https://id.example', 'elif', $1, now())")
        .bind(world.elif.person.id)
        .execute(&world.db)
        .await
        .unwrap();
    set_up(&world, &by_provider, "elif@example.org").await;
    by_provider.get("/").await.status(200);
    ada.post("/settings/security", &[]).await.status(303);
    by_provider.get("/").await.status(200);
}

/// Case 24.
#[tokio::test]
async fn deactivated_person_cannot_finish_a_sign_in() {
    let world = World::new().await;
    let berta = Person::new(&world, "berta", "member").await;
    let (admin, ..) = create_account(&world, "root", "admin").await;
    let waiting = berta.enter_password("/").await;
    let change = async |what: &str| {
        admin
            .post("/settings/people/berta", &[("do", what)])
            .await
            .status(303);
    };
    change("deactivate").await;
    enter(&waiting, &berta.code(&world)).await.status(401);
    change("reactivate").await;
    enter(&waiting, &berta.code(&world)).await.status(401);
    // the second factor stays, and is deleted with the account
    let waiting = berta.enter_password("/").await;
    enter(&waiting, &berta.code(&world)).await.status(303);
    change("deactivate").await;
    change("delete").await;
    let left: i64 = sqlx::query_scalar(
        "SELECT (SELECT count(*) FROM second_factors) + (SELECT count(*) FROM recovery_codes)
              + (SELECT count(*) FROM known_devices d JOIN accounts a ON a.id = d.account_id WHERE a.handle <> 'root')",
    )
    .fetch_one(&world.db)
    .await
    .unwrap();
    assert_eq!(left, 0);
}

/// Case 19.
#[tokio::test]
async fn open_streams_end_when_a_second_factor_is_required() {
    let world = World::new().await;
    let served = Served::of(&world).await;
    let mut stream = served.listen(&world.jonas, "ingestion", None).await;
    let mut token = served
        .listen(
            &world.program_of(&world.jonas, Scope::Read).await,
            "ingestion",
            None,
        )
        .await;
    sqlx::query("UPDATE workspace SET second_factor_required = true")
        .execute(&world.db)
        .await
        .unwrap();
    expect_end(&mut stream).await;
    let program = world.program_of(&world.jonas, Scope::Write).await;
    program.create_task("ingestion", "todo", "Nightly").await;
    token.next_named("card").await;
}

#[tokio::test]
async fn administrator_resets_it_for_others_only() {
    let world = World::new().await;
    let berta = Person::new(&world, "berta", "member").await;
    let admin = Person::new(&world, "root", "admin").await;
    let reset = [("do", "reset-second-factor")];
    let jonas = &world.jonas;
    jonas
        .post("/settings/people/berta", &reset)
        .await
        .status(403);
    let program = world.program_of(&admin.client, Scope::Admin).await;
    program
        .post("/settings/people/berta", &reset)
        .await
        .status(403);
    let own = admin.client.post("/settings/people/root", &reset).await;
    assert!(own.status(422).text().contains("with a code"));
    let none = admin.client.post("/settings/people/jonas", &reset).await;
    none.status(409);
    let people = admin.client.get("/settings/people").await.ok().text();
    assert_eq!(people.matches("Reset second factor").count(), 2);
    let waiting = berta.enter_password("/").await;
    let done = admin.client.post("/settings/people/berta", &reset).await;
    done.status(303);
    berta.client.get("/me").await.status(303);
    enter(&waiting, &berta.code(&world)).await.status(401);
    let fields = [("email", berta.email.as_str()), ("password", PASSWORD)];
    let plain = world.stranger().post("/login", &fields).await;
    assert!(cookie(&plain, "session").is_some());
    assert_eq!(audit(&world, "second-factor.reset").await, ["of @berta"]);
    // no mail: it is not set up
    let mails: i64 = sqlx::query_scalar("SELECT count(*) FROM outbox")
        .fetch_one(&world.db)
        .await
        .unwrap();
    assert_eq!(mails, 0);
}

#[tokio::test]
async fn sessions_are_listed_with_browser_and_network() {
    let world = World::new().await;
    let (_, email, _) = create_account(&world, "ada", "member").await;
    let agents = [
        "Mozilla/5.0 (X11; Linux x86_64; rv:148.0) Gecko/20100101 Firefox/148.0",
        "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 Version/18.1 Safari/604.1",
    ];
    let mut browsers = Vec::new();
    for (place, agent) in agents.into_iter().enumerate() {
        let body = form_urlencoded::Serializer::new(String::new())
            .extend_pairs([("email", email.as_str()), ("password", PASSWORD)])
            .finish();
        let request = Request::post("/login")
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header(header::USER_AGENT, agent)
            .extension(axum::extract::ConnectInfo(std::net::SocketAddr::from((
                [192, 0, 2, place as u8 + 1],
                4000,
            ))));
        let request = request.body(Body::from(body)).unwrap();
        let signed_in = world.stranger().send(request).await.status(303);
        browsers.push(with_cookie(
            &world.stranger(),
            cookie(&signed_in, "session"),
        ));
        world.app.clock.advance(Duration::hours(1));
    }
    let page = browsers[0].get("/me").await.ok().text();
    for shown in [
        "Firefox on Linux",
        "signed in Tue 24 Nov 10:00 from 192.0.2.1",
        "Safari on iPhone",
        "signed in Tue 24 Nov 11:00 from 192.0.2.2",
        "this browser",
    ] {
        assert!(page.contains(shown), "{shown} is not in {page}");
    }
    let out = browsers[0].post("/me/sessions", &[("others", "all")]).await;
    assert_eq!(out.status(303).header("location"), "/login");
    for browser in &browsers {
        browser.get("/me").await.status(303);
    }
}

#[tokio::test]
async fn command_line_removes_a_second_factor() {
    let place = Place::new();
    let add = ["user", "add", "ada@example.org", "--name", "Ada"];
    place.run_with_input(PASSWORD, &add).await;
    let _server = place.serve().await;
    let mut db = place.sql().await;
    sqlx::query(
        "INSERT INTO second_factors (account_id, secret, created_at, enabled_at)
         SELECT id, decode(repeat('ab', 20), 'hex'), now(), now() FROM accounts",
    )
    .execute(&mut db)
    .await
    .unwrap();
    let reset = ["user", "reset-second-factor", "Ada@example.org"];
    let said = place.said(&reset).await;
    assert!(
        said.contains("Removed the second factor of @ada."),
        "{said}"
    );
    let refused = place.refused(&reset).await;
    assert!(
        refused.contains("no account with Ada@example.org"),
        "{refused}"
    );
    let log: Vec<String> =
        sqlx::query_scalar("SELECT about FROM audit_log WHERE kind = 'second-factor.reset'")
            .fetch_all(&mut db)
            .await
            .unwrap();
    assert_eq!(log, ["of @ada, on the command line"]);
}
