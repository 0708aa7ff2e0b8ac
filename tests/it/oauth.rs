//! Programs that ask a person for a token, instead of having one entered (OAuth).

use axum::{
    body::Body,
    http::{Request, StatusCode, header},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use fortnight::domain::retention;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use url::Url;

use crate::fixtures::{Client, NOW, Response, World};

const VERIFIER: &str = "a-secret-of-the-program-that-is-long-enough-0123";
const BACK: &str = "http://127.0.0.1:41234/callback";
const RESOURCE: &str = "http://fortnight.test/mcp";

fn challenge(verifier: &str) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(verifier))
}

/// A program on a person's machine.
struct Program {
    world: World,
    outside: Client,
    id: String,
}

impl Program {
    async fn register() -> Self {
        let world = World::new().await;
        let outside = world.stranger();
        let registered = registration(
            &outside,
            json!({
                "client_name": "Claude Code",
                // the port of the next start is another one
                "redirect_uris": ["http://127.0.0.1:33418/callback"],
                "token_endpoint_auth_method": "none",
                "grant_types": ["authorization_code", "refresh_token"],
            }),
        )
        .await
        .status(201)
        .json();
        let id = registered["client_id"].as_str().unwrap().to_owned();
        Self { world, outside, id }
    }

    /// The address that it opens in the person's browser, with some parameters changed; empty ones are left out.
    fn link(&self, changed: &[(&str, &str)]) -> String {
        let challenge = challenge(VERIFIER);
        let mut all = vec![
            ("response_type", "code"),
            ("client_id", self.id.as_str()),
            ("redirect_uri", BACK),
            ("scope", "read write"),
            ("state", "xyz"),
            ("code_challenge", challenge.as_str()),
            ("code_challenge_method", "S256"),
            ("resource", RESOURCE),
        ];
        all.retain(|(name, _)| changed.iter().all(|(other, _)| other != name));
        all.extend(changed.iter().filter(|(_, value)| !value.is_empty()));
        let query = form_urlencoded::Serializer::new(String::new())
            .extend_pairs(all)
            .finish();
        format!("/oauth/authorize?{query}")
    }

    /// Opens the page as a person, presses a button, and returns where they are sent.
    async fn decide(&self, person: &Client, changed: &[(&str, &str)], allow: &str) -> Url {
        let page = person.get(&self.link(changed)).await.ok().text();
        assert!(page.contains("Claude Code"), "{page}");
        let mut fields: Vec<(String, String)> = page
            .split("type=\"hidden\" name=\"")
            .skip(1)
            .filter_map(|rest| {
                let (name, rest) = rest.split_once('"')?;
                let value = rest.split("value=\"").nth(1)?.split('"').next()?;
                Some((name.to_owned(), value.to_owned()))
            })
            .collect();
        fields.push(("allow".to_owned(), allow.to_owned()));
        let fields: Vec<(&str, &str)> = fields
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        let sent = person.post("/oauth/authorize", &fields).await.status(303);
        Url::parse(sent.header("location")).unwrap()
    }

    /// Has a person agree, and returns the code.
    async fn code(&self, person: &Client) -> String {
        let sent = self.decide(person, &[], "write").await;
        parameter(&sent, "code").unwrap()
    }

    /// Sends a code for a token, with some fields changed.
    async fn exchange(&self, code: &str, changed: &[(&str, &str)]) -> Response {
        let mut all = vec![
            ("grant_type", "authorization_code"),
            ("client_id", self.id.as_str()),
            ("redirect_uri", BACK),
            ("code", code),
            ("code_verifier", VERIFIER),
            ("resource", RESOURCE),
        ];
        all.retain(|(name, _)| changed.iter().all(|(other, _)| other != name));
        all.extend(changed.iter().filter(|(_, value)| !value.is_empty()));
        let body = form_urlencoded::Serializer::new(String::new())
            .extend_pairs(all)
            .finish();
        let request = Request::post("/oauth/token")
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(Body::from(body));
        self.outside.send(request.unwrap()).await
    }

    fn with_token(&self, token: &str) -> Client {
        Client {
            bearer: Some(token.to_owned()),
            ..self.outside.clone()
        }
    }
}

