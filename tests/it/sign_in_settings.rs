//! Settings → Sign-in: the provider, test sign-in, groups, passwords off, sign-out at the provider, and a proxy that
//! signs people in.

use std::net::SocketAddr;

use axum::{
    body::Body,
    extract::ConnectInfo,
    http::{Request, header},
};
use fortnight::{
    app::{App, Settings},
    domain::clock::Clock,
    http::router::router,
};
use serde_json::{Value, json};
use time::Duration;

use crate::{
    asset_serving::Served,
    fixtures::{Client, NOW, Response, World},
    openid::{Provider, Setup, come_back, session, sign_logout},
    people::{PASSWORD, create_account},
    program::Place,
};

/// A workspace without flags for a provider, and its administrator.
async fn without_flags() -> (Setup, Client) {
    let setup = Setup::of(Provider::start().await, None).await;
    let admin = administrator(&setup).await;
    (setup, admin)
}

async fn administrator(setup: &Setup) -> Client {
    sqlx::query("UPDATE accounts SET role = 'admin' WHERE handle = 'elif'")
        .execute(&setup.world.db)
        .await
        .unwrap();
    Client {
        router: setup.browser.router.clone(),
        ..setup.world.elif.clone()
    }
}

async fn save_provider(admin: &Client, issuer: &str, secret: &str) -> Response {
    let fields = [
        ("issuer", issuer),
        ("client_id", "fortnight"),
        ("client_secret", secret),
        ("provider_name", "Example ID"),
        ("domains", "example.org"),
    ];
    admin.post("/settings/sign-in", &fields).await
}

async fn add_rule(admin: &Client, group: &str, gives: &str) -> Response {
    let fields = [("group", group), ("gives", gives)];
    admin.post("/settings/sign-in/rules", &fields).await
}

/// The administrator tries a sign-in as someone with these claims.
async fn try_as(setup: &Setup, admin: &Client, email: &str, more: Value) -> String {
    let (browser, asked) = setup.leave_by(admin, "/settings/sign-in/test").await;
    *setup.provider.more.lock().unwrap() = more;
    let code = setup.agree(&asked, "90", email);
    let tried = come_back(&browser, &code, &asked["state"]).await.ok();
    assert_eq!(session(&tried), None, "a test starts no session");
    tried.text()
}

async fn audited(world: &World, kind: &str) -> Vec<String> {
    sqlx::query_scalar("SELECT about FROM audit_log WHERE kind = $1 ORDER BY at, id")
        .bind(kind)
        .fetch_all(&world.db)
        .await
        .unwrap()
}

#[tokio::test]
async fn administrator_sets_the_provider_on_a_page() {
    let (setup, admin) = without_flags().await;
    let login = setup.browser.get("/login").await.ok().text();
    assert!(!login.contains("/login/openid"), "{login}");
    setup.browser.get("/login/openid").await.status(404);

    let refused = save_provider(&admin, "ftp://id.example.org", "s3cret").await;
    let text = refused.status(422).text();
    assert!(
        text.contains("it must start with https:// or http://")
            && text.contains("value=\"ftp://id.example.org\"")
            && !text.contains("s3cret"),
        "{text}"
    );
    save_provider(&admin, &setup.provider.url, "s3cret")
        .await
        .status(303);
    let page = admin.get("/settings/sign-in").await.ok().text();
    for shown in [
        "http://fortnight.test/login/openid/callback",
        "http://fortnight.test/login/openid/logout",
        "One is stored.",
        &format!("{} answers.", setup.provider.url),
    ] {
        assert!(page.contains(shown), "{shown}: {page}");
    }
    // case 45
    assert!(!page.contains("s3cret"), "{page}");
    let outgoing = admin.get("/settings/outgoing").await.ok().text();
    assert!(outgoing.contains(&setup.provider.url), "{outgoing}");

    let nadia = setup.signed_in("17", "nadia@example.org").await;
    nadia.get("/me").await.ok();
    setup
        .sign_in("18", "eve@evil.example", "/")
        .await
        .status(403);
    // another provider does not get this one's secret
    save_provider(&admin, "https://other.example", "")
        .await
        .status(303);
    let secret: Option<String> = sqlx::query_scalar("SELECT client_secret FROM sign_in_settings")
        .fetch_one(&setup.world.db)
        .await
        .unwrap();
    assert_eq!(secret, None);
    assert_eq!(
        audited(&setup.world, "sign-in.provider-changed").await,
        [
            format!("{}, for example.org", setup.provider.url),
            "https://other.example, for example.org".to_owned(),
        ]
    );
}

