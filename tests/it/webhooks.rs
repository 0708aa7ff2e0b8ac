//! Outgoing webhooks with a real receiver: what is sent, how it is signed and tried again, what ends it, and who sees it.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
    time::Duration as StdDuration,
};

use axum::{
    Router,
    body::Bytes,
    extract::{OriginalUri, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::any,
};
use base64::{Engine, engine::general_purpose::STANDARD};
use fortnight::{
    app::{App, Settings},
    domain::{
        mail::mailer::Mailer, outbound::Limits, retention::purge_expired,
        webhooks::queue::MOST_WAITING,
    },
    jobs::webhooks::{make_new, send_due},
};
use futures_util::{StreamExt, stream};
use hmac::{Hmac, Mac};
use serde_json::{Value, json};
use time::Duration;
use uuid::Uuid;

use crate::{
    fixtures::{Client, NOW, World},
    importing::import_into,
    mail_server::MailServer,
    outbox_metrics::outbox_figures,
    people::create_account,
};

/// How the receiver answers the next request, instead of accepting it.
#[derive(Clone)]
enum Next {
    Answer(u16, &'static str),
    /// With this header `Retry-After`.
    After(u16, &'static str),
    Redirect(String),
    /// Not at all.
    Silence,
    /// 200, and a body that does not end.
    Endless,
}

/// A request as it arrived.
#[derive(Clone, Debug)]
struct Received {
    path: String,
    id: String,
    timestamp: String,
    signatures: String,
    body: String,
}

impl Received {
    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }

    fn kind(&self) -> String {
        self.json()["type"].as_str().unwrap().to_owned()
    }

    /// Whether one of the signatures is by this secret, computed as the specification says.
    fn is_signed_by(&self, secret: &str) -> bool {
        let key = STANDARD.decode(&secret["whsec_".len()..]).unwrap();
        let mut mac = Hmac::<sha2::Sha256>::new_from_slice(&key).unwrap();
        mac.update(format!("{}.{}.{}", self.id, self.timestamp, self.body).as_bytes());
        let expected = format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()));
        self.signatures
            .split(' ')
            .any(|signature| signature == expected)
    }
}

#[derive(Clone, Default)]
struct Receiver {
    received: Arc<Mutex<Vec<Received>>>,
    next: Arc<Mutex<VecDeque<Next>>>,
}

impl Receiver {
    async fn start() -> (Self, String) {
        let receiver = Self::default();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new()
            .fallback(any(receive))
            .with_state(receiver.clone());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        (receiver, address)
    }

    fn answer(&self, next: impl IntoIterator<Item = Next>) {
        self.next.lock().unwrap().extend(next);
    }

    /// What arrived since the last time.
    fn take(&self) -> Vec<Received> {
        std::mem::take(&mut *self.received.lock().unwrap())
    }

    /// The types of what arrived since the last time.
    fn take_kinds(&self) -> Vec<String> {
        self.take().iter().map(Received::kind).collect()
    }
}

async fn receive(
    State(receiver): State<Receiver>,
    OriginalUri(uri): OriginalUri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let header = |name: &str| headers[name].to_str().unwrap().to_owned();
    assert_eq!(header("content-type"), "application/json");
    receiver.received.lock().unwrap().push(Received {
        path: uri.path().to_owned(),
        id: header("webhook-id"),
        timestamp: header("webhook-timestamp"),
        signatures: header("webhook-signature"),
        body: String::from_utf8(body.to_vec()).unwrap(),
    });
    let next = receiver.next.lock().unwrap().pop_front();
    match next {
        Some(Next::Answer(status, text)) => {
            (StatusCode::from_u16(status).unwrap(), text).into_response()
        }
        Some(Next::After(status, wait)) => {
            let status = StatusCode::from_u16(status).unwrap();
            (status, [(header::RETRY_AFTER, wait)]).into_response()
        }
        Some(Next::Redirect(to)) => {
            (StatusCode::TEMPORARY_REDIRECT, [(header::LOCATION, to)]).into_response()
        }
        Some(Next::Silence) => std::future::pending().await,
        Some(Next::Endless) => {
            let begin = Ok::<_, std::io::Error>(Bytes::from_static(b"begin"));
            let body = stream::iter([begin]).chain(stream::pending());
            axum::body::Body::from_stream(body).into_response()
        }
        None => StatusCode::NO_CONTENT.into_response(),
    }
}

/// A workspace whose webhooks reach a receiver on this machine.
struct Office {
    world: World,
    app: App,
    receiver: Receiver,
    address: String,
    /// Elif, who leads Infrastructure.
    elif: Client,
    /// An administrator.
    ada: Client,
}

const TEAM: &str = "/teams/infrastructure/settings/webhooks";
const WORKSPACE: &str = "/settings/webhooks";

fn app_with(world: &World, limits: Limits) -> App {
    let settings = Settings {
        outgoing_allow: "127.0.0.0/8".parse().unwrap(),
        outgoing_limits: limits,
        ..Settings::default()
    };
    let clock = world.app.clock.clone();
    App::with(settings, "http://fortnight.test", world.db.clone(), clock)
}

/// The value after a text, up to a quote.
fn value_after<'p>(page: &'p str, start: &str) -> &'p str {
    let (_, rest) = page
        .split_once(start)
        .unwrap_or_else(|| panic!("{start} in {page}"));
    rest.split('"').next().unwrap()
}

impl Office {
    async fn new() -> Self {
        let world = World::new().await;
        sqlx::query("UPDATE members SET role = 'lead'")
            .execute(&world.db)
            .await
            .unwrap();
        let (receiver, address) = Receiver::start().await;
        let app = app_with(&world, Limits::default());
        let router = fortnight::http::router::router(app.clone());
        let (ada, ..) = create_account(&world, "ada", "admin").await;
        let of_app = |client: &Client| Client {
            router: router.clone(),
            ..client.clone()
        };
        Self {
            elif: of_app(&world.elif),
            ada: of_app(&ada),
            world,
            app,
            receiver,
            address,
        }
    }

    /// Adds a webhook and returns its path and its secret.
    async fn add(
        &self,
        client: &Client,
        base: &str,
        path: &str,
        events: &[&str],
    ) -> (String, String) {
        let url = format!("{}{path}", self.address);
        let mut fields = vec![("name", "Receiver"), ("url", url.as_str())];
        fields.extend(events.iter().map(|event| ("events", *event)));
        let page = client.post(base, &fields).await.status(200).text();
        let secret = value_after(&page, "readonly autofocus value=\"");
        let path = value_after(&page, &format!("action=\"{base}/"));
        let id = path.split('/').next().unwrap();
        (format!("{base}/{id}"), secret.to_owned())
    }

