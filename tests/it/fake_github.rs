//! GitHub's API on this machine: a program that executes GitHub's published schema.

use std::{path::Path, process::Stdio};

use fortnight::domain::outbound::OutgoingClient;
use serde_json::{Value, json};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
};

pub const TOKEN: &str = "a token of the tests";

/// GitHub, with the project acme/projects/7.
pub struct GitHub {
    pub address: String,
    client: OutgoingClient,
    _program: Child,
}

impl GitHub {
    pub async fn start() -> Self {
        // where bin/test puts it
        let folder = "/usr/local/lib/fortnight-tests/github-projects";
        let program =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/github-projects/server.mjs");
        let mut program = Command::new(format!("{folder}/node_modules/.bin/node"))
            .args([program.to_str().unwrap(), folder])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("these tests need the schema of GitHub that bin/test installs");
        let mut lines = BufReader::new(program.stdout.take().unwrap()).lines();
        let address = lines.next_line().await.unwrap().unwrap();
        Self {
            address,
            client: OutgoingClient::new("127.0.0.0/8".parse().unwrap()),
            _program: program,
        }
    }

    /// Reads or changes what it holds.
    pub async fn tell(&self, body: Value) -> Value {
        let url = format!("{}/control", self.address).parse().unwrap();
        let mut request = reqwest::Request::new(reqwest::Method::POST, url);
        *request.body_mut() = Some(body.to_string().into());
        let answer = self.client.send(request).await.unwrap();
        serde_json::from_slice(&answer.body).unwrap()
    }

    /// Adds an item, and returns its id.
    pub async fn add(&self, mut item: Value) -> String {
        item["do"] = json!("add");
        self.tell(item).await["id"].as_str().unwrap().to_owned()
    }

    pub async fn change(&self, id: &str, mut change: Value) {
        (change["do"], change["id"]) = (json!("change"), json!(id));
        self.tell(change).await;
    }

    /// Its items, and what it was asked.
    pub async fn state(&self) -> Value {
        self.tell(json!({ "do": "state" })).await
    }

    pub async fn items(&self) -> Vec<Value> {
        self.state().await["items"].as_array().unwrap().clone()
    }

    /// The item with this title.
    pub async fn item(&self, title: &str) -> Value {
        let items = self.items().await;
        let found = items.iter().find(|item| item["title"] == title);
        found
            .unwrap_or_else(|| panic!("no item “{title}” in {items:#?}"))
            .clone()
    }

    pub async fn count(&self, what: &str) -> i64 {
        self.state().await["counts"][what].as_i64().unwrap()
    }

    pub async fn set_clock(&self, at: OffsetDateTime) {
        let at = at.format(&Rfc3339).unwrap();
        self.tell(json!({ "do": "clock", "at": at })).await;
    }
}