#[tokio::test]
async fn doctor_reads_the_provider_of_the_settings() {
    let provider = Provider::start().await;
    let place = Place::new();
    let _server = place.serve().await;
    let mut sql = place.sql().await;
    sqlx::query("UPDATE sign_in_settings SET issuer = $1, client_id = 'fortnight'")
        .bind(&provider.url)
        .execute(&mut sql)
        .await
        .unwrap();
    let args = ["--outgoing-allow", "127.0.0.2", "doctor"];
    let doctor = String::from_utf8(place.run(&args).await.stdout).unwrap();
    let good = format!("Sign-in: {} answers", provider.url);
    assert!(doctor.contains(&good), "{doctor}");
}

#[tokio::test]
async fn flags_win_over_the_page() {
    let setup = Setup::new(&["example.org"]).await;
    let admin = administrator(&setup).await;
    let page = admin.get("/settings/sign-in").await.ok().text();
    assert!(
        page.contains("Set by <code>--oidc-issuer</code>") && page.contains(&setup.provider.url),
        "{page}"
    );
    let refused = save_provider(&admin, "https://other.example", "s").await;
    let text = refused.status(409).text();
    assert!(text.contains("--oidc-issuer"), "{text}");
}

#[tokio::test]
async fn test_sign_in_explains_what_would_happen_and_changes_nothing() {
    let (setup, admin) = without_flags().await;
    save_provider(&admin, &setup.provider.url, "secret").await;
    add_rule(&admin, "platform", "team:infrastructure")
        .await
        .status(303);
    add_rule(&admin, "platform", "role:admin").await.status(303);
    let groups = [("groups_claim", "groups"), ("required_group", "staff")];
    admin
        .post("/settings/sign-in/groups", &groups)
        .await
        .status(303);
    let before = setup.count("accounts").await + setup.count("audit_log").await;

    let refused = try_as(
        &setup,
        &admin,
        "nadia@example.org",
        json!({ "groups": ["platform"] }),
    )
    .await;
    assert!(
        refused.contains(
            "would not be signed in: Only people in the group staff can sign in with Example ID."
        ),
        "{refused}"
    );
    let welcome = json!({ "groups": ["staff", "platform"], "department": "Data <b>" });
    let accepted = try_as(&setup, &admin, "nadia@example.org", welcome).await;
    for expected in [
        "would be signed in, with a new account",
        "staff, platform",
        "platform → Infrastructure",
        "platform → admin",
        "The role becomes admin. Joins Infrastructure.",
        "Data &#60;b&#62;",
    ] {
        assert!(accepted.contains(expected), "{expected}: {accepted}");
    }
    // claims that are not in the ID token
    *setup.provider.groups_by_userinfo.lock().unwrap() = true;
    let asked = try_as(&setup, &admin, "nadia@example.org", json!({})).await;
    assert!(asked.contains("<td>from-userinfo</td>"), "{asked}");
    let existing = json!({ "groups": "staff" });
    let existing = try_as(&setup, &admin, "jonas@example.org", existing).await;
    assert!(
        existing.contains("Your account has no password to confirm that it is yours."),
        "{existing}"
    );
    // an existing account, before it is connected
    let (_, email, _) = create_account(&setup.world, "mira", "member").await;
    let both = json!({ "groups": ["staff", "platform"] });
    let tried = try_as(&setup, &admin, &email, both).await;
    assert!(
        tried.contains("with an existing account, after its password was entered once")
            && tried.contains("The role becomes admin. Joins Infrastructure."),
        "{tried}"
    );
    let before = before + 2;
    let failed = setup.leave_by(&admin, "/settings/sign-in/test").await;
    let failed = come_back(&failed.0, "no-such-code", &failed.1["state"])
        .await
        .ok()
        .text();
    assert!(
        failed.contains("would not be signed in: the provider refused the code: invalid_grant"),
        "{failed}"
    );
    assert_eq!(
        setup.count("accounts").await + setup.count("audit_log").await,
        before
    );
    assert_eq!(setup.count("account_identities").await, 0);

    // only administrators, also if they stop being one on the way
    let jonas = Client {
        router: setup.browser.router.clone(),
        ..setup.world.jonas.clone()
    };
    jonas.get("/settings/sign-in/test").await.status(403);
    let (browser, asked) = setup.leave_by(&admin, "/settings/sign-in/test").await;
    let code = setup.agree(&asked, "90", "nadia@example.org");
    let theirs = Client {
        cookie: format!(
            "{}; {}",
            browser.cookie.split(';').next().unwrap(),
            jonas.cookie
        ),
        ..jonas
    };
    come_back(&theirs, &code, &asked["state"]).await.status(403);
}