async fn registration(client: &Client, body: Value) -> Response {
    let request = Request::post("/oauth/register")
        .header(header::CONTENT_TYPE, "application/json")
        .body(Body::from(body.to_string()));
    client.send(request.unwrap()).await
}

async fn message(client: &Client, method: &str, params: Value) -> Response {
    let body = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
    let request = Request::post("/mcp")
        .header(header::HOST, "fortnight.test")
        .header(header::CONTENT_TYPE, "application/json")
        .header(header::ACCEPT, "application/json, text/event-stream")
        .header("mcp-protocol-version", "2025-11-25")
        .body(Body::from(body.to_string()));
    client.send(request.unwrap()).await
}

fn parameter(url: &Url, name: &str) -> Option<String> {
    let mut all = url.query_pairs();
    all.find(|(other, _)| other == name)
        .map(|(_, value)| value.into_owned())
}

fn error(response: Response) -> String {
    response.status(400).json()["error"]
        .as_str()
        .unwrap()
        .to_owned()
}

#[tokio::test]
async fn program_finds_the_way_to_its_token() {
    let program = Program::register().await;
    let (outside, elif) = (&program.outside, &program.world.elif);
    // from the refusal to the metadata
    let refused = message(outside, "ping", json!({})).await.status(401);
    let told = refused.header("www-authenticate");
    let at = told.split("resource_metadata=\"").nth(1).unwrap();
    let at = at.split('"').next().unwrap();
    let path = at.strip_prefix("http://fortnight.test").unwrap();
    let resource = outside.get(path).await.ok().json();
    assert_eq!(resource["resource"], RESOURCE);
    assert_eq!(
        resource["authorization_servers"],
        json!(["http://fortnight.test"])
    );
    let server = outside
        .get("/.well-known/oauth-authorization-server")
        .await
        .ok()
        .json();
    assert_eq!(server["issuer"], "http://fortnight.test");
    assert_eq!(server["code_challenge_methods_supported"], json!(["S256"]));
    // a person who is not signed in comes back to the page
    let link = program.link(&[]);
    let sign_in = outside.get(&link).await.status(303);
    assert!(
        sign_in
            .header("location")
            .starts_with("/login?next=%2Foauth%2Fauthorize")
    );
    let page = elif.get(&link).await.ok();
    assert!(
        page.text().contains("http://127.0.0.1:41234"),
        "{}",
        page.text()
    );
    let policy = page.header("content-security-policy");
    assert!(
        policy.contains("form-action 'self' http://127.0.0.1:41234;"),
        "{policy}"
    );
    let sent = program.decide(elif, &[], "write").await;
    assert!(sent.as_str().starts_with(BACK), "{sent}");
    assert_eq!(parameter(&sent, "state").as_deref(), Some("xyz"));
    assert_eq!(
        parameter(&sent, "iss").as_deref(),
        Some("http://fortnight.test")
    );
    let code = parameter(&sent, "code").unwrap();
    let issued = program.exchange(&code, &[]).await.ok();
    assert_eq!(issued.header("cache-control"), "no-store");
    let issued = issued.json();
    assert_eq!(
        (
            &issued["token_type"],
            &issued["scope"],
            &issued["expires_in"]
        ),
        (&json!("Bearer"), &json!("write"), &json!(90 * 24 * 3600))
    );
    // it acts for the person, under the program's name
    let agent = program.with_token(issued["access_token"].as_str().unwrap());
    let call = json!({ "name": "create_task", "arguments": { "team": "infrastructure", "title": "Cut over" } });
    let created = message(&agent, "tools/call", call).await.ok().json();
    assert_eq!(created["result"]["isError"], json!(false), "{created}");
    let page = elif.get("/tasks/INF-1").await.ok().text();
    assert!(page.contains("Claude Code for Elif Hartmann"), "{page}");
    // for nothing but what it was issued for
    for path in [
        "/api/v1/teams",
        "/api/v1/tasks/INF-1",
        "/api/v1/teams/infrastructure/board",
        "/me",
    ] {
        agent.get(path).await.status(401);
    }
    // listed with the others, and revoked
    let account = elif.get("/me").await.ok().text();
    assert!(account.contains("agent Claude Code"), "{account}");
    let revoke = account.split("action=\"/me/tokens/").nth(1).unwrap();
    let revoke = revoke.split('"').next().unwrap();
    elif.post(&format!("/me/tokens/{revoke}"), &[])
        .await
        .status(303);
    message(&agent, "ping", json!({})).await.status(401);
}

