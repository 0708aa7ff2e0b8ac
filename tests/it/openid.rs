//! Sign-in through an OpenID provider, which here is one that can lie in every field.

use std::{
    collections::HashMap,
    sync::{Arc, LazyLock, Mutex},
};

use axum::{
    Form, Json, Router,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Redirect, Response as HttpResponse},
    routing::{get, post},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use fortnight::{
    app::{App, Settings},
    config::openid::OpenIdProvider,
    domain::clock::Clock,
    http::router::router,
};
use openidconnect::{
    JsonWebKeyId, PrivateSigningKey,
    core::{CoreJwsSigningAlgorithm, CoreRsaPrivateSigningKey},
};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use time::Duration;

use crate::{
    fixtures::{Client, NOW, Response, World},
    people::{PASSWORD, create_account},
    program::Place,
    second_factor,
};

static KEY: LazyLock<CoreRsaPrivateSigningKey> = LazyLock::new(|| {
    let pem = include_str!("../data/openid-provider.pem");
    CoreRsaPrivateSigningKey::from_pem(pem, Some(JsonWebKeyId::new("one".to_owned()))).unwrap()
});

/// What a provider says that is not so.
#[derive(Clone, Copy, Default)]
enum Lie {
    #[default]
    None,
    /// Changes the claims before they are signed.
    Claims(fn(&mut Value)),
    /// Changes the discovery document.
    Discovery(fn(&mut Value)),
    /// Changes the claims after they were signed.
    Tampered,
    /// The algorithm in the header of an unsigned token.
    Unsigned(&'static str),
    TokenRedirects,
    /// The userinfo endpoint speaks of someone else.
    Userinfo,
}

#[derive(Clone, Default)]
pub struct Provider {
    pub url: String,
    lie: Arc<Mutex<Lie>>,
    /// The claims that a code is exchanged for, and the challenge that belongs to it.
    codes: Arc<Mutex<HashMap<String, (Value, String)>>>,
    /// Further claims of everyone.
    pub more: Arc<Mutex<Value>>,
    /// What the userinfo endpoint knows of the person who signed in last.
    userinfo: Arc<Mutex<Value>>,
    /// Whether the userinfo endpoint knows the groups that the ID token does not have.
    pub groups_by_userinfo: Arc<Mutex<bool>>,
    /// How often its discovery document was read.
    pub discovered: Arc<Mutex<usize>>,
}

impl Provider {
    pub async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.2:0").await.unwrap();
        let provider = Self {
            url: format!("http://{}", listener.local_addr().unwrap()),
            ..Self::default()
        };
        let routes = Router::new()
            .route("/.well-known/openid-configuration", get(discovery))
            .route("/keys", get(keys))
            .route("/token", post(token))
            .route("/userinfo", get(userinfo))
            .with_state(provider.clone());
        tokio::spawn(async { axum::serve(listener, routes).await });
        provider
    }

    fn lie(&self, lie: Lie) {
        *self.lie.lock().unwrap() = lie;
    }
}