#[tokio::test]
async fn groups_give_teams_and_roles_at_each_sign_in() {
    let (setup, admin) = without_flags().await;
    save_provider(&admin, &setup.provider.url, "secret").await;
    for (group, gives) in [
        ("platform", "team:infrastructure"),
        ("data", "team:ingestion"),
        ("guests", "role:viewer"),
        ("owners", "role:admin"),
    ] {
        add_rule(&admin, group, gives).await.status(303);
    }
    let twice = add_rule(&admin, "owners", "role:admin").await;
    assert!(
        twice
            .status(422)
            .text()
            .contains("This rule exists already.")
    );
    add_rule(&admin, "owners", "team:no-such-team")
        .await
        .status(404);
    let sign_in = async |groups: Value| {
        *setup.provider.more.lock().unwrap() = json!({ "groups": groups });
        setup.signed_in("17", "nadia@example.org").await
    };
    let state = async || -> (String, Vec<String>) {
        sqlx::query_as(
            "SELECT a.role, array(SELECT t.slug FROM members m JOIN teams t ON t.id = m.team_id WHERE m.account_id = a.id ORDER BY 1)
             FROM accounts a WHERE a.email = 'nadia@example.org'",
        )
        .fetch_one(&setup.world.db)
        .await
        .unwrap()
    };
    let expect = |role: &str, teams: &[&str]| {
        (
            role.to_owned(),
            teams
                .iter()
                .map(|&team| team.to_owned())
                .collect::<Vec<_>>(),
        )
    };
    sign_in(json!(["platform", "guests"])).await;
    assert_eq!(state().await, expect("viewer", &["infrastructure"]));
    // the role that may do most wins
    sign_in(json!(["data", "guests", "owners"])).await;
    assert_eq!(state().await, expect("admin", &["ingestion"]));
    let seq = async || -> i64 {
        sqlx::query_scalar("SELECT seq FROM workspace")
            .fetch_one(&setup.world.db)
            .await
            .unwrap()
    };
    let before = seq().await;
    sign_in(json!(["data", "guests", "owners"])).await;
    assert_eq!(
        seq().await,
        before,
        "nothing changed, so no board is made anew"
    );

    // what people give stays
    admin
        .post(
            "/teams/infrastructure/members",
            &[("handle", "nadia"), ("role", "member")],
        )
        .await
        .status(303);
    // A claim that is missing says nothing about groups.
    *setup.provider.more.lock().unwrap() = json!({});
    setup.signed_in("17", "nadia@example.org").await;
    assert_eq!(
        state().await,
        expect("admin", &["infrastructure", "ingestion"])
    );
    sign_in(json!([])).await;
    assert_eq!(state().await, expect("member", &["infrastructure"]));
    assert_eq!(
        audited(&setup.world, "sign-in.groups-applied").await,
        [
            "in guests, platform",
            "in data, guests, owners",
            "in no group that a rule is for",
        ]
    );
    let history = admin.get("/teams/ingestion/history").await.ok().text();
    assert!(history.contains("Single sign-on"), "{history}");
}