#[tokio::test]
async fn person_decides_what_the_program_may_do() {
    let program = Program::register().await;
    let elif = &program.world.elif;
    let sent = program.decide(elif, &[], "").await;
    assert_eq!(parameter(&sent, "error").as_deref(), Some("access_denied"));
    assert_eq!(parameter(&sent, "code"), None);
    // less than it asked for, and not more
    let sent = program.decide(elif, &[], "read").await;
    let code = parameter(&sent, "code").unwrap();
    assert_eq!(
        program.exchange(&code, &[]).await.ok().json()["scope"],
        "read"
    );
    let sent = program.decide(elif, &[("scope", "read")], "write").await;
    assert_eq!(parameter(&sent, "error").as_deref(), Some("access_denied"));
    // a token cannot agree to another one
    let token = program
        .world
        .program_of(elif, fortnight::domain::policy::viewer::Scope::Admin)
        .await;
    token.get(&program.link(&[])).await.status(403);
}

#[tokio::test]
async fn answer_goes_only_where_the_program_is() {
    let program = Program::register().await;
    let elif = &program.world.elif;
    for foreign in [
        "https://evil.example/callback",
        "http://127.0.0.1:41234/other",
        "http://localhost:41234/callback",
        "http://127.0.0.1:41234/callback?x=1",
        "http://127.0.0.1:41234@evil.example/callback",
        "javascript:alert(1)",
        "",
    ] {
        let page = elif.get(&program.link(&[("redirect_uri", foreign)])).await;
        assert_eq!(page.status, StatusCode::BAD_REQUEST, "{foreign}");
        let sent = elif
            .post(
                "/oauth/authorize",
                &[
                    ("client_id", &program.id),
                    ("redirect_uri", foreign),
                    ("allow", "write"),
                ],
            )
            .await;
        assert_eq!(sent.status, StatusCode::BAD_REQUEST, "{foreign}");
    }
    for unknown in ["", "nonsense", "0193733e-8f2a-7cc1-b2a4-6d3c1f0e9a57"] {
        elif.get(&program.link(&[("client_id", unknown)]))
            .await
            .status(400);
    }
    // what else is wrong is told to the program
    for (name, value, expected) in [
        ("response_type", "token", "unsupported_response_type"),
        ("code_challenge", "", "invalid_request"),
        ("code_challenge", "short", "invalid_request"),
        ("code_challenge_method", "plain", "invalid_request"),
        ("code_challenge_method", "", "invalid_request"),
        ("resource", "https://other.example/mcp", "invalid_target"),
        ("scope", "admin", "invalid_scope"),
    ] {
        let sent = elif.get(&program.link(&[(name, value)])).await.status(303);
        let sent = Url::parse(sent.header("location")).unwrap();
        assert_eq!(
            parameter(&sent, "error").as_deref(),
            Some(expected),
            "{name} {value}"
        );
        assert_eq!(parameter(&sent, "state").as_deref(), Some("xyz"));
    }
    // but no one is sent to another site without being asked
    let site = "https://app.example/back";
    let body = json!({ "client_name": "Site", "redirect_uris": [site] });
    let site_program = registration(&program.outside, body).await.json();
    let id = site_program["client_id"].as_str().unwrap();
    let link = program.link(&[
        ("client_id", id),
        ("redirect_uri", site),
        ("scope", "admin"),
    ]);
    let page = elif.get(&link).await.status(400).text();
    assert!(page.contains("invalid_scope"), "{page}");
}

