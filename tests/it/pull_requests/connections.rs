//! What administrators do with a connection: they try its address, rename it, end it and take that back.

use std::sync::{Arc, Mutex};

use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use fortnight::{
    app::{App, Settings},
    http::router::router,
};
use serde_json::json;
use tower::ServiceExt;

use super::{Connected, PullRequest, ago};
use crate::fixtures::{Client, World};

/// What a proxy in front of the server does with a request.
#[derive(Clone, Copy, PartialEq)]
enum Proxy {
    Pass,
    /// Changes the body.
    Rewrite,
    /// Passes the request on, and the answer not.
    Lose,
    Answer(u16),
}

/// The server at a public address of this machine, behind a proxy.
struct Public {
    connected: Connected,
    mode: Arc<Mutex<Proxy>>,
}

/// The program at another public address, which may send requests to this machine.
fn app_at(world: &World, address: &str, allowed: &str) -> App {
    let settings = Settings {
        outgoing_allow: allowed.parse().unwrap(),
        ..Settings::default()
    };
    App::with(settings, address, world.db.clone(), world.app.clock.clone())
}

impl Public {
    async fn with(forge: &str) -> Self {
        let mut connected = Connected::to(forge).await;
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let app = app_at(&connected.world, &address, "127.0.0.0/8");
        let mode = Arc::new(Mutex::new(Proxy::Pass));
        let front = Router::new()
            .fallback(answer)
            .with_state((router(app.clone()), mode.clone()));
        tokio::spawn(async move { axum::serve(listener, front).await });
        connected.admin.router = router(app);
        Self { connected, mode }
    }

    /// Presses the button, and returns the page.
    async fn send_test(&self, proxy: Proxy) -> String {
        *self.mode.lock().unwrap() = proxy;
        let path = format!("{}/test", self.connected.page);
        self.connected
            .admin
            .post(&path, &[])
            .await
            .status(200)
            .text()
    }
}

async fn answer(
    State((inner, mode)): State<(Router, Arc<Mutex<Proxy>>)>,
    request: Request,
) -> Response {
    let mode = *mode.lock().unwrap();
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, 1_000_000).await.unwrap();
    let body = match mode {
        Proxy::Answer(status) => return StatusCode::from_u16(status).unwrap().into_response(),
        Proxy::Rewrite => [&body[..], b" "].concat().into(),
        _ => body,
    };
    let request = Request::from_parts(parts, Body::from(body));
    let answered = inner.oneshot(request).await.unwrap();
    match mode {
        Proxy::Lose => StatusCode::BAD_GATEWAY.into_response(),
        _ => answered,
    }
}

#[tokio::test]
async fn test_goes_the_whole_road_at_each_forge() {
    for forge in ["github", "forgejo", "gitlab"] {
        let public = Public::with(forge).await;
        let page = public.send_test(Proxy::Pass).await;
        assert!(
            page.contains("The test arrived at the public address, and its signature matches."),
            "{forge}: {page}"
        );
        let connected = &public.connected;
        // It is in the log as a test, is none of the forge's deliveries, and is not processed.
        let log = page.split("id=\"deliveries\"").nth(1).unwrap();
        assert!(
            log.contains("A test from this page.") && !log.contains("Run again"),
            "{log}"
        );
        assert!(page.contains("no delivery yet"), "{page}");
        assert_eq!(connected.process_waiting().await, 0);
        for (filter, shown) in [("test", true), ("refused", false), ("nothing", false)] {
            let path = format!("{}?result={filter}", connected.page);
            let page = connected.admin.get(&path).await.ok().text();
            assert_eq!(page.contains("A test from this page."), shown, "{filter}");
        }
        // Sent again by someone who has seen it, it is no other one.
        let count = async || -> i64 {
            sqlx::query_scalar("SELECT count(*) FROM forge_deliveries WHERE state = 'test'")
                .fetch_one(&connected.world.db)
                .await
                .unwrap()
        };
        public.send_test(Proxy::Pass).await;
        assert_eq!(count().await, 2);
    }
}

#[tokio::test]
async fn test_says_what_is_in_the_way() {
    let public = Public::with("github").await;
    for (proxy, words) in [
        (Proxy::Answer(200), "nothing arrived here"),
        (
            Proxy::Answer(301),
            "was 301 Moved Permanently, which redirects elsewhere",
        ),
        (Proxy::Answer(401), "was 401 Unauthorized, so a proxy"),
        (Proxy::Answer(403), "has not signed in there"),
        (
            Proxy::Answer(404),
            "does not pass on requests to /hooks/forge/",
        ),
        (Proxy::Answer(502), "was 502 Bad Gateway, so a proxy"),
        (
            Proxy::Rewrite,
            "was refused, because its signature does not match",
        ),
        (
            Proxy::Lose,
            "The test arrived and its signature matches, but the answer was 502",
        ),
    ] {
        let page = public.send_test(proxy).await;
        assert!(
            page.contains(words) && page.contains("role=\"alert\""),
            "{words}: {page}"
        );
    }
    let log = public.connected.log().await;
    assert!(
        log.contains("Refused: the signature does not match"),
        "{log}"
    );
}