/// The workspace and a private team keep someone who can manage them, and the person is signed in all the same.
#[tokio::test]
async fn rules_take_away_neither_the_last_administrator_nor_a_private_teams_last_lead() {
    let (setup, admin) = without_flags().await;
    save_provider(&admin, &setup.provider.url, "secret").await;
    add_rule(&admin, "owners", "role:admin").await;
    add_rule(&admin, "data", "team:ingestion").await;
    *setup.provider.more.lock().unwrap() = json!({ "groups": ["owners", "data"] });
    setup.signed_in("17", "nadia@example.org").await;
    for query in [
        "UPDATE accounts SET role = 'member' WHERE handle = 'elif'",
        "UPDATE members SET role = 'lead' FROM accounts a WHERE a.id = account_id AND a.handle = 'nadia'",
        "UPDATE teams SET private = true WHERE slug = 'ingestion'",
    ] {
        sqlx::query(query).execute(&setup.world.db).await.unwrap();
    }
    let nadia = setup.signed_in("17", "nadia@example.org").await;
    let share = [("name", "Auditors"), ("shows", "board"), ("days", "9")];
    let link = nadia.post("/teams/ingestion/share-links", &share).await;
    let link = link.ok().text();
    let (_, link) = link.split_once("http://fortnight.test/share/").unwrap();
    let link = format!("/share/{}", link.split(['"', '<']).next().unwrap());
    *setup.provider.more.lock().unwrap() = json!({ "groups": [] });
    let nadia = setup.signed_in("17", "nadia@example.org").await;
    nadia.get("/settings/people").await.ok();
    nadia.get("/teams/ingestion").await.ok();
    // nothing of the attempt is left, in the history neither
    setup.browser.get(&link).await.ok();
    let ended: i64 =
        sqlx::query_scalar("SELECT count(*) FROM events WHERE kind = 'share-link.ended'")
            .fetch_one(&setup.world.db)
            .await
            .unwrap();
    assert_eq!(ended, 0);
}

#[tokio::test]
async fn names_of_private_teams_are_hidden_from_administrators_outside() {
    let (setup, admin) = without_flags().await;
    save_provider(&admin, &setup.provider.url, "secret").await;
    add_rule(&admin, "data", "team:ingestion").await.status(303);
    for query in [
        "UPDATE teams SET private = true, name = 'Secret Data' WHERE slug = 'ingestion'",
        "UPDATE members SET role = 'lead'",
    ] {
        sqlx::query(query).execute(&setup.world.db).await.unwrap();
    }
    let page = admin.get("/settings/sign-in").await.ok().text();
    assert!(
        page.contains("data → a private team") && !page.contains("Secret Data"),
        "{page}"
    );
    let tried = json!({ "groups": ["data"] });
    let tried = try_as(&setup, &admin, "nadia@example.org", tried).await;
    assert!(
        tried.contains("Joins a private team.") && !tried.contains("Secret Data"),
        "{tried}"
    );
    add_rule(&admin, "others", "team:ingestion")
        .await
        .status(404);
}

