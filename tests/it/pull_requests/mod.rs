//! Pull requests of GitHub, Forgejo and GitLab move tasks: through the real address of their webhooks, with signed bodies.

mod access;
mod connections;
mod edge_cases;
mod github_app;
mod log;
mod moves;
mod parsers;
mod people;
mod privacy;
mod repeats;
mod secrets_and_links;

use axum::{
    body::Body,
    http::{Method, Request},
};
use fortnight::jobs::pull_requests::process_waiting;
use hmac::{Hmac, Mac};
use serde_json::{Value, json};
use sha2::Sha256;
use time::{Duration, OffsetDateTime, format_description::well_known::Rfc3339};
use uuid::Uuid;

use crate::{
    fixtures::{Client, NOW, Response, World},
    people::create_account,
};

/// A workspace with a connection to a forge, which lists acme/alerts for Infrastructure.
pub struct Connected {
    pub world: World,
    pub admin: Client,
    /// The path of its page.
    pub page: String,
    /// The path of its webhook.
    pub hook: String,
    pub secret: String,
}

pub const REPOSITORY: &str = "acme/alerts";

impl Connected {
    pub async fn to(forge: &str) -> Self {
        let world = World::new().await;
        sqlx::query("UPDATE members SET role = 'lead'")
            .execute(&world.db)
            .await
            .unwrap();
        let (admin, ..) = create_account(&world, "ada", "admin").await;
        let fields = [("name", "acme"), ("forge", forge)];
        let created = admin.post("/settings/connections", &fields).await;
        let created = created.status(200).text();
        let (id, secret) = read_connection(&created);
        let connected = Self {
            world,
            admin,
            page: format!("/settings/connections/{id}"),
            hook: format!("/hooks/forge/{id}"),
            secret,
        };
        connected.list(REPOSITORY, "infrastructure").await;
        connected
    }

    /// Adds a repository.
    pub async fn list(&self, repository: &str, team: &str) {
        let fields = [("repository", repository), ("team", team)];
        let path = format!("{}/repositories", self.page);
        self.admin.post(&path, &fields).await.status(303);
    }

    /// Sends a signed delivery of GitHub, without working it off.
    pub async fn send(&self, id: &str, event: &str, body: &Value) -> Response {
        let body = body.to_string();
        let signature = format!("sha256={}", sign(&self.secret, body.as_bytes()));
        let headers = [
            ("x-github-delivery", id),
            ("x-github-event", event),
            ("x-hub-signature-256", signature.as_str()),
        ];
        self.post(&headers, body.into_bytes()).await
    }

    /// Sends a signed delivery of GitHub, and works it off.
    pub async fn deliver(&self, event: &str, body: &Value) {
        let id = Uuid::new_v4().to_string();
        self.send(&id, event, body).await.status(202);
        self.process_waiting().await;
    }

    pub async fn process_waiting(&self) -> usize {
        process_waiting(&self.world.app).await.unwrap()
    }

    pub async fn post(&self, headers: &[(&str, &str)], body: Vec<u8>) -> Response {
        let mut request = Request::builder()
            .method(Method::POST)
            .uri(&self.hook)
            .header("content-type", "application/json");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Body::from(body)).unwrap();
        self.world.stranger().send(request).await
    }

    /// The column of a task.
    pub async fn column(&self, key: &str) -> String {
        let task = self.world.elif.load_task(key).await;
        task["column"].as_str().unwrap().to_owned()
    }

    /// The text of the page with the log.
    pub async fn log(&self) -> String {
        let page = self.admin.get(&self.page).await.ok().text();
        page.split("id=\"deliveries\"").nth(1).unwrap().to_owned()
    }
}

/// The id and the secret on the page that shows a new connection.
pub fn read_connection(page: &str) -> (String, String) {
    let id = page.split("/hooks/forge/").nth(1).unwrap()[..36].to_owned();
    let secret = page.split("id=\"new-secret\"").nth(1).unwrap();
    let secret = secret.split("value=\"").nth(1).unwrap();
    (id, secret.split('"').next().unwrap().to_owned())
}

pub fn sign(secret: &str, body: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(body);
    let bytes = mac.finalize().into_bytes();
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A pull request as GitHub describes it.
#[derive(Clone)]
pub struct PullRequest {
    pub number: i64,
    pub branch: &'static str,
    pub title: String,
    pub body: String,
    pub base: &'static str,
    pub reviewers: Vec<&'static str>,
}

impl PullRequest {
    pub fn new(title: impl Into<String>) -> Self {
        Self {
            number: 418,
            branch: "patch-1",
            title: title.into(),
            body: String::new(),
            base: "main",
            reviewers: Vec::new(),
        }
    }

    /// A delivery of GitHub about it. `state` is draft, open, merged or closed.
    pub fn github(&self, action: &str, state: &str, at: OffsetDateTime) -> Value {
        let at = at.format(&Rfc3339).unwrap();
        let reviewers = self.reviewers.iter().map(|login| json!({ "login": login }));
        json!({
            "action": action, "number": self.number,
            "pull_request": {
                "number": self.number, "title": self.title, "body": self.body, "updated_at": at,
                "html_url": format!("https://github.com/{REPOSITORY}/pull/{}", self.number),
                "state": if matches!(state, "draft" | "open") { "open" } else { "closed" },
                "draft": state == "draft", "merged": state == "merged",
                "head": { "ref": self.branch, "sha": "5f3c1d9" }, "base": { "ref": self.base },
                "requested_reviewers": reviewers.collect::<Vec<_>>(), "user": { "login": "gita" },
            },
            "repository": { "full_name": REPOSITORY, "default_branch": "main" },
            "sender": { "login": "gita" },
        })
    }
}

/// So many minutes before now.
pub fn ago(minutes: i64) -> OffsetDateTime {
    NOW - Duration::minutes(minutes)
}