async fn discovery(State(provider): State<Provider>) -> Json<Value> {
    *provider.discovered.lock().unwrap() += 1;
    let url = &provider.url;
    let mut document = json!({
        "issuer": url,
        "authorization_endpoint": format!("{url}/authorize"),
        "token_endpoint": format!("{url}/token"),
        "jwks_uri": format!("{url}/keys"),
        "userinfo_endpoint": format!("{url}/userinfo"),
        "end_session_endpoint": format!("{url}/leave?from=here"),
        "response_types_supported": ["code"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256"],
    });
    if let Lie::Discovery(change) = *provider.lie.lock().unwrap() {
        change(&mut document);
    }
    Json(document)
}

async fn userinfo(State(provider): State<Provider>, headers: HeaderMap) -> HttpResponse {
    if headers
        .get(header::AUTHORIZATION)
        .is_none_or(|it| it != "Bearer a")
    {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let mut claims = provider.userinfo.lock().unwrap().clone();
    if matches!(*provider.lie.lock().unwrap(), Lie::Userinfo) {
        claims["sub"] = json!("someone-else");
    }
    Json(claims).into_response()
}

async fn keys() -> Json<Value> {
    Json(json!({ "keys": [KEY.as_verification_key()] }))
}

async fn token(
    State(provider): State<Provider>,
    Form(form): Form<HashMap<String, String>>,
) -> HttpResponse {
    let lie = *provider.lie.lock().unwrap();
    if matches!(lie, Lie::TokenRedirects) {
        return Redirect::temporary("/keys").into_response();
    }
    // as a real one: a code works once, and only with the verifier of its challenge
    let found = provider.codes.lock().unwrap().remove(&form["code"]);
    let verifier = URL_SAFE_NO_PAD.encode(Sha256::digest(&form["code_verifier"]));
    let Some((mut claims, _)) = found.filter(|(_, challenge)| *challenge == verifier) else {
        let error = Json(json!({ "error": "invalid_grant" }));
        return (StatusCode::BAD_REQUEST, error).into_response();
    };
    if let Lie::Claims(change) = lie {
        change(&mut claims);
    }
    let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let id_token = match lie {
        Lie::Unsigned(alg) => format!("{}.{}.", encode(&json!({ "alg": alg })), encode(&claims)),
        _ => {
            let head = encode(&json!({ "alg": "RS256", "kid": "one" }));
            let signed = format!("{head}.{}", encode(&claims));
            let rs256 = CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256;
            let signature = KEY.sign(&rs256, signed.as_bytes()).unwrap();
            if matches!(lie, Lie::Tampered) {
                claims["sub"] = json!("someone-else");
            }
            let signature = URL_SAFE_NO_PAD.encode(signature);
            format!("{head}.{}.{signature}", encode(&claims))
        }
    };
    let answer = json!({ "access_token": "a", "token_type": "Bearer", "id_token": id_token });
    Json(answer).into_response()
}

/// A workspace whose people can sign in through the provider.
pub struct Setup {
    pub world: World,
    pub provider: Provider,
    pub browser: Client,
}

impl Setup {
    pub async fn new(domains: &[&str]) -> Self {
        let provider = Provider::start().await;
        let issuer = provider.url.clone();
        Self::with(provider, issuer, domains).await
    }

    async fn with(provider: Provider, issuer: String, domains: &[&str]) -> Self {
        let named = OpenIdProvider {
            issuer,
            client_id: "fortnight".to_owned(),
            client_secret: Some("secret".to_owned()),
            name: "Example ID".to_owned(),
            domains: domains.iter().map(|&domain| domain.to_owned()).collect(),
        };
        Self::of(provider, Some(named)).await
    }

    /// With a provider of flags, or only of the settings.
    pub async fn of(provider: Provider, named: Option<OpenIdProvider>) -> Self {
        let world = World::new().await;
        let settings = Settings {
            outgoing_allow: "127.0.0.0/8".parse().unwrap(),
            openid: named,
            ..Settings::default()
        };
        let clock = Clock::standing(NOW);
        let app = App::with(settings, "http://fortnight.test", world.db.clone(), clock);
        let browser = Client {
            router: router(app),
            ..world.stranger()
        };
        Self {
            world,
            provider,
            browser,
        }
    }

    /// Goes to the provider. Returns the browser with its cookie, and the parameters that the provider gets.
    async fn leave(&self, next: &str) -> (Client, HashMap<String, String>) {
        let query: String = form_urlencoded::byte_serialize(next.as_bytes()).collect();
        let path = format!("/login/openid?next={query}");
        self.leave_by(&self.browser, &path).await
    }

    /// As `leave`, from another page. The browser keeps its session.
    pub async fn leave_by(
        &self,
        browser: &Client,
        path: &str,
    ) -> (Client, HashMap<String, String>) {
        let left = browser.get(path).await.status(303);
        let to = url::Url::parse(left.header("location")).unwrap();
        assert!(to.as_str().starts_with(&self.provider.url), "{to}");
        let cookie = left.header("set-cookie");
        assert!(
            cookie.contains("HttpOnly") && cookie.contains("SameSite=Lax"),
            "{cookie}"
        );
        let cookie = cookie.split(';').next().unwrap();
        let browser = Client {
            cookie: format!("{cookie}; {}", browser.cookie),
            ..browser.clone()
        };
        (browser, to.query_pairs().into_owned().collect())
    }

    /// The provider agrees, and gives out a code for a person.
    pub fn agree(&self, asked: &HashMap<String, String>, subject: &str, email: &str) -> String {
        assert_eq!(asked["code_challenge_method"], "S256");
        assert_eq!(
            asked["redirect_uri"],
            "http://fortnight.test/login/openid/callback"
        );
        let mut claims = json!({
            "iss": self.provider.url,
            "sub": subject,
            "aud": "fortnight",
            "exp": (NOW + Duration::minutes(5)).unix_timestamp(),
            "iat": NOW.unix_timestamp(),
            "nonce": asked["nonce"],
            "email": email,
            "email_verified": true,
            "name": "Nadia Öz",
        });
        if let Value::Object(more) = &*self.provider.more.lock().unwrap() {
            claims.as_object_mut().unwrap().extend(more.clone());
        }
        let known = match *self.provider.groups_by_userinfo.lock().unwrap() {
            true => json!({ "sub": subject, "groups": ["from-userinfo"] }),
            false => json!({ "sub": subject }),
        };
        *self.provider.userinfo.lock().unwrap() = known;
        let code = format!("code-of-{subject}");
        let entry = (claims, asked["code_challenge"].clone());
        self.provider
            .codes
            .lock()
            .unwrap()
            .insert(code.clone(), entry);
        code
    }

    pub async fn sign_in(&self, subject: &str, email: &str, next: &str) -> Response {
        let (browser, asked) = self.leave(next).await;
        let code = self.agree(&asked, subject, email);
        come_back(&browser, &code, &asked["state"]).await
    }

    /// A browser that has signed in through the provider.
    pub async fn signed_in(&self, subject: &str, email: &str) -> Client {
        let back = self.sign_in(subject, email, "/").await.status(303);
        Client {
            cookie: session(&back).unwrap(),
            ..self.browser.clone()
        }
    }

    pub async fn count(&self, table: &str) -> i64 {
        let query = format!("SELECT count(*) FROM {table}");
        sqlx::query_scalar(sqlx::AssertSqlSafe(query))
            .fetch_one(&self.world.db)
            .await
            .unwrap()
    }
}

/// A logout token of the provider.
pub fn sign_logout(claims: &Value) -> String {
    let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let head = json!({ "alg": "RS256", "kid": "one", "typ": "logout+jwt" });
    let signed = format!("{}.{}", encode(&head), encode(claims));
    let rs256 = CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256;
    let signature = KEY.sign(&rs256, signed.as_bytes()).unwrap();
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
}

pub async fn come_back(browser: &Client, code: &str, state: &str) -> Response {
    browser
        .get(&format!("/login/openid/callback?code={code}&state={state}"))
        .await
}

/// The session that a response starts, if it does.
pub fn session(response: &Response) -> Option<String> {
    let cookies = response.headers.get_all(header::SET_COOKIE).iter();
    let mut cookies = cookies.map(|cookie| cookie.to_str().unwrap());
    let session = cookies.find(|cookie| cookie.starts_with("session="))?;
    Some(session.split(';').next().unwrap().to_owned())
}

#[tokio::test]
async fn person_signs_in_and_lands_where_they_wanted_to_go() {
    let setup = Setup::new(&[]).await;
    let login = setup
        .browser
        .get("/login?next=/teams/ingestion")
        .await
        .ok()
        .text();
    assert!(
        login.contains("Sign in with Example ID")
            && login.contains("/login/openid?next=%2Fteams%2Fingestion"),
        "{login}"
    );
    let back = setup
        .sign_in("17", "nadia@example.org", "/teams/ingestion")
        .await
        .status(303);
    assert_eq!(back.header("location"), "/teams/ingestion");
    let signed_in = Client {
        cookie: session(&back).unwrap(),
        ..setup.browser.clone()
    };
    let me = signed_in.get("/me").await.ok().text();
    assert!(me.contains("Nadia Öz"), "{me}");
    // the same person, whatever their address is now
    let accounts = setup.count("accounts").await;
    let back = setup
        .sign_in("17", "n.oz@example.org", "//evil.example")
        .await;
    assert_eq!(back.status(303).header("location"), "/");
    assert_eq!(setup.count("accounts").await, accounts);
    let kinds: Vec<(String, String)> =
        sqlx::query_as("SELECT kind, about FROM audit_log ORDER BY at, id")
            .fetch_all(&setup.world.db)
            .await
            .unwrap();
    let expected = [
        (
            "account.created",
            "nadia@example.org as member, by single sign-on",
        ),
        ("sign-in.succeeded", "with Example ID"),
        ("sign-in.succeeded", "with Example ID"),
    ];
    assert_eq!(
        kinds,
        expected.map(|(kind, about)| (kind.to_owned(), about.to_owned()))
    );
}

#[tokio::test]
async fn doctor_reads_the_discovery_document() {
    let provider = Provider::start().await;
    let url = provider.url.as_str();
    let named = [
        "--oidc-issuer",
        url,
        "--oidc-client-id",
        "fortnight",
        "--public-url",
        "http://127.0.0.1:9",
    ];
    let place = Place::new();
    let doctor = async |allow: &[&str]| {
        let args = [&named[..], allow, &["doctor"]].concat();
        String::from_utf8(place.run(&args).await.stdout).unwrap()
    };
    let allowed = doctor(&["--outgoing-allow", "127.0.0.2"]).await;
    let good = format!(
        "ok       Sign-in: {url} answers; the redirect URI to register there is \
         http://127.0.0.1:9/login/openid/callback"
    );
    assert!(allowed.contains(&good), "{allowed}");
    let refused = doctor(&[]).await;
    assert!(
        refused.contains("problem  Sign-in: ") && refused.contains("is not a public address"),
        "{refused}"
    );
}

/// Case 31. Each is refused without a session, an account or a hint to the reader.
#[tokio::test]
async fn lies_of_a_provider_sign_nobody_in() {
    let setup = Setup::new(&[]).await;
    let before = setup.count("accounts").await;
    let lies: &[(&str, Lie)] = &[
        ("nonce", Lie::Claims(|it| it["nonce"] = json!("another"))),
        ("no nonce", Lie::Claims(|it| it["nonce"] = Value::Null)),
        ("audience", Lie::Claims(|it| it["aud"] = json!("another"))),
        (
            "another audience beside",
            Lie::Claims(|it| it["aud"] = json!(["fortnight", "another"])),
        ),
        (
            "issuer",
            Lie::Claims(|it| it["iss"] = json!("https://evil.example")),
        ),
        (
            "expired",
            Lie::Claims(|it| it["exp"] = json!(NOW.unix_timestamp() - 61)),
        ),
        (
            "issued in the future",
            Lie::Claims(|it| it["iat"] = json!(NOW.unix_timestamp() + 61)),
        ),
        ("no subject", Lie::Claims(|it| it["sub"] = json!(""))),
        (
            "long subject",
            Lie::Claims(|it| it["sub"] = json!("s".repeat(256))),
        ),
        (
            "huge claims",
            Lie::Claims(|it| it["more"] = json!("m".repeat(2_000_000))),
        ),
        ("tampered", Lie::Tampered),
        ("unsigned", Lie::Unsigned("none")),
        ("another algorithm", Lie::Unsigned("HS256")),
        ("redirect", Lie::TokenRedirects),
        ("userinfo of someone else", Lie::Userinfo),
        (
            "userinfo in a private network",
            Lie::Discovery(|it| it["userinfo_endpoint"] = json!("http://10.0.0.1/userinfo")),
        ),
        (
            "issuer of the document",
            Lie::Discovery(|it| it["issuer"] = json!("https://evil.example")),
        ),
        (
            "keys in a private network",
            Lie::Discovery(|it| it["jwks_uri"] = json!("http://10.0.0.1/keys")),
        ),
        (
            "tokens in a private network",
            Lie::Discovery(|it| it["token_endpoint"] = json!("http://10.0.0.1/token")),
        ),
    ];
    for (name, lie) in lies {
        let (browser, asked) = setup.leave("/").await;
        let code = setup.agree(&asked, "17", "nadia@example.org");
        setup.provider.lie(*lie);
        let back = come_back(&browser, &code, &asked["state"]).await;
        setup.provider.lie(Lie::None);
        assert_eq!(back.status, 401, "{name}: {}", back.text());
        assert_eq!(session(&back), None, "{name}");
        let text = back.text();
        assert!(
            text.contains("you are not signed in") && !text.contains("10.0.0.1"),
            "{name}"
        );
    }
    assert_eq!(setup.count("accounts").await, before);
    assert_eq!(setup.count("account_identities").await, 0);
    let reasons: Vec<String> =
        sqlx::query_scalar("SELECT about FROM audit_log WHERE kind = 'sign-in.failed'")
            .fetch_all(&setup.world.db)
            .await
            .unwrap();
    assert_eq!(reasons.len(), lies.len());
    assert!(
        reasons.iter().any(|reason| reason.contains("10.0.0.1")),
        "{reasons:?}"
    );
}

/// Case 31.
#[tokio::test]
async fn codes_work_once_and_in_the_browser_that_asked() {
    let setup = Setup::new(&[]).await;
    let (browser, asked) = setup.leave("/").await;
    let code = setup.agree(&asked, "17", "nadia@example.org");
    for (browser, state) in [
        (&browser, "another"),
        (&browser, ""),
        (&setup.browser, asked["state"].as_str()),
    ] {
        let back = come_back(browser, &code, state).await;
        assert_eq!((back.status.as_u16(), session(&back)), (401, None));
    }
    // the code of another sign-in does not fit this one's verifier
    let (other, others) = setup.leave("/").await;
    let back = come_back(&other, &code, &others["state"]).await;
    assert_eq!((back.status.as_u16(), session(&back)), (401, None));

    let (browser, asked) = setup.leave("/").await;
    let code = setup.agree(&asked, "17", "nadia@example.org");
    assert!(session(&come_back(&browser, &code, &asked["state"]).await).is_some());
    let again = come_back(&browser, &code, &asked["state"]).await;
    assert_eq!((again.status.as_u16(), session(&again)), (401, None));
    let refused = browser
        .get(&format!(
            "/login/openid/callback?error=access_denied&state={}",
            asked["state"]
        ))
        .await;
    assert_eq!(refused.status, 401);
}

#[tokio::test]
async fn clocks_may_differ_by_a_minute() {
    let setup = Setup::new(&[]).await;
    setup.provider.lie(Lie::Claims(|it| {
        it["exp"] = json!(NOW.unix_timestamp() - 59);
        it["iat"] = json!(NOW.unix_timestamp() + 59);
    }));
    let back = setup.sign_in("17", "nadia@example.org", "/").await;
    assert!(session(&back.status(303)).is_some());
}

#[tokio::test]
async fn slash_at_the_end_of_the_issuer_does_not_matter() {
    let provider = Provider::start().await;
    let issuer = format!("{}/", provider.url);
    let setup = Setup::with(provider, issuer, &[]).await;
    let back = setup.sign_in("17", "nadia@example.org", "/").await;
    assert!(session(&back.status(303)).is_some());
    let issuer: String = sqlx::query_scalar("SELECT issuer FROM account_identities")
        .fetch_one(&setup.world.db)
        .await
        .unwrap();
    assert_eq!(issuer, setup.provider.url, "as the provider writes it");
}

/// Case 24.
#[tokio::test]
async fn unverified_foreign_and_deactivated_people_are_told_why() {
    let setup = Setup::new(&["example.org"]).await;
    let accounts = setup.count("accounts").await;
    let foreign = setup.sign_in("18", "eve@evil.example", "/").await;
    let text = foreign.status(403).text();
    assert!(
        text.contains("Only e-mail addresses of example.org can sign in with Example ID."),
        "{text}"
    );
    for unverified in [
        Lie::Claims(|it| it["email_verified"] = json!(false)),
        Lie::Claims(|it| it["email_verified"] = Value::Null),
        Lie::Claims(|it| it["email"] = Value::Null),
    ] {
        setup.provider.lie(unverified);
        let refused = setup.sign_in("17", "nadia@example.org", "/").await;
        assert_eq!(session(&refused), None);
        let text = refused.status(403).text();
        assert!(text.contains("gave no verified e-mail address"), "{text}");
    }
    setup.provider.lie(Lie::None);
    assert_eq!(setup.count("accounts").await, accounts);
    let back = setup.sign_in("17", "nadia@example.org", "/").await;
    assert!(session(&back.status(303)).is_some());
    sqlx::query("UPDATE accounts SET deactivated_at = now() WHERE email = 'nadia@example.org'")
        .execute(&setup.world.db)
        .await
        .unwrap();
    for subject in ["17", "19"] {
        let refused = setup.sign_in(subject, "nadia@example.org", "/").await;
        assert_eq!(session(&refused), None);
        let text = refused.status(403).text();
        assert!(text.contains("Your account is deactivated."), "{text}");
    }
}

#[tokio::test]
async fn existing_account_is_connected_after_its_password() {
    let setup = Setup::new(&[]).await;
    let (_, email, _) = create_account(&setup.world, "mira", "member").await;
    let key = async || {
        let asked = setup.sign_in("20", &email, "/standup").await.ok();
        assert_eq!(session(&asked), None);
        let text = asked.text();
        let (_, key) = text.split_once("name=\"key\" value=\"").unwrap();
        key.split('"').next().unwrap().to_owned()
    };
    let confirm = async |key: &str, password: &str| {
        let fields = [("key", key), ("password", password), ("next", "/standup")];
        setup.browser.post("/login/openid/confirm", &fields).await
    };
    let replaced = key().await;
    let current = key().await;
    confirm(&replaced, PASSWORD).await.status(410);
    let wrong = confirm(&current, "not the password").await;
    assert_eq!(session(&wrong), None);
    assert!(wrong.status(401).text().contains("Wrong password."));
    let right = confirm(&current, PASSWORD).await.status(303);
    assert_eq!(right.header("location"), "/standup");
    let signed_in = Client {
        cookie: session(&right).unwrap(),
        ..setup.browser.clone()
    };
    let me = signed_in.get("/me").await.ok().text();
    assert!(me.contains("Mira Lindqvist"), "{me}");
    confirm(&current, PASSWORD).await.status(410);
    // from now on without the password
    let back = setup.sign_in("20", &email, "/").await.status(303);
    assert!(session(&back).is_some());
}

/// Knowing the password alone is not enough to connect a provider's account as a way round the code.
#[tokio::test]
async fn second_factor_is_asked_for_before_an_identity_is_connected() {
    let setup = Setup::new(&[]).await;
    let (mira, email, _) = create_account(&setup.world, "mira", "member").await;
    let mira = second_factor::set_up(&setup.world, &mira, &email).await;
    let asked = setup.sign_in("20", &email, "/standup").await.ok().text();
    assert!(asked.contains("name=\"code\""), "{asked}");
    let (_, key) = asked.split_once("name=\"key\" value=\"").unwrap();
    let key = key.split('"').next().unwrap().to_owned();
    let confirm = async |password: &str, code: &str| {
        let fields = [
            ("key", key.as_str()),
            ("password", password),
            ("code", code),
        ];
        setup.browser.post("/login/openid/confirm", &fields).await
    };
    // the clock of this program does not go with the other one's
    let code = second_factor::code(&mira.key, NOW + Duration::seconds(30));
    for (password, entered) in [
        (PASSWORD, ""),
        (PASSWORD, "000000"),
        ("not the password", code.as_str()),
    ] {
        let refused = confirm(password, entered).await;
        assert_eq!(session(&refused), None);
        let refused = refused.status(401).text();
        assert!(refused.contains("Wrong password or code."), "{refused}");
    }
    assert_eq!(setup.count("account_identities").await, 0);
    let right = confirm(PASSWORD, &code).await.status(303);
    assert!(session(&right).is_some());
    // the provider has a second factor of its own, unless an administrator does not rely on that
    let back = setup.sign_in("20", &email, "/").await.status(303);
    assert!(session(&back).is_some());
    sqlx::query("UPDATE workspace SET provider_is_second_factor = false")
        .execute(&setup.world.db)
        .await
        .unwrap();
    let back = setup.sign_in("20", &email, "/inbox").await.status(303);
    assert_eq!(session(&back), None);
    assert_eq!(back.header("location"), "/login/code");
    let browser = Client {
        cookie: second_factor::cookie(&back, "sign-in").unwrap(),
        ..setup.browser.clone()
    };
    let fields = [("code", mira.recovery_codes[0].as_str())];
    let signed_in = browser.post("/login/code", &fields).await.status(303);
    assert_eq!(signed_in.header("location"), "/inbox");
    assert!(session(&signed_in).is_some());
}