#[tokio::test]
async fn passwords_are_switched_off_and_the_command_line_leads_back() {
    let setup = Setup::new(&[]).await;
    let (mira, email, _) = create_account(&setup.world, "mira", "admin").await;
    let by_password = Client {
        router: setup.browser.router.clone(),
        ..mira
    };
    let off = [("passwords", "off")];
    let refused = by_password.post("/settings/sign-in/passwords", &off).await;
    let text = refused.status(422).text();
    assert!(
        text.contains("Sign in through the provider first"),
        "{text}"
    );

    // connected with the provider, and signed in through it
    let asked = setup.sign_in("20", &email, "/").await.ok().text();
    let (_, key) = asked.split_once("name=\"key\" value=\"").unwrap();
    let confirmed = setup
        .browser
        .post(
            "/login/openid/confirm",
            &[
                ("key", key.split('"').next().unwrap()),
                ("password", PASSWORD),
            ],
        )
        .await
        .status(303);
    let admin = Client {
        cookie: session(&confirmed).unwrap(),
        ..setup.browser.clone()
    };
    let invitation = admin.post("/settings/invitations", &[]).await.ok().text();
    let (_, join) = invitation
        .split_once("http://fortnight.test/join/")
        .unwrap();
    let join = format!("/join/{}", join.split(['"', '<']).next().unwrap());
    admin
        .post("/settings/sign-in/passwords", &off)
        .await
        .status(303);

    // what began by password has ended
    by_password.get("/me").await.status(303);
    admin.get("/me").await.ok();
    let login = setup.browser.get("/login").await.ok().text();
    assert!(
        login.contains("Sign in with Example ID") && !login.contains("type=\"password\""),
        "{login}"
    );
    let right = [("email", email.as_str()), ("password", PASSWORD)];
    let refused = setup.browser.post("/login", &right).await;
    assert_eq!(session(&refused), None);
    let text = refused.status(403).text();
    assert!(text.contains("Sign in with Example ID."), "{text}");
    let joining = setup.browser.get(&join).await.ok().text();
    assert!(
        joining.contains(&format!("/login/openid?next={join}"))
            && !joining.contains("type=\"password\""),
        "{joining}"
    );
    let newcomer = [
        ("email", "new@example.org"),
        ("name", "New"),
        ("password", PASSWORD),
    ];
    setup.browser.post(&join, &newcomer).await.status(403);
    setup.browser.get("/register").await.status(403);
    let change = [("old", PASSWORD), ("password", "another long one")];
    admin.post("/me/password", &change).await.status(403);
    setup.signed_in("20", &email).await;

    // a link for a new password confirms an account, and starts no session
    let page = admin
        .post("/settings/people/jonas", &[("do", "link")])
        .await
        .ok()
        .text();
    let (_, link) = page.split_once("http://fortnight.test/reset/").unwrap();
    let link = format!("/reset/{}", link.split(['"', '<']).next().unwrap());
    let reset = setup
        .browser
        .post(&link, &[("password", "a long new one")])
        .await
        .status(303);
    assert_eq!(
        (reset.header("location"), session(&reset)),
        ("/login", None)
    );

    admin
        .post("/settings/sign-in/passwords", &[("passwords", "on")])
        .await
        .status(303);
    let back = setup.browser.post("/login", &right).await.status(303);
    assert!(session(&back).is_some());
    // A required group may shut everyone out, so passwords are accepted again.
    admin
        .post("/settings/sign-in/passwords", &off)
        .await
        .status(303);
    let groups = [("groups_claim", "groups"), ("required_group", "stafff")];
    admin
        .post("/settings/sign-in/groups", &groups)
        .await
        .status(303);
    let back = setup.browser.post("/login", &right).await.status(303);
    assert!(session(&back).is_some());
    assert_eq!(
        audited(&setup.world, "sign-in.passwords").await,
        ["off", "on", "off", "on"]
    );
}

/// A session of a former provider proves nothing about the one that is set now.
#[tokio::test]
async fn passwords_stay_on_until_the_present_provider_is_proved() {
    let (setup, admin) = without_flags().await;
    save_provider(&admin, &setup.provider.url, "secret").await;
    add_rule(&admin, "owners", "role:admin").await;
    *setup.provider.more.lock().unwrap() = json!({ "groups": ["owners"] });
    let nadia = setup.signed_in("17", "nadia@example.org").await;
    save_provider(&admin, "https://other.example", "secret").await;
    let off = [("passwords", "off")];
    nadia
        .post("/settings/sign-in/passwords", &off)
        .await
        .status(422);
    save_provider(&admin, &format!("{}/", setup.provider.url), "secret").await;
    nadia
        .post("/settings/sign-in/passwords", &off)
        .await
        .status(303);
}