#[tokio::test]
async fn code_is_good_for_one_token_and_its_own_program() {
    let program = Program::register().await;
    let elif = &program.world.elif;
    let other = registration(
        &program.outside,
        json!({ "client_name": "Other", "redirect_uris": [BACK] }),
    )
    .await
    .json();
    let other = other["client_id"].as_str().unwrap();
    for (name, value, expected) in [
        (
            "code_verifier",
            "another-secret-of-the-program-that-is-long-enough",
            "invalid_grant",
        ),
        ("code_verifier", "", "invalid_grant"),
        ("client_id", other, "invalid_grant"),
        (
            "redirect_uri",
            "http://127.0.0.1:41235/callback",
            "invalid_grant",
        ),
        ("code", "nonsense", "invalid_grant"),
        ("grant_type", "password", "unsupported_grant_type"),
        ("resource", "https://other.example/mcp", "invalid_target"),
    ] {
        let code = program.code(elif).await;
        assert_eq!(
            error(program.exchange(&code, &[(name, value)]).await),
            expected,
            "{name}"
        );
        if expected == "invalid_grant" && name != "code" {
            // no second guess
            assert_eq!(
                error(program.exchange(&code, &[]).await),
                "invalid_grant",
                "{name}"
            );
        }
    }
    // sent twice: what was stolen is taken back
    let code = program.code(elif).await;
    let token = program.exchange(&code, &[]).await.ok().json();
    let agent = program.with_token(token["access_token"].as_str().unwrap());
    message(&agent, "ping", json!({})).await.ok();
    assert_eq!(error(program.exchange(&code, &[]).await), "invalid_grant");
    message(&agent, "ping", json!({})).await.status(401);
    // after a minute
    let code = program.code(elif).await;
    sqlx::query("UPDATE oauth_codes SET expires_at = $1")
        .bind(NOW)
        .execute(&program.world.db)
        .await
        .unwrap();
    assert_eq!(error(program.exchange(&code, &[]).await), "invalid_grant");
    // of two at once one gets it
    let code = program.code(elif).await;
    let (first, second) = tokio::join!(program.exchange(&code, &[]), program.exchange(&code, &[]));
    let got = [first.status, second.status];
    assert!(
        got.contains(&StatusCode::OK) && got.contains(&StatusCode::BAD_REQUEST),
        "{got:?}"
    );
    // of someone who has left
    let code = program.code(elif).await;
    sqlx::query("UPDATE accounts SET deactivated_at = $1 WHERE handle = 'elif'")
        .bind(NOW)
        .execute(&program.world.db)
        .await
        .unwrap();
    assert_eq!(error(program.exchange(&code, &[]).await), "invalid_grant");
    let stored: Vec<String> = sqlx::query_scalar("SELECT to_jsonb(o)::text FROM oauth_codes o")
        .fetch_all(&program.world.db)
        .await
        .unwrap();
    assert!(!stored.is_empty() && stored.iter().all(|row| !row.contains(&code)));
}

#[tokio::test]
async fn registrations_are_checked_limited_and_forgotten() {
    let program = Program::register().await;
    for (body, expected) in [
        (json!({ "client_name": "x" }), "invalid_redirect_uri"),
        (
            json!({ "client_name": "x", "redirect_uris": ["http://app.example/"] }),
            "invalid_redirect_uri",
        ),
        (
            json!({ "client_name": "x", "redirect_uris": ["javascript:alert(1)"] }),
            "invalid_redirect_uri",
        ),
        (
            json!({ "client_name": "x\ny", "redirect_uris": [BACK] }),
            "invalid_client_metadata",
        ),
        (
            json!({ "client_name": "", "redirect_uris": [BACK] }),
            "invalid_client_metadata",
        ),
    ] {
        assert_eq!(error(registration(&program.outside, body).await), expected);
    }
    let mut statuses = Vec::new();
    for _ in 0..6 {
        let body = json!({ "redirect_uris": [BACK] });
        statuses.push(registration(&program.outside, body).await.status.as_u16());
    }
    assert_eq!((statuses[0], statuses[5]), (201, 429), "{statuses:?}");
    // the one with a token stays
    let code = program.code(&program.world.elif).await;
    program.exchange(&code, &[]).await.ok();
    let tomorrow = NOW + time::Duration::days(2);
    retention::purge_expired(&program.world.db, tomorrow)
        .await
        .unwrap();
    let left: Vec<String> = sqlx::query_scalar("SELECT id::text FROM oauth_clients")
        .fetch_all(&program.world.db)
        .await
        .unwrap();
    assert_eq!(left, [program.id.as_str()]);
}
