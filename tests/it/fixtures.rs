//! A separate workspace for each test: clients that call the real router with a real Postgres.

use std::io::Write;

use axum::{
    Router,
    body::{Body, Bytes},
    http::{HeaderMap, Method, Request, StatusCode, header},
};
use fortnight::db::pool::Pool;
use fortnight::{
    app::App,
    domain::{
        accounts::api_tokens,
        auth::sessions,
        clock::Clock,
        person::Person,
        policy::viewer::Scope,
        sprints::cadence,
        teams::create::{add_member, add_team},
    },
    http::router::router,
    jobs::notifications,
};
use serde_json::{Value, json};
use time::{OffsetDateTime, macros::datetime};
use tower::ServiceExt;
use uuid::Uuid;

use crate::cluster;

/// Tuesday of the first sprint's second week.
pub const NOW: OffsetDateTime = datetime!(2026-11-24 10:00 UTC);

/// Writes a line to standard error, which is shown even if the test passes.
pub fn report(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

/// A workspace with two teams: Elif is on Infrastructure, Jonas on Ingestion.
pub struct World {
    pub app: App,
    pub router: Router,
    pub db: Pool,
    pub elif: Client,
    pub jonas: Client,
}

/// A person with a browser session, or a program with a token.
#[derive(Clone)]
pub struct Client {
    pub router: Router,
    pub person: Person,
    pub cookie: String,
    pub bearer: Option<String>,
}

/// A response with its complete body.
pub struct Response {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl World {
    pub async fn new() -> Self {
        let db = cluster::create_database().await;
        let app = App::new("http://fortnight.test", db.clone(), Clock::standing(NOW));
        let router = router(app.clone());
        let mut tx = db.begin().await.unwrap();
        let infrastructure = add_team(&mut tx, NOW, "infrastructure", "Infrastructure", "INF")
            .await
            .unwrap();
        let ingestion = add_team(&mut tx, NOW, "ingestion", "Ingestion", "ING")
            .await
            .unwrap();
        let elif = add_person(&mut tx, "Elif Hartmann", "elif", 2).await;
        let jonas = add_person(&mut tx, "Jonas Gruber", "jonas", 7).await;
        add_member(&mut tx, NOW, infrastructure, elif.id, false)
            .await
            .unwrap();
        add_member(&mut tx, NOW, ingestion, jonas.id, false)
            .await
            .unwrap();
        // 16 November is a Monday
        cadence::add_sprint(
            &mut tx,
            42,
            time::macros::date!(2026 - 11 - 16),
            2,
            "Sprint {n}",
        )
        .await
        .unwrap();
        cadence::update_sprints(&mut tx, NOW).await.unwrap();
        tx.commit().await.unwrap();
        let elif = Client::sign_in(&app, &router, elif).await;
        let jonas = Client::sign_in(&app, &router, jonas).await;
        Self {
            app,
            router,
            db,
            elif,
            jonas,
        }
    }

    /// Delivers all notifications, and returns the person's unread ones as a page.
    pub async fn inbox(&self, client: &Client) -> String {
        self.deliver().await;
        client.get("/inbox").await.ok().text()
    }

    /// Delivers all notifications, as the background job does.
    pub async fn deliver(&self) {
        notifications::deliver_all(&self.app, self.app.clock.now(), true)
            .await
            .unwrap();
    }

    /// Adds a person to a team and signs them in.
    pub async fn join(&self, name: &str, handle: &str, team: &str) -> Client {
        let mut tx = self.db.begin().await.unwrap();
        let person = add_person(&mut tx, name, handle, 4).await;
        let team: Uuid = sqlx::query_scalar("SELECT id FROM teams WHERE slug = $1")
            .bind(team)
            .fetch_one(&mut *tx)
            .await
            .unwrap();
        add_member(&mut tx, NOW, team, person.id, false)
            .await
            .unwrap();
        tx.commit().await.unwrap();
        Client::sign_in(&self.app, &self.router, person).await
    }

    /// Returns a client without a session.
    pub fn stranger(&self) -> Client {
        Client {
            cookie: String::new(),
            ..self.elif.clone()
        }
    }

    /// Returns a client that uses an API token of this person.
    pub async fn program_of(&self, client: &Client, scope: Scope) -> Client {
        let email = format!("{}@example.org", client.person.handle);
        let token = api_tokens::create(&self.db, NOW, &email, scope)
            .await
            .unwrap();
        Client {
            cookie: String::new(),
            bearer: Some(token),
            ..client.clone()
        }
    }

    /// Returns how many deadlocks Postgres has resolved. Each costs a second.
    pub async fn count_deadlocks(&self) -> i64 {
        // every connection has to flush its statistics first
        let mut connections: Vec<_> = std::iter::from_fn(|| self.db.try_acquire()).collect();
        for connection in &mut connections {
            sqlx::query("SELECT pg_stat_force_next_flush()")
                .execute(&mut **connection)
                .await
                .unwrap();
        }
        drop(connections);
        sqlx::query_scalar(
            "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()",
        )
        .fetch_one(&self.db)
        .await
        .unwrap()
    }

    /// Waits until a statement is waiting for a lock in this world's database.
    pub async fn wait_for_lock_waiter(&self) {
        let waits = "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock')";
        while !sqlx::query_scalar::<_, bool>(waits)
            .fetch_one(&self.db)
            .await
            .unwrap()
        {
            tokio::task::yield_now().await;
        }
    }

    /// Returns the keys in a column from top to bottom, read from the database.
    pub async fn column_keys(&self, team: &str, column: &str) -> Vec<String> {
        sqlx::query_scalar(
            "SELECT t.key || '-' || k.number FROM tasks k JOIN teams t ON t.id = k.team_id
             JOIN columns c ON c.team_id = k.team_id AND c.id = k.column_id
             WHERE t.slug = $1 AND c.slug = $2 AND k.rank IS NOT NULL ORDER BY k.rank",
        )
        .bind(team)
        .bind(column)
        .fetch_all(&self.db)
        .await
        .unwrap()
    }

    /// Adds tasks INF-1 to INF-`count` to a column of the active sprint, in this order.
    pub async fn fill_column(&self, column: &str, count: i32) {
        sqlx::query(
            "INSERT INTO tasks (team_id, id, number, column_id, rank, title, sprint_id, created_at, column_since)
             SELECT t.id, gen_random_uuid(), n, c.id, 'a' || lpad(n::text, 5, '0') || 'V', 'Task ' || n, s.id, now(), now()
             FROM teams t JOIN columns c ON c.team_id = t.id AND c.slug = $1, sprints s, generate_series(1, $2) n
             WHERE t.key = 'INF' AND s.state = 'active'",
        )
        .bind(column)
        .bind(count)
        .execute(&self.db)
        .await
        .unwrap();
        sqlx::query("UPDATE teams SET last_number = $1 WHERE key = 'INF'")
            .bind(count)
            .execute(&self.db)
            .await
            .unwrap();
    }
}

async fn add_person(db: &mut sqlx::PgConnection, name: &str, handle: &str, hue: i16) -> Person {
    let person = Person {
        id: Uuid::now_v7(),
        handle: handle.to_owned(),
        name: name.to_owned(),
        hue,
    };
    sqlx::query("INSERT INTO accounts (id, email, name, handle, hue, created_at) VALUES ($1, $2, $3, $4, $5, $6)")
        .bind(person.id)
        .bind(format!("{handle}@example.org"))
        .bind(name)
        .bind(handle)
        .bind(hue)
        .bind(NOW)
        .execute(db)
        .await
        .unwrap();
    person
}

impl Client {
    async fn sign_in(app: &App, router: &Router, person: Person) -> Self {
        let session = sessions::start(&app.db, NOW, person.id, "test")
            .await
            .unwrap();
        Self {
            router: router.clone(),
            person,
            cookie: format!("session={session}"),
            bearer: None,
        }
    }

    pub async fn send(&self, mut request: Request<Body>) -> Response {
        let headers = request.headers_mut();
        if !self.cookie.is_empty() {
            headers.insert(header::COOKIE, self.cookie.parse().unwrap());
        }
        if let Some(bearer) = &self.bearer {
            headers.insert(
                header::AUTHORIZATION,
                format!("Bearer {bearer}").parse().unwrap(),
            );
        }
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
        Response {
            status: parts.status,
            headers: parts.headers,
            body,
        }
    }

    pub async fn get(&self, path: &str) -> Response {
        self.send(Request::get(path).body(Body::empty()).unwrap())
            .await
    }

    /// Sends a form that loads a page, with a key in a hidden field.
    pub async fn post(&self, path: &str, fields: &[(&str, &str)]) -> Response {
        let key = Uuid::new_v4().simple().to_string();
        let fields = &[fields, &[("idempotency_key", &key)]].concat();
        self.send(
            build_form_request(Method::POST, path, fields)
                .body(encode_form(fields))
                .unwrap(),
        )
        .await
    }

    /// Presses the button of this page of the inbox that marks everything as read.
    pub async fn mark_all_read(&self, page: &str) {
        let up_to = page.split("name=\"up_to\" value=\"").nth(1);
        let up_to = up_to.expect("something is unread").split('"').next();
        self.post("/inbox/read", &[("up_to", up_to.unwrap())])
            .await
            .status(303);
    }

    /// Sends a form as our scripts do, which expect a fragment of the page.
    pub async fn submit_by_script(
        &self,
        method: Method,
        path: &str,
        part: &str,
        fields: &[(&str, &str)],
    ) -> Response {
        let request = build_form_request(method, path, fields)
            .header("fortnight-fragment", part)
            .header("idempotency-key", Uuid::new_v4().to_string())
            .header(header::ACCEPT, "text/html, application/problem+json");
        self.send(request.body(encode_form(fields)).unwrap()).await
    }

    pub async fn api(&self, method: Method, path: &str, body: Value) -> Response {
        let request = Request::builder()
            .method(method)
            .uri(format!("/api/v1{path}"))
            .header(header::CONTENT_TYPE, "application/json")
            .body(Body::from(body.to_string()));
        self.send(request.unwrap()).await
    }

    /// Creates a task with the API and returns its key.
    pub async fn create_task(&self, team: &str, column: &str, title: &str) -> String {
        let response = self
            .api(
                Method::POST,
                &format!("/teams/{team}/tasks"),
                json!({ "title": title, "column": column }),
            )
            .await;
        assert_eq!(response.status, 201, "{}", response.text());
        response.json()["key"].as_str().unwrap().to_owned()
    }

    pub async fn load_task(&self, key: &str) -> Value {
        self.api(Method::GET, &format!("/tasks/{key}"), json!({}))
            .await
            .ok()
            .json()
    }
}

fn build_form_request(
    method: Method,
    path: &str,
    _: &[(&str, &str)],
) -> axum::http::request::Builder {
    Request::builder()
        .method(method)
        .uri(path)
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
}

fn encode_form(fields: &[(&str, &str)]) -> Body {
    Body::from(
        form_urlencoded::Serializer::new(String::new())
            .extend_pairs(fields)
            .finish(),
    )
}

impl Response {
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }

    /// Asserts that the request succeeded.
    pub fn ok(self) -> Self {
        assert!(
            self.status.is_success() || self.status.is_redirection(),
            "{} {}",
            self.status,
            self.text()
        );
        self
    }

    /// Asserts the status.
    pub fn status(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", self.text());
        self
    }
}