#[tokio::test]
async fn command_line_sets_a_password_and_accepts_passwords_again() {
    let place = Place::new();
    let _server = place.serve().await;
    let add = [
        "user",
        "add",
        "mira@example.org",
        "--name",
        "Mira",
        "--admin",
    ];
    place.run_with_input("first password\n", &add).await;
    let mut sql = place.sql().await;
    sqlx::query("UPDATE sign_in_settings SET passwords = false, issuer = 'https://id.example', client_id = 'f'")
        .execute(&mut sql)
        .await
        .unwrap();
    drop(sql);
    let set = ["user", "password", "Mira@example.org"];
    let said = place.run_with_input("second password\n", &set).await;
    assert!(said.contains("Sign in with"), "{said}");
    let mut sql = place.sql().await;
    let passwords: bool = sqlx::query_scalar("SELECT passwords FROM sign_in_settings")
        .fetch_one(&mut sql)
        .await
        .unwrap();
    assert!(passwords);
    let refused = ["user", "password", "nobody@example.org"];
    let refused = place.output_with_input("second password\n", &refused).await;
    assert!(!refused.status.success());
}

/// An unlocked computer gives its finder no password of their own.
#[tokio::test]
async fn account_of_the_provider_gets_a_password_only_by_a_link() {
    let setup = Setup::new(&[]).await;
    let nadia = setup.signed_in("17", "nadia@example.org").await;
    let change = [("old", ""), ("password", "a long new one")];
    let refused = nadia.post("/me/password", &change).await;
    let text = refused.status(422).text();
    assert!(text.contains("Your account has no password."), "{text}");
}

#[tokio::test]
async fn signing_out_leads_to_the_provider() {
    let setup = Setup::new(&[]).await;
    let nadia = setup.signed_in("17", "nadia@example.org").await;
    let left = nadia.post("/logout", &[]).await.ok();
    assert!(left.header("set-cookie").contains("Max-Age=0"));
    let text = left.text();
    let leads_there = format!(
        "{}/leave?from=here&#38;client_id=fortnight",
        setup.provider.url
    );
    assert!(
        text.contains("http-equiv=\"refresh\"")
            && text.contains(&leads_there)
            && text.contains("post_logout_redirect_uri=http%3A%2F%2Ffortnight.test%2Flogin")
            && text.contains("id_token_hint=ey"),
        "{text}"
    );
    nadia.get("/me").await.status(303);
    // a session that began here ends here
    let (mira, ..) = create_account(&setup.world, "mira", "member").await;
    let left = mira.post("/logout", &[]).await.status(303);
    assert_eq!(left.header("location"), "/login");
}