    /// Makes messages of what is new, and sends what is due.
    async fn deliver(&self) -> Vec<Received> {
        make_new(&self.app).await.unwrap();
        send_due(&self.app).await.unwrap();
        self.receiver.take()
    }

    async fn deliver_kinds(&self) -> Vec<String> {
        self.deliver().await.iter().map(Received::kind).collect()
    }

    async fn page(&self, client: &Client, path: &str) -> String {
        client.get(path).await.ok().text()
    }

    async fn create(&self, title: &str) -> String {
        self.world
            .elif
            .create_task("infrastructure", "todo", title)
            .await
    }

    /// Moves a task to the column `in-progress`.
    async fn start_work(&self, key: &str) {
        let scope = fortnight::domain::policy::viewer::Scope::Write;
        let program = self.world.program_of(&self.elif, scope).await;
        let moved = json!({ "column": "in-progress", "after": null, "before": null });
        let path = format!("/tasks/{key}/position");
        program
            .api(axum::http::Method::PUT, &path, moved)
            .await
            .ok();
    }

    /// A program as this one that sends mail to the server.
    fn with_mail(&self, server: &MailServer) -> App {
        let url = format!("smtp://127.0.0.1:{}", server.port);
        let settings = Settings {
            mailer: Some(Mailer::new(&url, None, "http://fortnight.test").unwrap()),
            ..Settings::default()
        };
        let (db, clock) = (self.world.db.clone(), self.app.clock.clone());
        App::with(settings, "http://fortnight.test", db, clock)
    }

    /// The newest message: state, attempts, and the seconds until it is tried again.
    async fn newest(&self) -> (String, i32, i64) {
        let (state, attempts, at): (String, i32, time::OffsetDateTime) = sqlx::query_as(
            "SELECT state, attempts, send_at FROM webhook_messages ORDER BY id DESC LIMIT 1",
        )
        .fetch_one(&self.world.db)
        .await
        .unwrap();
        (state, attempts, (at - self.app.clock.now()).whole_seconds())
    }

    async fn stored_url(&self) -> String {
        sqlx::query_scalar("SELECT url FROM webhooks")
            .fetch_one(&self.world.db)
            .await
            .unwrap()
    }

    async fn store_url(&self, url: &str) {
        sqlx::query("UPDATE webhooks SET url = $1")
            .bind(url)
            .execute(&self.world.db)
            .await
            .unwrap();
    }

    async fn state(&self) -> (String, String) {
        sqlx::query_as("SELECT state, reason FROM webhooks ORDER BY id DESC LIMIT 1")
            .fetch_one(&self.world.db)
            .await
            .unwrap()
    }