#[tokio::test]
async fn test_of_an_address_that_may_not_be_reached_says_so() {
    let connected = Connected::to("github").await;
    let path = format!("{}/test", connected.page);
    for (address, allowed, words) in [
        (
            "http://127.0.0.1:9",
            "",
            "The operator can allow tests with --outgoing-allow 127.0.0.1.",
        ),
        (
            "http://127.0.0.1:9",
            "127.0.0.0/8",
            "The public address does not answer: 127.0.0.1 cannot be reached",
        ),
        (
            "http://fortnight.test",
            "",
            "the name fortnight.test has no address",
        ),
    ] {
        let admin = Client {
            router: router(app_at(&connected.world, address, allowed)),
            ..connected.admin.clone()
        };
        let page = admin.post(&path, &[]).await.status(200).text();
        assert!(page.contains(words), "{page}");
    }
    // Programs do not make the server send anything.
    let program = connected
        .world
        .program_of(
            &connected.admin,
            fortnight::domain::policy::viewer::Scope::Write,
        )
        .await;
    program.post(&path, &[]).await.status(403);
    let disconnect = format!("{}/disconnect", connected.page);
    connected.admin.post(&disconnect, &[]).await.status(303);
    let refused = connected.admin.post(&path, &[]).await.status(409).text();
    assert!(refused.contains("Nothing was sent."), "{refused}");
    let unknown = "/settings/connections/00000000-0000-4000-8000-000000000009/test";
    connected.admin.post(unknown, &[]).await.status(404);
}

#[tokio::test]
async fn connection_is_renamed() {
    let connected = Connected::to("github").await;
    let admin = &connected.admin;
    let fields = [("name", "other"), ("forge", "gitlab")];
    admin
        .post("/settings/connections", &fields)
        .await
        .status(200);
    let path = format!("{}/name", connected.page);
    for (name, status) in [("Other ", 422), ("", 422), ("Acme & sons", 303)] {
        let page = admin.post(&path, &[("name", name)]).await.status(status);
        let page = page.text();
        assert!(
            status == 303 || page.contains("field-error") && page.contains("Rename connection"),
            "{page}"
        );
    }
    let page = admin.get(&connected.page).await.ok().text();
    assert!(page.contains(">Acme &#38; sons</h1>"), "{page}");
    let audit = admin.get("/settings/audit").await.ok().text();
    assert!(audit.contains("acme, now Acme &#38; sons"), "{audit}");
    connected.send("1", "ping", &json!({})).await.status(202);
}

#[tokio::test]
async fn disconnecting_can_be_undone() {
    let connected = Connected::to("github").await;
    let (admin, elif) = (&connected.admin, &connected.world.elif);
    elif.create_task("infrastructure", "todo", "Cut over").await;
    let old = connected.secret.clone();
    let path = format!("{}/secret", connected.page);
    admin.post(&path, &[]).await.status(200);
    // It waits when the connection is ended, signed with the secret that was replaced.
    let body = PullRequest::new("INF-1").github("opened", "open", ago(5));
    connected
        .send("waits", "pull_request", &body)
        .await
        .status(202);
    let disconnect = format!("{}/disconnect", connected.page);
    let done = admin.post(&disconnect, &[]).await.status(303);
    let page = admin.get(done.header("location")).await.ok().text();
    let toast = page.split("class=\"toast\"").nth(1).unwrap();
    let restore = format!("{}/restore", connected.page);
    assert!(
        toast.contains("acme was disconnected.")
            && toast.contains(&restore)
            && toast.contains("Undo"),
        "{toast}"
    );
    assert_eq!(connected.process_waiting().await, 0);
    connected.send("late", "ping", &json!({})).await.status(404);
    // without the toast, later
    let page = admin.get(&connected.page).await.ok().text();
    assert!(
        page.contains("Connect again") && !page.contains("class=\"toast\""),
        "{page}"
    );
    // Its name is taken meanwhile.
    let fields = [("name", "Acme"), ("forge", "github")];
    let other = admin.post("/settings/connections", &fields).await;
    let (other, _) = super::read_connection(&other.status(200).text());
    let refused = admin.post(&restore, &[]).await.status(409).text();
    assert!(
        refused.contains("Another connection is named “acme” now."),
        "{refused}"
    );
    let path = format!("/settings/connections/{other}/name");
    admin.post(&path, &[("name", "acme 2")]).await.status(303);
    // twice, as a form may be sent
    admin.post(&restore, &[]).await.status(303);
    admin.post(&restore, &[]).await.status(303);
    assert_eq!(connected.process_waiting().await, 1);
    assert_eq!(connected.column("INF-1").await, "in-review");
    assert_eq!(old, connected.secret);
    connected
        .send("again", "ping", &json!({}))
        .await
        .status(202);
    let audit = admin.get("/settings/audit").await.ok().text();
    assert!(audit.contains("connection.restored"), "{audit}");
    let unknown = "/settings/connections/00000000-0000-4000-8000-000000000009/restore";
    admin.post(unknown, &[]).await.status(404);
}