#[tokio::test]
async fn provider_ends_sessions_and_their_streams() {
    let setup = Setup::new(&[]).await;
    *setup.provider.more.lock().unwrap() = json!({ "sid": "one" });
    let first = setup.signed_in("17", "nadia@example.org").await;
    *setup.provider.more.lock().unwrap() = json!({ "sid": "two" });
    let second = setup.signed_in("17", "nadia@example.org").await;
    *setup.provider.more.lock().unwrap() = Value::Null;
    let other = setup.signed_in("18", "omar@example.org").await;
    let claims = |more: Value| {
        let mut claims = json!({
            "iss": setup.provider.url,
            "aud": "fortnight",
            "iat": NOW.unix_timestamp(),
            "exp": (NOW + Duration::minutes(2)).unix_timestamp(),
            "jti": "j",
            "events": { "http://schemas.openid.net/event/backchannel-logout": {} },
        });
        claims
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        claims
    };
    let send = async |token: &str| {
        setup
            .browser
            .post("/login/openid/logout", &[("logout_token", token)])
            .await
    };
    let discovered = *setup.provider.discovered.lock().unwrap();
    // lies
    let unsigned = {
        let token = sign_logout(&claims(json!({ "sub": "17" })));
        let (rest, _) = token.rsplit_once('.').unwrap();
        format!("{rest}.")
    };
    for token in [
        String::new(),
        "a.b".to_owned(),
        unsigned,
        sign_logout(&claims(
            json!({ "sub": "17", "iss": "https://evil.example" }),
        )),
        sign_logout(&claims(json!({ "sub": "17", "aud": ["another"] }))),
        sign_logout(&claims(json!({ "sub": "17", "nonce": "n" }))),
        sign_logout(&claims(json!({ "sub": "17", "events": {} }))),
        sign_logout(&claims(
            json!({ "sub": "17", "exp": NOW.unix_timestamp() - 61 }),
        )),
        sign_logout(&claims(
            json!({ "sub": "17", "exp": null, "iat": NOW.unix_timestamp() - 200 }),
        )),
        sign_logout(&claims(
            json!({ "sub": "17", "iat": NOW.unix_timestamp() + 61 }),
        )),
        sign_logout(&claims(json!({}))),
    ] {
        let refused = send(&token).await.status(400);
        assert!(refused.text().contains("No session was ended."));
    }
    for client in [&first, &second, &other] {
        client.get("/me").await.ok();
    }
    // one session at the provider, with its stream
    let settings = Settings {
        outgoing_allow: "127.0.0.0/8".parse().unwrap(),
        ..Settings::default()
    };
    let app = App::with(
        settings,
        "http://fortnight.test",
        setup.world.db.clone(),
        Clock::standing(NOW),
    );
    let served = Served::of_app(app).await;
    let mut stream = served.listen(&first, "ingestion", None).await;
    let token = sign_logout(&claims(json!({ "sub": "17", "sid": "one" })));
    let ended = send(&token).await.ok();
    assert_eq!(ended.header("cache-control"), "no-store");
    first.get("/me").await.status(303);
    second.get("/me").await.ok();
    while stream.next().await.is_some() {}
    // all of a person
    send(&sign_logout(&claims(json!({ "sub": "17" }))))
        .await
        .ok();
    second.get("/me").await.status(303);
    other.get("/me").await.ok();
    // a session whose ID token named none ends with any of the person's
    let any = json!({ "sub": "18", "sid": "any" });
    send(&sign_logout(&claims(any))).await.ok();
    other.get("/me").await.status(303);
    assert_eq!(
        audited(&setup.world, "sessions.ended").await,
        ["1 ended by the provider"; 3]
    );
    // of all these tokens, one made this server ask the provider
    assert_eq!(*setup.provider.discovered.lock().unwrap() - discovered, 1);
}