    async fn execute(&self, statement: &'static str) {
        sqlx::query(statement)
            .execute(&self.world.db)
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn events_arrive_signed_with_the_fields_that_are_listed() {
    let office = Office::new().await;
    office.create("Before").await;
    let (path, secret) = office
        .add(&office.elif, TEAM, "/hook", &["tasks", "comments"])
        .await;
    assert!(
        secret.starts_with("whsec_") && secret.len() == 50,
        "{secret}"
    );
    assert!(
        office.deliver().await.is_empty(),
        "what was before is not sent"
    );
    let key = office.create("Cut over").await;
    let elif = &office.elif;
    let program = office
        .world
        .program_of(elif, fortnight::domain::policy::viewer::Scope::Write)
        .await;
    let moved = json!({ "column": "in-progress", "after": null, "before": null });
    let api = async |method, path: &str, body| {
        program
            .api(method, &format!("/tasks/{key}{path}"), body)
            .await
    };
    api(axum::http::Method::PUT, "/position", moved).await.ok();
    let edit = json!({ "description": "The password is swordfish", "estimate": 3, "version": 2 });
    api(axum::http::Method::PATCH, "", edit).await.ok();
    let comment = json!({ "body": "swordfish indeed" });
    api(axum::http::Method::POST, "/comments", comment)
        .await
        .status(201);
    // a group that the webhook is not for
    elif.post(
        "/teams/infrastructure/topics",
        &[("meeting", "standup"), ("text", "x")],
    )
    .await
    .ok();
    let mut received = office.deliver().await;
    received.sort_by_key(|message| message.json()["data"]["seq"].as_i64());
    let kinds: Vec<String> = received.iter().map(Received::kind).collect();
    assert_eq!(
        kinds,
        ["task.created", "task.moved", "task.edited", "comment.added"]
    );
    for message in &received {
        assert_eq!(message.path, "/hook");
        assert!(message.is_signed_by(&secret), "{message:?}");
        assert_eq!(message.timestamp, NOW.unix_timestamp().to_string());
        assert!(message.id.starts_with("msg_"), "{message:?}");
        assert!(!message.body.contains("swordfish"), "{message:?}");
    }
    let mut moved = received[1].json();
    let change = moved["data"]["change"].take();
    assert!(change.as_str().unwrap().parse::<Uuid>().is_ok());
    assert_eq!(
        moved,
        json!({
            "type": "task.moved", "timestamp": "2026-11-24T10:00:00Z",
            "data": {
                "team": { "slug": "infrastructure", "name": "Infrastructure", "key": "INF" },
                "seq": received[1].json()["data"]["seq"], "change": null, "actor": "elif", "undo": false,
                "task": { "key": key, "title": "Cut over", "url": format!("http://fortnight.test/tasks/{key}") },
                "before": { "column": "todo", "state": "todo" },
                "after": { "column": "in-progress", "state": "doing" },
            },
        })
    );
    let edited = received[2].json();
    assert_eq!(
        edited["data"]["changed"],
        json!(["description", "estimate"])
    );
    assert_eq!(edited["data"]["after"], json!({ "estimate": 3 }));
    // once each
    assert!(office.deliver().await.is_empty());
    let page = office.page(elif, &path).await;
    assert!(
        page.contains("Accepted with 204") && page.contains("comment.added"),
        "{page}"
    );
}

#[tokio::test]
async fn message_is_tried_again_after_the_pauses_of_the_specification() {
    let office = Office::new().await;
    let (path, secret) = office.add(&office.elif, TEAM, "/hook", &["all"]).await;
    office.create("Cut over").await;
    office
        .receiver
        .answer([Next::Answer(500, "no <b>such</b> thing")]);
    let first = office.deliver().await;
    assert_eq!(first.len(), 1);
    let page = office.page(&office.elif, &path).await;
    assert!(
        page.contains("127.0.0.1 answered 500 Internal Server Error. Next attempt"),
        "{page}"
    );
    let pauses = [5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400];
    for (at, pause) in pauses.into_iter().enumerate() {
        let (state, attempts, waits) = office.newest().await;
        assert_eq!((state.as_str(), attempts), ("waiting", at as i32 + 1));
        assert!(
            waits >= pause && waits <= pause + pause / 10,
            "{pause}: {waits}"
        );
        office.app.clock.advance(Duration::seconds(pause - 1));
        assert!(office.deliver().await.is_empty(), "too early for {pause}");
        office
            .app
            .clock
            .advance(Duration::seconds(waits - pause + 2));
        office.receiver.answer([Next::Answer(503, "")]);
        let again = office.deliver().await;
        assert_eq!(again.len(), 1, "{pause}");
        assert_eq!(
            (&again[0].id, &again[0].body),
            (&first[0].id, &first[0].body)
        );
        assert_ne!(again[0].timestamp, first[0].timestamp);
        assert!(again[0].is_signed_by(&secret));
    }
    // the tenth attempt in a row, over more than an hour
    let (state, attempts, _) = office.newest().await;
    assert_eq!((state.as_str(), attempts), ("failed", 10));
    let (state, reason) = office.state().await;
    assert_eq!(state, "off");
    assert!(
        reason.contains("10 attempts or more failed") && reason.contains("503"),
        "{reason}"
    );
    office.app.clock.advance(Duration::days(2));
    assert!(office.deliver().await.is_empty());
    office.create("While it is off").await;
    assert!(office.deliver().await.is_empty());
    office
        .elif
        .post(&format!("{path}/resume"), &[])
        .await
        .status(303);
    assert!(
        office.deliver().await.is_empty(),
        "what happened meanwhile is not sent"
    );
    office.create("After").await;
    assert_eq!(office.deliver_kinds().await, ["task.created"]);
}

#[tokio::test]
async fn webhook_is_switched_off_after_ten_failures_over_an_hour_only() {
    let office = Office::new().await;
    office.add(&office.elif, TEAM, "/hook", &["all"]).await;
    for number in 0..12 {
        office.create(&format!("Task {number}")).await;
    }
    let failures = |count: usize| vec![Next::Answer(500, ""); count];
    office.receiver.answer(failures(12));
    assert_eq!(office.deliver().await.len(), 12);
    assert_eq!(office.state().await.0, "active", "within a minute");
    // one that is accepted begins anew
    office.app.clock.advance(Duration::seconds(6));
    assert_eq!(office.deliver().await.len(), 12);
    for number in 0..9 {
        office.create(&format!("More {number}")).await;
    }
    office.receiver.answer(failures(9));
    assert_eq!(office.deliver().await.len(), 9);
    office.receiver.answer(failures(100));
    for _ in 0..3 {
        office.app.clock.advance(Duration::minutes(6));
        office.deliver().await;
        assert_eq!(office.state().await.0, "active");
    }
    office.app.clock.advance(Duration::minutes(50));
    office.deliver().await;
    assert_eq!(office.state().await.0, "off");
}

/// Case 44.
#[tokio::test]
async fn redirect_and_silence_are_failures_and_410_is_the_end() {
    let office = Office::new().await;
    let (path, _) = office.add(&office.elif, TEAM, "/hook", &["all"]).await;
    // a redirect is not followed
    office.create("One").await;
    let elsewhere = format!("{}/elsewhere", office.address);
    office.receiver.answer([Next::Redirect(elsewhere)]);
    let received = office.deliver().await;
    assert_eq!((received.len(), received[0].path.as_str()), (1, "/hook"));
    let page = office.page(&office.elif, &path).await;
    assert!(page.contains("redirects are not followed"), "{page}");
    // the connection ends before there is an answer
    office.app.clock.advance(Duration::seconds(6));
    let url = office.stored_url().await;
    let dropping = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = dropping.local_addr().unwrap();
    tokio::spawn(async move { drop(dropping.accept().await) });
    office.store_url(&format!("http://{address}/")).await;
    assert!(office.deliver().await.is_empty());
    assert_eq!(office.newest().await.1, 2);
    office.store_url(&url).await;
    // no answer in time
    office.app.clock.advance(Duration::minutes(6));
    let limits = Limits {
        time: StdDuration::from_millis(500),
        ..Limits::default()
    };
    office.receiver.answer([Next::Silence]);
    send_due(&app_with(&office.world, limits)).await.unwrap();
    assert_eq!(
        (office.newest().await.0.as_str(), office.newest().await.1),
        ("waiting", 3)
    );
    // at last
    office.app.clock.advance(Duration::minutes(40));
    office.receiver.take();
    assert_eq!(office.deliver().await.len(), 1);
    assert_eq!(office.newest().await.0, "delivered");
    // The status decides, whatever becomes of the body.
    office.create("Cut off").await;
    office.receiver.answer([Next::Endless]);
    make_new(&office.app).await.unwrap();
    send_due(&app_with(&office.world, limits)).await.unwrap();
    assert_eq!(office.receiver.take().len(), 1);
    assert_eq!(office.newest().await.0, "delivered");
    // 410
    office
        .execute("UPDATE accounts SET email_confirmed_at = created_at WHERE handle = 'elif'")
        .await;
    office.create("Two").await;
    office.create("Three").await;
    office.receiver.answer([Next::Answer(410, "")]);
    assert_eq!(
        office.deliver().await.len(),
        1,
        "the other one is not sent any more"
    );
    let (state, reason) = office.state().await;
    assert!(state == "off" && reason.contains("410 Gone"), "{reason}");
    let mails: Vec<(String, String)> =
        sqlx::query_as("SELECT kind, details FROM outbox WHERE kind = 'webhook-off'")
            .fetch_all(&office.world.db)
            .await
            .unwrap();
    assert_eq!(mails.len(), 1);
    assert!(
        mails[0]
            .1
            .contains("“Receiver”: The receiver answered 410 Gone"),
        "{mails:?}"
    );
    let audit = office.page(&office.ada, "/settings/audit").await;
    assert!(audit.contains("webhook.switched-off"), "{audit}");
}

#[tokio::test]
async fn many_receivers_that_are_down_leave_others_their_turn() {
    let office = Office::new().await;
    for number in 0..9 {
        let path = format!("/down{number}");
        office.add(&office.elif, TEAM, &path, &["all"]).await;
    }
    for number in 0..20 {
        office.create(&format!("Task {number}")).await;
    }
    make_new(&office.app).await.unwrap();
    let (other, address) = Receiver::start().await;
    let url = format!("{address}/up");
    let fields = [("name", "Up"), ("url", url.as_str()), ("events", "all")];
    office.elif.post(TEAM, &fields).await.status(200);
    office.app.clock.advance(Duration::seconds(1));
    office.create("One more").await;
    make_new(&office.app).await.unwrap();
    // Each attempt ends after this time, and 180 messages were waiting before that of the other one.
    let limits = Limits {
        time: StdDuration::from_millis(200),
        ..Limits::default()
    };
    office
        .receiver
        .answer(std::iter::repeat_n(Next::Silence, 200));
    let app = app_with(&office.world, limits);
    let sending = tokio::spawn(async move { send_due(&app).await });
    while other.received.lock().unwrap().is_empty() {
        tokio::task::yield_now().await;
    }
    let before = office.receiver.take().len();
    assert!(before <= 16, "{before} attempts before its turn");
    sending.abort();
}

#[tokio::test]
async fn slow_receiver_does_not_hold_up_the_others() {
    let office = Office::new().await;
    office.add(&office.elif, TEAM, "/slow", &["all"]).await;
    let (other, address) = Receiver::start().await;
    let url = format!("{address}/fast");
    let fields = [("name", "Fast"), ("url", url.as_str()), ("events", "all")];
    office.elif.post(TEAM, &fields).await.status(200);
    for number in 0..5 {
        office.create(&format!("Task {number}")).await;
    }
    make_new(&office.app).await.unwrap();
    office.receiver.answer([Next::Silence]);
    // the slow one is never answered: all messages of the other one arrive meanwhile
    let app = office.app.clone();
    let sending = tokio::spawn(async move { send_due(&app).await });
    while other.received.lock().unwrap().len() < 5 {
        tokio::task::yield_now().await;
    }
    assert_eq!(office.receiver.take().len(), 1, "one at a time");
    sending.abort();
}

/// Case 45. The URL may contain a secret as well.
#[tokio::test]
async fn both_secrets_sign_for_a_day() {
    let office = Office::new().await;
    let (path, first) = office.add(&office.elif, TEAM, "/hook", &["all"]).await;
    let renew = async || {
        let page = office
            .elif
            .post(&format!("{path}/secret"), &[])
            .await
            .status(200)
            .text();
        value_after(&page, "readonly autofocus value=\"").to_owned()
    };
    let second = renew().await;
    let third = renew().await;
    office.create("One").await;
    let received = office.deliver().await;
    assert_eq!(received[0].signatures.split(' ').count(), 3);
    for secret in [&first, &second, &third] {
        assert!(received[0].is_signed_by(secret));
    }
    office.app.clock.advance(Duration::hours(24));
    office.create("Two").await;
    let received = office.deliver().await;
    assert!(received[0].is_signed_by(&third) && !received[0].is_signed_by(&second));
    assert_eq!(received[0].signatures.split(' ').count(), 1);
    purge_expired(&office.world.db, office.app.clock.now())
        .await
        .unwrap();
    // secrets and URL are shown nowhere else
    let page = office.page(&office.elif, &path).await;
    let outgoing = office.page(&office.ada, "/settings/outgoing").await;
    assert!(
        outgoing.contains("Webhooks") && outgoing.contains("127.0.0.1"),
        "{outgoing}"
    );
    let audit = office.page(&office.ada, "/settings/audit").await;
    assert!(audit.contains("webhook.secret-renewed"), "{audit}");
    for text in [page, outgoing, audit, office.page(&office.elif, TEAM).await] {
        assert!(
            !text.contains(&third) && !text.contains("/hook\""),
            "{text}"
        );
        assert!(!text.contains("whsec_"), "{text}");
    }
    for _ in 0..5 {
        renew().await;
    }
    office
        .elif
        .post(&format!("{path}/secret"), &[])
        .await
        .status(409);
}

/// Case 43.
#[tokio::test]
async fn url_leads_to_the_internet_encrypted() {
    let office = Office::new().await;
    let save = async |client: &Client, url: &str| {
        let fields = [("name", "x"), ("url", url), ("events", "all")];
        client.post(TEAM, &fields).await
    };
    // this program allows no private networks
    for url in [
        "https://127.1/hook",
        "https://0x7f.1/hook",
        "https://169.254.169.254/hook",
        "https://10.0.0.1/hook",
        "https://[::1]/hook",
        "https://[::ffff:127.0.0.1]/hook",
        "https://[64:ff9b::7f00:1]/hook",
    ] {
        let page = save(&office.world.elif, url).await.status(422).text();
        assert!(
            page.contains("which is not a public address"),
            "{url}: {page}"
        );
        assert!(!page.contains("/hook\""), "{page}");
    }
    let page = save(&office.elif, "http://93.184.215.14/hook")
        .await
        .status(422)
        .text();
    assert!(page.contains("must start with https://"), "{page}");
    save(&office.elif, "not a url").await.status(422);
    save(&office.elif, "").await.status(422);
    let none = [("name", "x"), ("url", "https://93.184.215.14/hook")];
    let page = office.elif.post(TEAM, &none).await.status(422).text();
    assert!(
        page.contains("Choose at least one kind of event."),
        "{page}"
    );
    let empty = [
        ("name", " "),
        ("url", "https://93.184.215.14/hook"),
        ("events", "all"),
    ];
    office.elif.post(TEAM, &empty).await.status(422);
    // what was stored when the network was allowed is refused when it is used
    office.add(&office.elif, TEAM, "/hook", &["all"]).await;
    office.create("One").await;
    make_new(&office.app).await.unwrap();
    send_due(&office.world.app).await.unwrap();
    assert!(office.receiver.take().is_empty());
    let (state, attempts, _) = office.newest().await;
    assert_eq!((state.as_str(), attempts), ("waiting", 1), "it was tried");
}

#[tokio::test]
async fn workspace_webhook_gets_only_what_its_maker_sees() {
    let office = Office::new().await;
    let (path, _) = office.add(&office.ada, WORKSPACE, "/hook", &["all"]).await;
    let jonas = &Client {
        router: office.elif.router.clone(),
        ..office.world.jonas.clone()
    };
    office.create("Open").await;
    jonas.create_task("ingestion", "todo", "Also open").await;
    let mut teams: Vec<String> = office
        .deliver()
        .await
        .iter()
        .map(|message| {
            message.json()["data"]["team"]["slug"]
                .as_str()
                .unwrap()
                .to_owned()
        })
        .collect();
    teams.sort();
    assert_eq!(teams, ["infrastructure", "ingestion"]);
    // it became private after the message was made
    jonas.create_task("ingestion", "todo", "Secret plan").await;
    make_new(&office.app).await.unwrap();
    jonas
        .post("/teams/ingestion/visibility", &[("private", "1")])
        .await
        .status(303);
    jonas.create_task("ingestion", "todo", "More of it").await;
    assert!(office.deliver().await.is_empty());
    assert_eq!(office.state().await.0, "active");
    // nor does an administrator who is not in the team read what was sent before
    let page = office.page(&office.ada, &path).await;
    assert!(page.contains("of a private team"), "{page}");
    let id: Uuid = sqlx::query_scalar(
        "SELECT m.id FROM webhook_messages m JOIN teams t ON t.id = m.team_id WHERE t.slug = 'ingestion'",
    )
    .fetch_one(&office.world.db)
    .await
    .unwrap();
    let message = format!("/settings/webhook-messages/{id}");
    office.ada.get(&message).await.status(404);
    office.ada.post(&message, &[]).await.status(404);
    // Jonas, an administrator in the team, lends it his access by choosing an address, and not by renaming it
    office
        .execute("UPDATE accounts SET role = 'admin' WHERE handle = 'jonas'")
        .await;
    let fields = [("name", "Receiver"), ("url", ""), ("events", "all")];
    jonas.post(&path, &fields).await.status(303);
    jonas.create_task("ingestion", "todo", "For insiders").await;
    assert!(office.deliver().await.is_empty());
    let url = format!("{}/hook", office.address);
    let fields = [
        ("name", "Receiver"),
        ("url", url.as_str()),
        ("events", "all"),
    ];
    jonas.post(&path, &fields).await.status(303);
    jonas.create_task("ingestion", "todo", "For insiders").await;
    assert_eq!(office.deliver_kinds().await, ["task.created"]);
    // Ada, who chooses another address, gets nothing of it
    let url = format!("{}/mine", office.address);
    let fields = [
        ("name", "Receiver"),
        ("url", url.as_str()),
        ("events", "all"),
    ];
    jonas
        .create_task("ingestion", "todo", "Still waiting")
        .await;
    make_new(&office.app).await.unwrap();
    office.ada.post(&path, &fields).await.status(303);
    assert!(office.deliver().await.is_empty());
}

/// Case 21.
#[tokio::test]
async fn webhook_ends_with_the_right_of_its_maker() {
    for (statement, reason) in [
        (
            "UPDATE webhooks SET maker_id = NULL",
            "The account of the person who set it up was deleted.",
        ),
        (
            "UPDATE accounts SET deactivated_at = now() WHERE handle = 'elif'",
            "was deactivated",
        ),
        (
            "UPDATE members SET role = 'member'",
            "Elif Hartmann, who set it up, no longer leads the team.",
        ),
        (
            "UPDATE accounts SET role = 'viewer' WHERE handle = 'elif'",
            "no longer leads",
        ),
        (
            "DELETE FROM members WHERE account_id = (SELECT id FROM accounts WHERE handle = 'elif')",
            "no longer leads",
        ),
    ] {
        let office = Office::new().await;
        office.add(&office.elif, TEAM, "/hook", &["all"]).await;
        office.create("Cut over").await;
        office.execute(statement).await;
        assert!(office.deliver().await.is_empty(), "{statement}");
        let (state, why) = office.state().await;
        assert!(state == "off" && why.contains(reason), "{why}");
        assert_eq!(office.newest().await.0, "failed");
    }
    let office = Office::new().await;
    let (path, _) = office.add(&office.ada, WORKSPACE, "/hook", &["all"]).await;
    office.create("Cut over").await;
    office
        .execute("UPDATE accounts SET role = 'member' WHERE handle = 'ada'")
        .await;
    assert!(office.deliver().await.is_empty());
    let (state, why) = office.state().await;
    assert!(
        state == "off" && why.contains("is no longer an administrator"),
        "{why}"
    );
    // another one resumes it
    office
        .execute("UPDATE accounts SET role = 'admin' WHERE handle = 'elif'")
        .await;
    let page = office.page(&office.elif, &path).await;
    assert!(page.contains("is no longer an administrator"), "{page}");
    office
        .elif
        .post(&format!("{path}/resume"), &[])
        .await
        .status(303);
    office.create("Again").await;
    assert_eq!(office.deliver_kinds().await, ["task.created"]);
}

#[tokio::test]
async fn test_pause_send_again_and_delete() {
    let office = Office::new().await;
    let (path, secret) = office.add(&office.elif, TEAM, "/hook", &["goals"]).await;
    office
        .receiver
        .answer([Next::Answer(400, "<script>alert(1)</script>")]);
    let to = office
        .elif
        .post(&format!("{path}/test"), &[])
        .await
        .status(303);
    assert_eq!(to.header("location"), format!("{path}#messages"));
    let received = office.receiver.take();
    assert_eq!(received[0].kind(), "webhook.test");
    assert!(received[0].is_signed_by(&secret));
    assert_eq!(received[0].json()["data"]["team"]["slug"], "infrastructure");
    let page = office.page(&office.elif, &path).await;
    assert!(
        page.contains("127.0.0.1 answered 400 Bad Request. Given up after 1 attempt"),
        "{page}"
    );
    let message = value_after(
        &page,
        "href=\"/teams/infrastructure/settings/webhook-messages/",
    );
    let message = format!("/teams/infrastructure/settings/webhook-messages/{message}");
    let page = office.page(&office.elif, &message).await;
    assert!(
        page.contains("&#60;script&#62;alert(1)") && page.contains("webhook.test"),
        "{page}"
    );
    // again, with the same id
    office.elif.post(&message, &[]).await.status(303);
    let again = office.deliver().await;
    assert_eq!((again.len(), &again[0].id), (1, &received[0].id));
    assert_eq!(office.newest().await.0, "delivered");
    // one that waits for its next attempt for long is sent at once
    office
        .elif
        .post(
            &path,
            &[("name", "Receiver"), ("url", ""), ("events", "all")],
        )
        .await
        .status(303);
    office.create("Waits").await;
    office.receiver.answer([Next::Answer(500, "")]);
    office.deliver().await;
    office.app.clock.advance(Duration::seconds(6));
    office.receiver.answer([Next::Answer(500, "")]);
    office.deliver().await;
    let page = office.page(&office.elif, &path).await;
    let waiting = value_after(
        &page,
        "href=\"/teams/infrastructure/settings/webhook-messages/",
    );
    let waiting = format!("/teams/infrastructure/settings/webhook-messages/{waiting}");
    office.elif.post(&waiting, &[]).await.status(303);
    assert_eq!(office.deliver_kinds().await, ["task.created"]);
    // paused
    office
        .elif
        .post(&format!("{path}/pause"), &[])
        .await
        .status(303);
    office
        .elif
        .post(&format!("{path}/pause"), &[])
        .await
        .status(303);
    office.elif.post(&message, &[]).await.status(409);
    let goal = [
        ("title", "Cut over"),
        ("sprint", "42"),
        ("measure", "count"),
        ("target", "1"),
        ("counted_by", "tasks"),
    ];
    office
        .elif
        .post("/teams/infrastructure/goals", &goal)
        .await
        .ok();
    assert!(office.deliver().await.is_empty());
    office
        .elif
        .post(&format!("{path}/resume"), &[])
        .await
        .status(303);
    assert!(office.deliver().await.is_empty());
    office
        .elif
        .post(
            "/teams/infrastructure/goals",
            &[("title", "Second"), goal[1], goal[2], goal[3], goal[4]],
        )
        .await
        .ok();
    assert_eq!(office.deliver_kinds().await, ["goal.created"]);
    // it belongs to its team, and to no other or the workspace
    let id = path.rsplit('/').next().unwrap();
    office
        .ada
        .get(&format!("{WORKSPACE}/{id}"))
        .await
        .status(404);
    office
        .ada
        .get(&format!("/teams/ingestion/settings/webhooks/{id}"))
        .await
        .status(404);
    office
        .ada
        .post(&format!("{WORKSPACE}/{id}/delete"), &[])
        .await
        .status(404);
    office
        .elif
        .post(&format!("{path}/delete"), &[])
        .await
        .status(303);
    office.elif.get(&path).await.status(404);
    office.elif.get(&message).await.status(404);
    let audit = office.page(&office.ada, "/settings/audit").await;
    for kind in ["created", "paused", "resumed", "deleted"] {
        assert!(
            audit.contains(&format!("webhook.{kind}")),
            "{kind} in {audit}"
        );
    }
}

#[tokio::test]
async fn there_are_at_most_twenty() {
    let office = Office::new().await;
    for (client, base) in [(&office.elif, TEAM), (&office.ada, WORKSPACE)] {
        for _ in 0..20 {
            office.add(client, base, "/hook", &["sprints"]).await;
        }
        let url = format!("{}/hook", office.address);
        let fields = [("name", "x"), ("url", url.as_str()), ("events", "all")];
        let page = client.post(base, &fields).await.status(422).text();
        assert!(
            page.contains("There can be at most 20 webhooks here."),
            "{page}"
        );
    }
}

#[tokio::test]
async fn import_is_one_message_and_a_large_edit_comes_in_batches() {
    let office = Office::new().await;
    office.add(&office.elif, TEAM, "/hook", &["tasks"]).await;
    office.add(&office.ada, WORKSPACE, "/all", &["tasks"]).await;
    let cards: Vec<Value> = (0..500)
        .map(
            |card| json!({ "id": card.to_string(), "name": format!("Card {card}"), "idList": "0" }),
        )
        .collect();
    let board = json!({
        "name": "Old", "lists": [{ "id": "0", "name": "To Do", "pos": 0 }], "cards": cards, "actions": [],
    });
    import_into(&office.world, "infrastructure", &board.to_string(), &[]).await;
    let received = office.deliver().await;
    assert_eq!(received.len(), 2);
    for message in &received {
        assert_eq!(message.kind(), "board.imported");
        assert_eq!(message.json()["data"]["after"]["tasks"], 500);
    }
    // 500 events in one change
    let keys: Vec<String> = (1..=500).map(|number| format!("INF-{number}")).collect();
    let mut fields: Vec<(&str, &str)> = keys.iter().map(|key| ("keys", key.as_str())).collect();
    fields.push(("label", "old"));
    let path = "/teams/infrastructure/bulk";
    office.elif.post(path, &fields).await.ok();
    assert_eq!(make_new(&office.app).await.unwrap(), 1000);
    send_due(&office.app).await.unwrap();
    let received = office.receiver.take();
    assert_eq!(received.len(), 1000);
    let to_team = received
        .iter()
        .filter(|message| message.path == "/hook")
        .count();
    assert_eq!(to_team, 500);
}

#[tokio::test]
async fn several_programs_send_each_message_once() {
    let office = Office::new().await;
    office.add(&office.elif, TEAM, "/hook", &["tasks"]).await;
    for number in 0..10 {
        office.create(&format!("Task {number}")).await;
    }
    let other = app_with(&office.world, Limits::default());
    let (one, two) = tokio::join!(make_new(&office.app), make_new(&other));
    assert_eq!(one.unwrap() + two.unwrap(), 10);
    let (one, two) = tokio::join!(send_due(&office.app), send_due(&other));
    assert_eq!(one.unwrap() + two.unwrap(), 10);
    assert_eq!(office.receiver.take_kinds().len(), 10);
}

#[tokio::test]
async fn messages_are_kept_for_a_week_and_bounded() {
    let office = Office::new().await;
    let (path, _) = office.add(&office.elif, TEAM, "/hook", &["all"]).await;
    office.create("Cut over").await;
    office.deliver().await;
    office.app.clock.advance(Duration::days(6));
    purge_expired(&office.world.db, office.app.clock.now())
        .await
        .unwrap();
    assert!(
        office
            .page(&office.elif, &path)
            .await
            .contains("task.created")
    );
    office.app.clock.advance(Duration::days(2));
    purge_expired(&office.world.db, office.app.clock.now())
        .await
        .unwrap();
    let page = office.page(&office.elif, &path).await;
    assert!(page.contains("No messages yet."), "{page}");
    // more than are kept
    let fill = async |state: &str, count: i64| {
        sqlx::query(
            "INSERT INTO webhook_messages (id, webhook_id, team_id, kind, body, created_at, state, send_at)
             SELECT gen_random_uuid(), w.id, w.team_id, 'task.moved', '{}', $1, $2, $1 FROM webhooks w, generate_series(1, $3)",
        )
        .bind(office.app.clock.now())
        .bind(state)
        .bind(count)
        .execute(&office.world.db)
        .await
        .unwrap();
    };
    fill("delivered", 1200).await;
    purge_expired(&office.world.db, office.app.clock.now())
        .await
        .unwrap();
    let count = async || -> i64 {
        sqlx::query_scalar("SELECT count(*) FROM webhook_messages")
            .fetch_one(&office.world.db)
            .await
            .unwrap()
    };
    assert_eq!(count().await, 1000);
    let page = office.page(&office.elif, &path).await;
    assert_eq!(page.matches("<code>task.moved</code><a").count(), 50);
    let older = value_after(&page, &format!("href=\"{path}?before="));
    let (before, _) = older.split_once('#').unwrap();
    let page = office
        .page(&office.elif, &format!("{path}?before={before}"))
        .await;
    assert_eq!(page.matches("<code>task.moved</code><a").count(), 50);
    // a receiver that cannot keep up
    fill("waiting", MOST_WAITING).await;
    office.create("One too many").await;
    make_new(&office.app).await.unwrap();
    let (state, reason) = office.state().await;
    assert!(
        state == "off" && reason.contains("the receiver is too slow"),
        "{reason}"
    );
}

/// Every type that is described is one that is sent, and every example of its fields has the documented type.
#[tokio::test]
async fn openapi_describes_every_type() {
    let office = Office::new().await;
    let document = office.elif.get("/api/v1/openapi.json").await.ok().json();
    let webhooks = document["webhooks"].as_object().unwrap();
    assert!(webhooks.len() > 60, "{:?}", webhooks.keys());
    for kind in [
        "task.moved",
        "comment.added",
        "goal.created",
        "sprint.closed",
        "webhook.test",
    ] {
        let body = &webhooks[kind]["post"]["requestBody"]["content"]["application/json"]["schema"];
        assert_eq!(body["properties"]["type"]["enum"], json!([kind]), "{body}");
    }
    assert!(
        webhooks
            .keys()
            .all(|kind| !kind.starts_with("share-link") && !kind.starts_with("retro"))
    );
    let every = &document["components"]["schemas"]["WebhookEvent"]["properties"];
    // what arrives has no other fields than those
    office.add(&office.elif, TEAM, "/hook", &["all"]).await;
    let key = office.create("Cut over").await;
    office
        .elif
        .post(
            &format!("/tasks/{key}/block"),
            &[("kind", "person"), ("on", "jonas")],
        )
        .await
        .ok();
    office
        .elif
        .post(&format!("/tasks/{key}/steps"), &[("text", "One")])
        .await
        .ok();
    office
        .elif
        .post(&format!("/tasks/{key}/archive"), &[])
        .await
        .ok();
    let received = office.deliver().await;
    assert!(received.len() >= 4, "{received:?}");
    for message in received {
        let message = message.json();
        let kind = message["type"].as_str().unwrap();
        let schema =
            &webhooks[kind]["post"]["requestBody"]["content"]["application/json"]["schema"];
        let own = &schema["properties"]["data"]["allOf"][1]["properties"];
        for (name, value) in message["data"].as_object().unwrap() {
            assert!(
                own[name].is_object() || every[name].is_object(),
                "{kind}: {name}"
            );
            if ["before", "after"].contains(&name.as_str()) {
                for field in value.as_object().unwrap().keys() {
                    assert!(
                        own[name]["properties"][field].is_object(),
                        "{kind}: {name}.{field}"
                    );
                }
            }
        }
    }
}

/// By its jobs, as they run beside the server.
#[tokio::test]
async fn running_program_sends_what_happens() {
    let office = Office::new().await;
    office.add(&office.elif, TEAM, "/hook", &["tasks"]).await;
    fortnight::jobs::webhooks::start(&office.app);
    for title in ["One", "Two"] {
        office.create(title).await;
        while office.receiver.received.lock().unwrap().is_empty() {
            tokio::task::yield_now().await;
        }
        assert_eq!(office.receiver.take_kinds(), ["task.created"], "{title}");
    }
}

/// Its own mail, even if several are switched off at once.
#[tokio::test]
async fn maker_of_a_webhook_that_is_switched_off_gets_a_mail() {
    let office = Office::new().await;
    let server = MailServer::start().await;
    office
        .execute(
            "UPDATE accounts SET email_confirmed_at = created_at WHERE handle IN ('elif', 'ben')",
        )
        .await;
    let mut paths = Vec::new();
    for _ in 0..3 {
        let (path, _) = office.add(&office.elif, TEAM, "/hook", &["tasks"]).await;
        paths.push(path);
    }
    office.create("Cut over").await;
    office.receiver.answer(vec![Next::Answer(410, ""); 3]);
    assert_eq!(office.deliver().await.len(), 3);
    // resumed before the mail is sent: there is nothing to tell
    let resumed = paths.remove(1);
    office
        .elif
        .post(&format!("{resumed}/resume"), &[])
        .await
        .status(303);
    let app = office.with_mail(&server);
    fortnight::jobs::mail::send_due(&app).await.unwrap();
    let mails = server.take();
    assert_eq!(mails.len(), 2, "{mails:?}");
    for mail in &mails {
        assert!(
            mail.contains("Subject: A webhook was switched off"),
            "{mail}"
        );
        assert!(mail.contains("elif@example.org"), "{mail}");
        assert!(
            mail.contains("“Receiver”: The receiver answered 410 Gone: it wants no more messages."),
            "{mail}"
        );
    }
    for path in paths {
        let link = format!("http://fortnight.test{path}");
        assert!(mails.iter().any(|mail| mail.contains(&link)), "{mails:?}");
    }
}

/// The maker may not change it any more: those hear of it who may.
#[tokio::test]
async fn leads_get_a_mail_if_the_maker_of_a_webhook_left() {
    let office = Office::new().await;
    let server = MailServer::start().await;
    for handle in ["mira", "nils"] {
        create_account(&office.world, handle, "member").await;
    }
    office
        .execute(
            "INSERT INTO members (team_id, account_id, role, since)
             SELECT t.id, a.id, CASE a.handle WHEN 'mira' THEN 'lead' ELSE 'member' END, t.created_at
             FROM teams t, accounts a WHERE t.slug = 'infrastructure' AND a.handle IN ('mira', 'nils')",
        )
        .await;
    office
        .execute("UPDATE accounts SET email_confirmed_at = created_at")
        .await;
    office.add(&office.elif, TEAM, "/hook", &["tasks"]).await;
    office.create("Cut over").await;
    office
        .execute("DELETE FROM members WHERE account_id = (SELECT id FROM accounts WHERE handle = 'elif')")
        .await;
    assert!(office.deliver().await.is_empty());
    fortnight::jobs::mail::send_due(&office.with_mail(&server))
        .await
        .unwrap();
    let mails = server.take();
    assert_eq!(mails.len(), 1, "{mails:?}");
    assert!(mails[0].contains("mira@example.org"), "{mails:?}");
    assert!(mails[0].contains("no longer leads the team"), "{mails:?}");
}

#[tokio::test]
async fn only_the_kinds_that_were_chosen_are_sent() {
    let office = Office::new().await;
    let chosen = ["task.moved", "goals", "goal.created", "made.up"];
    let (path, _) = office.add(&office.elif, TEAM, "/hook", &chosen).await;
    let key = office.create("Cut over").await;
    office.start_work(&key).await;
    assert_eq!(office.deliver_kinds().await, ["task.moved"]);
    let page = office.page(&office.elif, &path).await;
    let is_ticked = |name: &str| {
        let (_, rest) = page.split_once(&format!("value=\"{name}\"")).unwrap();
        rest.split('>').next().unwrap().contains("checked")
    };
    assert!(is_ticked("task.moved") && is_ticked("goals"));
    assert!(!is_ticked("task.created") && !is_ticked("tasks") && !is_ticked("all"));
    // the group includes it
    assert!(!is_ticked("goal.created"));
    let list = office.page(&office.elif, TEAM).await;
    assert!(list.contains("goals, task.moved"), "{list}");
    // nothing that is known
    let fields = [("name", "Receiver"), ("url", ""), ("events", "made.up")];
    let refused = office.elif.post(&path, &fields).await.status(422).text();
    assert!(
        refused.contains("Choose at least one kind of event."),
        "{refused}"
    );
    let fields = [
        ("name", "Receiver"),
        ("url", ""),
        ("events", "task.created"),
    ];
    office.elif.post(&path, &fields).await.status(303);
    let key = office.create("Write the runbook").await;
    office.start_work(&key).await;
    assert_eq!(office.deliver_kinds().await, ["task.created"]);
}

#[tokio::test]
async fn receiver_that_has_too_much_to_do_is_left_alone() {
    let office = Office::new().await;
    let (path, _) = office
        .add(&office.elif, TEAM, "/hook", &["task.created"])
        .await;
    for number in 0..3 {
        office.create(&format!("Task {number}")).await;
    }
    // for as long as it asks, whatever else waits
    office.receiver.answer([Next::After(503, "120")]);
    assert_eq!(office.deliver().await.len(), 1);
    office.app.clock.advance(Duration::seconds(119));
    office.create("Another one").await;
    assert!(office.deliver().await.is_empty());
    let page = office.page(&office.elif, &path).await;
    assert!(page.contains("nothing is sent until"), "{page}");
    let figures = outbox_figures(&office.app, "webhook").await;
    assert_eq!(figures, [4, 0, 119].into());
    office.app.clock.advance(Duration::seconds(14));
    assert_eq!(office.deliver().await.len(), 4);
    // without a time: twice as long with each failure, up to five minutes
    office.create("One more").await;
    office.receiver.answer([Next::Answer(429, "")]);
    assert_eq!(office.deliver().await.len(), 1);
    for number in 0..9 {
        office.create(&format!("Next {number}")).await;
    }
    for wait in [5, 10, 20, 40, 80, 160, 300, 300] {
        office.app.clock.advance(Duration::seconds(wait - 1));
        assert!(office.deliver().await.is_empty(), "{wait}");
        office.app.clock.advance(Duration::seconds(1));
        office.receiver.answer([Next::Answer(502, "")]);
        assert_eq!(office.deliver().await.len(), 1, "{wait}");
    }
    // a person does not have to wait
    assert!(office.deliver().await.is_empty());
    let page = office.page(&office.elif, &path).await;
    let message = value_after(&page, "/teams/infrastructure/settings/webhook-messages/");
    let again = format!("/teams/infrastructure/settings/webhook-messages/{message}");
    office.elif.post(&again, &[]).await.status(303);
    assert!(!office.deliver().await.is_empty());
    assert_eq!(office.state().await.0, "active");
}

/// The lines of the guide accept what arrives, and nothing else.
#[tokio::test]
async fn guide_verifies_a_message() {
    let office = Office::new().await;
    let (_, secret) = office.add(&office.elif, TEAM, "/hook", &["all"]).await;
    office.create("Ümläute “and” quotes").await;
    let message = office.deliver().await.remove(0);
    let guide = include_str!("../../docs/webhooks.md");
    let lines = guide.split("```python\n").nth(1).unwrap();
    let lines = lines.split("```").next().unwrap();
    let script = format!(
        "{lines}\nimport sys\nsecret, id, stamp, signature, body = sys.argv[1:]\ntime.time = lambda: {}\n\
         print(is_valid(secret, {{'webhook-id': id, 'webhook-timestamp': stamp, 'webhook-signature': signature}}, body.encode()))",
        NOW.unix_timestamp()
    );
    for (body, expected) in [
        (message.body.clone(), "True"),
        (format!("{} ", message.body), "False"),
    ] {
        let output = tokio::process::Command::new("python3")
            .args([
                "-c",
                &script,
                &secret,
                &message.id,
                &message.timestamp,
                &message.signatures,
                &body,
            ])
            .output()
            .await
            .unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        assert_eq!(said.trim(), expected, "{output:?}");
    }
}
