//! A GitHub App is created from a manifest, at a GitHub that also lies.

use std::sync::{Arc, Mutex};

use axum::{
    Router,
    extract::{OriginalUri, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::post,
};
use fortnight::{
    app::{App, Settings},
    domain::retention::purge_expired,
    http::router::router,
};
use serde_json::{Value, json};
use time::Duration;

use super::{Connected, PullRequest, ago};
use crate::{
    fixtures::{Client, World},
    people::create_account,
};

const SECRET: &str = "0123456789abcdef0123456789abcdef01234567";

/// What GitHub answers to a code.
type Answer = Arc<dyn Fn() -> Response + Send + Sync>;

/// GitHub's API, which gives out an App for a code once.
#[derive(Clone)]
struct GitHub {
    asked: Arc<Mutex<Vec<String>>>,
    answer: Arc<Mutex<Answer>>,
}

impl GitHub {
    async fn start() -> (Self, String) {
        let github = Self {
            asked: Arc::default(),
            answer: Arc::new(Mutex::new(Arc::new(|| {
                StatusCode::NOT_FOUND.into_response()
            }))),
        };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let routes = Router::new()
            .fallback(post(convert))
            .with_state(github.clone());
        tokio::spawn(async move { axum::serve(listener, routes).await });
        (github, address)
    }

    fn answer(&self, answer: impl Fn() -> Response + Send + Sync + 'static) {
        *self.answer.lock().unwrap() = Arc::new(answer);
    }

    fn asked(&self) -> Vec<String> {
        std::mem::take(&mut *self.asked.lock().unwrap())
    }
}

async fn convert(State(github): State<GitHub>, OriginalUri(uri): OriginalUri) -> Response {
    github.asked.lock().unwrap().push(uri.path().to_owned());
    let answer = github.answer.lock().unwrap().clone();
    answer()
}

/// A workspace whose GitHub is on this machine.
struct Office {
    world: World,
    admin: Client,
    github: GitHub,
    site: String,
}

/// What a page leads to GitHub with.
struct Sent {
    action: String,
    manifest: Value,
    state: String,
}

impl Office {
    async fn open() -> Self {
        let world = World::new().await;
        let (github, site) = GitHub::start().await;
        let settings = Settings {
            outgoing_allow: "127.0.0.0/8".parse().unwrap(),
            ..Settings::default()
        };
        let (db, clock) = (world.db.clone(), world.app.clock.clone());
        let app = App::with(settings, "http://fortnight.test", db, clock);
        let (mut admin, ..) = create_account(&world, "ada", "admin").await;
        admin.router = router(app);
        Self {
            world,
            admin,
            github,
            site,
        }
    }

    /// The page that leads to GitHub.
    async fn begin(&self, name: &str) -> Sent {
        let fields = [
            ("app_name", name),
            ("organization", "acme"),
            ("site", self.site.as_str()),
        ];
        let page = self
            .admin
            .post("/settings/connections/github-app", &fields)
            .await
            .status(200);
        // Forms lead to this site as well, and nowhere else.
        let policy = page.header("content-security-policy").to_owned();
        assert!(
            policy.contains(&format!("form-action 'self' {};", self.site)),
            "{policy}"
        );
        let page = page.text();
        let form = page.split("settings/apps/new").next().unwrap();
        let start = form.rsplit("action=\"").next().unwrap();
        let rest = page.split("settings/apps/new?state=").nth(1).unwrap();
        let state = rest.split('"').next().unwrap().to_owned();
        let manifest = rest.split("name=\"manifest\" value=\"").nth(1).unwrap();
        let manifest = manifest.split('"').next().unwrap().replace("&#34;", "\"");
        Sent {
            action: format!("{start}settings/apps/new"),
            manifest: serde_json::from_str(&manifest).unwrap(),
            state,
        }
    }

    /// GitHub sends the browser back.
    async fn come_back(
        &self,
        client: &Client,
        code: &str,
        state: &str,
    ) -> crate::fixtures::Response {
        let path = format!("/settings/connections/github-app/created?code={code}&state={state}");
        client.get(&path).await
    }

    async fn connections(&self) -> i64 {
        sqlx::query_scalar("SELECT count(*) FROM forge_connections")
            .fetch_one(&self.world.db)
            .await
            .unwrap()
    }

    fn gives_out(&self, secret: &'static str) {
        let page = format!("{}/apps/fortnight-acme", self.site);
        self.github.answer(move || {
            let app = json!({
                "id": 1, "slug": "fortnight-acme", "name": "Fortnight acme", "html_url": page, "webhook_secret": secret,
                "pem": "-----BEGIN RSA PRIVATE KEY-----", "client_id": "x", "client_secret": "the client secret",
            });
            (StatusCode::CREATED, axum::Json(app)).into_response()
        });
    }
}

#[tokio::test]
async fn github_app_is_created_from_a_manifest() {
    let office = Office::open().await;
    let sent = office.begin("acme").await;
    assert_eq!(
        sent.action,
        format!("{}/organizations/acme/settings/apps/new", office.site)
    );
    let hook = sent.manifest["hook_attributes"]["url"].as_str().unwrap();
    let id = hook.rsplit('/').next().unwrap().to_owned();
    assert_eq!(
        sent.manifest,
        json!({
            "name": "Fortnight acme", "url": "http://fortnight.test", "public": false,
            "hook_attributes": { "url": format!("http://fortnight.test/hooks/forge/{id}"), "active": true },
            "redirect_url": "http://fortnight.test/settings/connections/github-app/created",
            "setup_url": format!("http://fortnight.test/settings/connections/{id}"),
            "default_permissions": {
                "checks": "read", "contents": "read", "issues": "read", "metadata": "read", "pull_requests": "read",
                "statuses": "read",
            },
            "default_events": [
                "check_run", "check_suite", "delete", "issue_comment", "pull_request", "pull_request_review", "push", "status",
            ],
        })
    );
    let outgoing = office.admin.get("/settings/outgoing").await.ok().text();
    let host = office.site.trim_start_matches("http://");
    assert!(
        outgoing.contains("GitHub Apps") && outgoing.contains(host),
        "{outgoing}"
    );
    office.gives_out(SECRET);
    let back = office
        .come_back(&office.admin, "c0de", &sent.state)
        .await
        .status(303);
    let page = format!("/settings/connections/{id}");
    assert_eq!(back.header("location"), format!("{page}?did=created"));
    assert_eq!(
        office.github.asked(),
        ["/api/v3/app-manifests/c0de/conversions"]
    );
    let shown = office.admin.get(back.header("location")).await.ok().text();
    let install = format!("{}/apps/fortnight-acme/installations/new", office.site);
    assert!(
        shown.contains("GitHub App created.") && shown.contains(&install),
        "{shown}"
    );
    assert!(!shown.contains(SECRET), "{shown}");
    // Deliveries of the App are accepted, and nothing else of it is stored.
    let connected = Connected {
        hook: format!("/hooks/forge/{id}"),
        secret: SECRET.to_owned(),
        page,
        admin: office.admin.clone(),
        world: office.world,
    };
    connected.list("acme/alerts", "ingestion").await;
    connected
        .world
        .jonas
        .create_task("ingestion", "todo", "Cut over")
        .await;
    let request = PullRequest::new("ING-1").github("opened", "open", ago(5));
    connected.deliver("pull_request", &request).await;
    assert_eq!(connected.column("ING-1").await, "in-review");
    let stored: String = sqlx::query_scalar("SELECT to_jsonb(c)::text FROM forge_connections c")
        .fetch_one(&connected.world.db)
        .await
        .unwrap();
    assert!(
        !stored.contains("PRIVATE KEY") && !stored.contains("client secret"),
        "{stored}"
    );
    let audit = connected.admin.get("/settings/audit").await.ok().text();
    assert!(audit.contains("connection.created") && !audit.contains(&sent.state));
}

#[tokio::test]
async fn way_back_from_github_is_for_one_person_once() {
    let office = Office::open().await;
    office.gives_out(SECRET);
    let sent = office.begin("acme").await;
    let (mut other, ..) = create_account(&office.world, "bea", "admin").await;
    other.router = office.admin.router.clone();
    for (client, state) in [
        (&other, sent.state.as_str()),
        (&office.admin, "another"),
        (&office.admin, ""),
        (&office.admin, "%00"),
    ] {
        let refused = office
            .come_back(client, "c0de", state)
            .await
            .status(422)
            .text();
        assert!(refused.contains("This way back from GitHub"), "{refused}");
    }
    assert_eq!(office.github.asked(), Vec::<String>::new());
    office
        .come_back(&office.admin, "c0de", &sent.state)
        .await
        .status(303);
    // the same address again, as from the browser's history
    office
        .come_back(&office.admin, "c0de", &sent.state)
        .await
        .status(422);
    assert_eq!(
        (office.github.asked().len(), office.connections().await),
        (1, 1)
    );
    // GitHub was away for a moment: the same address is opened again
    let sent = office.begin("again").await;
    office
        .github
        .answer(|| StatusCode::BAD_GATEWAY.into_response());
    let refused = office.come_back(&office.admin, "c0de", &sent.state).await;
    let refused = refused.status(422).text();
    assert!(refused.contains("Reload this page"), "{refused}");
    office.gives_out(SECRET);
    office
        .come_back(&office.admin, "c0de", &sent.state)
        .await
        .status(303);
    // More than an hour later.
    let sent = office.begin("later").await;
    office.world.app.clock.advance(Duration::minutes(61));
    office
        .come_back(&office.admin, "c0de", &sent.state)
        .await
        .status(422);
    assert_eq!(office.connections().await, 2);
    let kept = async || -> i64 {
        sqlx::query_scalar("SELECT count(*) FROM github_app_requests")
            .fetch_one(&office.world.db)
            .await
            .unwrap()
    };
    assert_eq!(kept().await, 1);
    let now = office.world.app.clock.now();
    purge_expired(&office.world.db, now).await.unwrap();
    assert_eq!(kept().await, 0);
    // Neither strangers nor members learn anything.
    let path = "/settings/connections/github-app/created?code=a&state=b";
    let there = office.world.stranger().get(path).await.status(303);
    assert!(there.header("location").starts_with("/login?next="));
    office.world.jonas.get(path).await.status(403);
    // The name is taken by then: the App exists already, and gets another one.
    let (one, two) = (office.begin("twice").await, office.begin("twice").await);
    for sent in [one, two] {
        office
            .come_back(&office.admin, "c0de", &sent.state)
            .await
            .status(303);
    }
    let names: Vec<String> = sqlx::query_scalar("SELECT name FROM forge_connections ORDER BY name")
        .fetch_all(&office.world.db)
        .await
        .unwrap();
    assert_eq!(names, ["acme", "again", "twice", "twice 2"]);
}

#[tokio::test]
async fn answers_of_github_that_lie_add_nothing() {
    let office = Office::open().await;
    type Made = fn() -> Response;
    let answers: [(&str, Made); 8] = [
        ("GitHub does not know the code any more", || {
            StatusCode::NOT_FOUND.into_response()
        }),
        ("GitHub answered 500", || {
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }),
        ("GitHub answered 302", || {
            (
                StatusCode::FOUND,
                [(header::LOCATION, "http://127.0.0.1:9/")],
            )
                .into_response()
        }),
        ("is not JSON", || {
            "<!doctype html><title>Sign in</title>".into_response()
        }),
        ("sent more than", || vec![b' '; 2_000_000].into_response()),
        ("no webhook secret", || {
            axum::Json(json!({ "id": 1, "webhook_secret": null })).into_response()
        }),
        ("no webhook secret", || {
            axum::Json(json!({ "webhook_secret": "short" })).into_response()
        }),
        ("no webhook secret", || {
            axum::Json(json!({ "webhook_secret": ["x"] })).into_response()
        }),
    ];
    for (words, answer) in answers {
        let sent = office.begin("acme").await;
        office.github.answer(answer);
        let refused = office.come_back(&office.admin, "c0de", &sent.state).await;
        let refused = refused.status(422).text();
        assert!(
            refused.contains(words) && refused.contains("Nothing was added here."),
            "{words}: {refused}"
        );
    }
    // A code that would lead to another path is not sent.
    office.github.asked();
    for code in ["", "..%2F..%2Fuser", "a%2Fb", "a%3Fb", "%C3%A4"] {
        let sent = office.begin("acme").await;
        office
            .come_back(&office.admin, code, &sent.state)
            .await
            .status(422);
    }
    assert_eq!(office.github.asked(), Vec::<String>::new());
    assert_eq!(office.connections().await, 0);
    // A page elsewhere is not linked to.
    office.github.answer(|| {
        let app = json!({ "webhook_secret": SECRET, "html_url": "https://github.example/apps/x" });
        axum::Json(app).into_response()
    });
    let sent = office.begin("acme").await;
    let back = office
        .come_back(&office.admin, "c0de", &sent.state)
        .await
        .status(303);
    let shown = office.admin.get(back.header("location")).await.ok().text();
    assert!(!shown.contains("github.example"), "{shown}");
}

#[tokio::test]
async fn form_for_a_github_app_says_what_is_wrong() {
    let office = Office::open().await;
    let admin = &office.admin;
    let fields = [("name", "Acme"), ("forge", "github")];
    admin
        .post("/settings/connections", &fields)
        .await
        .status(200);
    for (name, organization, site, words) in [
        (
            "acme",
            "",
            office.site.as_str(),
            "A connection with this name already exists.",
        ),
        (
            "",
            "",
            office.site.as_str(),
            "A name must have 1 to 60 characters.",
        ),
        (
            "x",
            "a/b",
            office.site.as_str(),
            "Enter the name of an organization",
        ),
        (
            "x",
            "",
            "https://github.com/acme",
            "Enter the address of GitHub",
        ),
        (
            "x",
            "",
            "github.com; script-src *",
            "Enter the address of GitHub",
        ),
        ("x", "", "http://10.0.0.1", "which is not a public address"),
    ] {
        let fields = [
            ("app_name", name),
            ("organization", organization),
            ("site", site),
        ];
        let refused = admin
            .post("/settings/connections/github-app", &fields)
            .await;
        assert!(!refused.header("content-security-policy").contains("github"));
        let refused = refused.status(422).text();
        assert!(refused.contains(words), "{words}: {refused}");
    }
    let begun: i64 = sqlx::query_scalar("SELECT count(*) FROM github_app_requests")
        .fetch_one(&office.world.db)
        .await
        .unwrap();
    assert_eq!(begun, 0);
    for _ in 0..20 {
        office.begin("often").await;
    }
    let fields = [("app_name", "often"), ("site", office.site.as_str())];
    admin
        .post("/settings/connections/github-app", &fields)
        .await
        .status(409);
}