/// Case 28. The header is believed only from the proxy.
#[tokio::test]
async fn trusted_proxy_signs_people_in() {
    let world = World::new().await;
    let settings = Settings {
        trusted_proxies: "10.0.0.0/8".parse().unwrap(),
        auth_proxy_header: Some("x-forwarded-email".parse().unwrap()),
        ..Settings::default()
    };
    let app = App::with(
        settings,
        "http://fortnight.test",
        world.db.clone(),
        Clock::standing(NOW),
    );
    let browser = Client {
        router: router(app),
        ..world.stranger()
    };
    let get = async |path: &str, peer: &str, cookie: &str, users: &[(&str, &str)]| {
        let mut request = Request::get(path).header(header::COOKIE, cookie);
        for (name, user) in users {
            request = request.header(*name, *user);
        }
        let mut request = request.body(Body::empty()).unwrap();
        let peer: SocketAddr = format!("{peer}:4711").parse().unwrap();
        request.extensions_mut().insert(ConnectInfo(peer));
        browser.send(request).await
    };
    let jonas = [("x-forwarded-email", "Jonas@example.org")];
    let nadia = [("x-forwarded-email", "nadia@example.org")];
    for (peer, users) in [
        ("192.0.2.7", &jonas[..]),
        ("10.0.0.1", &[]),
        (
            "10.0.0.1",
            &[("x-fortnight-proxy-user", "jonas@example.org")],
        ),
        (
            "192.0.2.7",
            &[("x-fortnight-proxy-user", "jonas@example.org")],
        ),
        ("10.0.0.1", &[jonas[0], nadia[0]]),
    ] {
        let page = get("/login", peer, "", users).await.ok();
        assert_eq!(session(&page), None, "{peer} {users:?}");
        get("/login/proxy", peer, "", users).await.status(404);
    }
    // a newcomer lands where they wanted to go, also if the proxy asks for a password of its own
    let basic = [nadia[0], ("authorization", "Basic bmFkaWE6eA==")];
    let sent = get("/standup", "10.0.0.1", "", &basic).await.status(303);
    let sent = get(sent.header("location"), "10.0.0.1", "", &basic).await;
    let sent = sent.status(303);
    assert_eq!(sent.header("location"), "/login/proxy?next=%2Fstandup");
    let new = get(sent.header("location"), "10.0.0.1", "", &basic).await;
    let new = new.status(303);
    assert_eq!(new.header("location"), "/standup");
    let cookie = session(&new).unwrap();
    let me = get("/me", "10.0.0.1", &cookie, &nadia).await.ok().text();
    assert!(me.contains("nadia"), "{me}");
    // the session is no one else's
    for users in [&jonas[..], &[]] {
        get("/me", "10.0.0.1", &cookie, users).await.status(303);
    }
    let again = get("/login/proxy", "10.0.0.1", "", &nadia).await;
    assert!(session(&again.status(303)).is_some());
    // An account that was there before may be someone else's who entered this address.
    let (_, mira, _) = create_account(&world, "mira", "member").await;
    let mira = [("x-forwarded-email", mira.as_str())];
    let asked = get("/login/proxy", "10.0.0.1", "", &mira).await.ok();
    assert_eq!(session(&asked), None);
    let asked = asked.text();
    let (_, key) = asked.split_once("name=\"key\" value=\"").unwrap();
    let form = format!(
        "key={}&password={}&next=%2F",
        key.split('"').next().unwrap(),
        PASSWORD.replace(' ', "+")
    );
    let mut confirm = Request::post("/login/openid/confirm")
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .header(mira[0].0, mira[0].1)
        .body(Body::from(form))
        .unwrap();
    let peer: SocketAddr = "10.0.0.1:4711".parse().unwrap();
    confirm.extensions_mut().insert(ConnectInfo(peer));
    let confirmed = browser.send(confirm).await.status(303);
    let me = get("/me", "10.0.0.1", &session(&confirmed).unwrap(), &mira).await;
    assert!(me.ok().text().contains("Mira Lindqvist"));
    let again = get("/login/proxy", "10.0.0.1", "", &mira).await;
    assert!(session(&again.status(303)).is_some());
    for address in ["not-an-address", "a@b@c"] {
        let header = [("x-forwarded-email", address)];
        let refused = get("/login/proxy", "10.0.0.1", "", &header).await;
        assert!(
            refused
                .status(403)
                .text()
                .contains("sent no e-mail address")
        );
    }
    sqlx::query("UPDATE accounts SET deactivated_at = now() WHERE handle = 'mira'")
        .execute(&world.db)
        .await
        .unwrap();
    let refused = get("/login/proxy", "10.0.0.1", "", &mira).await;
    assert!(
        refused
            .status(403)
            .text()
            .contains("Your account is deactivated.")
    );
}

#[tokio::test]
async fn proxy_header_needs_a_trusted_proxy() {
    let place = Place::new();
    let refused = place
        .refused(&["--auth-proxy-header", "X-Forwarded-Email", "serve"])
        .await;
    assert!(refused.contains("needs --trusted-proxy"), "{refused}");
    let refused = place
        .refused(&["--auth-proxy-header", "Cookie", "serve"])
        .await;
    assert!(refused.contains("another meaning"), "{refused}");
}
