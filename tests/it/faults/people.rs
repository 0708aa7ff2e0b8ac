//! People who work through programs that fail, and remember what they were told.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use axum::http::Method;
use serde_json::{Value, json};
use sqlx::PgConnection;
use tokio::sync::watch;

use crate::{faults::Random, program::wait_until};

/// What the clients remember.
#[derive(Default)]
pub struct Memory {
    /// Titles of tasks whose creation was acknowledged, with their keys.
    pub created: BTreeMap<String, String>,
    /// Titles that were sent, acknowledged or not.
    pub sent: BTreeSet<String>,
    /// Texts of comments that were acknowledged.
    pub comments: BTreeSet<String>,
    pub moves: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    Working,
    /// Nothing is sent until they work again.
    Resting,
    Over,
}

/// What people share.
pub struct Crew {
    pub memory: Mutex<Memory>,
    pub stage: watch::Sender<Stage>,
    /// How many are resting.
    pub resting: AtomicUsize,
    pub acknowledged: AtomicUsize,
    /// How many writes were refused because the disk is full.
    pub refused_as_full: AtomicUsize,
}

impl Default for Crew {
    fn default() -> Self {
        Self {
            memory: Mutex::default(),
            stage: watch::Sender::new(Stage::Working),
            resting: AtomicUsize::new(0),
            acknowledged: AtomicUsize::new(0),
            refused_as_full: AtomicUsize::new(0),
        }
    }
}

/// One client: it creates tasks, moves them and comments on them. An unanswered write is sent again with the same key,
/// perhaps to the other program.
pub struct Person {
    pub number: usize,
    pub token: String,
    pub random: Random,
    pub servers: [watch::Receiver<String>; 2],
    pub http: reqwest::Client,
}

impl Person {
    pub async fn work(mut self, crew: &Crew) {
        let mut stage = crew.stage.subscribe();
        let mut own: Vec<String> = Vec::new();
        let mut nth = 0;
        loop {
            let now = *stage.borrow_and_update();
            match now {
                Stage::Over => return,
                Stage::Resting => {
                    crew.resting.fetch_add(1, Ordering::SeqCst);
                    let _ = stage.wait_for(|stage| *stage != Stage::Resting).await;
                    crew.resting.fetch_sub(1, Ordering::SeqCst);
                    continue;
                }
                Stage::Working => {}
            }
            let name = format!("{}-{nth}", self.number);
            nth += 1;
            self.do_something(crew, &mut own, name).await;
            crew.acknowledged.fetch_add(1, Ordering::SeqCst);
        }
    }

    async fn do_something(&mut self, crew: &Crew, own: &mut Vec<String>, name: String) {
        let action = if own.is_empty() {
            0
        } else {
            self.random.next(3)
        };
        if action == 0 {
            crew.memory.lock().unwrap().sent.insert(name.clone());
            let text: String = (0..2000)
                .filter_map(|_| char::from_digit(self.random.next(36) as u32, 36))
                .collect();
            let task = json!({ "title": name, "description": text });
            let path = "/teams/crew/tasks";
            let answer = self.send(crew, &name, Method::POST, path, task).await;
            let key = answer["key"].as_str().unwrap().to_owned();
            own.push(key.clone());
            crew.memory.lock().unwrap().created.insert(name, key);
            return;
        }
        let task = own[self.random.next(own.len())].clone();
        if action == 1 {
            let column = ["todo", "in-progress", "in-review"][self.random.next(3)];
            let path = format!("/tasks/{task}/position");
            let place = json!({ "column": column });
            self.send(crew, &name, Method::PUT, &path, place).await;
            crew.memory.lock().unwrap().moves += 1;
        } else {
            let path = format!("/tasks/{task}/comments");
            let comment = json!({ "body": name });
            self.send(crew, &name, Method::POST, &path, comment).await;
            crew.memory.lock().unwrap().comments.insert(name);
        }
    }

    /// Sends a write until it is acknowledged.
    async fn send(
        &mut self,
        crew: &Crew,
        name: &str,
        method: Method,
        path: &str,
        body: Value,
    ) -> Value {
        let mut answer = None;
        let what = format!("{method} {path} of {name} is acknowledged");
        wait_until(&what, async || {
            let server = self.servers[self.random.next(2)].borrow().clone();
            let request = self
                .http
                .request(method.clone(), format!("{server}/api/v1{path}"))
                .bearer_auth(&self.token)
                .header("idempotency-key", name)
                .json(&body);
            let Ok(response) = request.send().await else {
                return false;
            };
            let status = response.status();
            let text = response.text().await.unwrap_or_default();
            if status == 503 || status == 429 {
                let is_full = text.contains("The disk of the database is full");
                crew.refused_as_full
                    .fetch_add(usize::from(is_full), Ordering::SeqCst);
                return false;
            }
            assert!(
                status.is_success(),
                "{method} {path} {name}: {status} {text}"
            );
            answer = serde_json::from_str(&text).ok();
            answer.is_some()
        })
        .await;
        answer.unwrap()
    }
}

pub async fn check_nothing_lost_or_doubled(db: &mut PgConnection, memory: &Memory) {
    let tasks: Vec<(String, String)> = sqlx::query_as(
        "SELECT k.title, t.key || '-' || k.number FROM tasks k JOIN teams t ON t.id = k.team_id",
    )
    .fetch_all(&mut *db)
    .await
    .unwrap();
    let count = tasks.len();
    let tasks: BTreeMap<String, String> = tasks.into_iter().collect();
    assert_eq!(tasks.len(), count, "no task is doubled");
    for (title, key) in &memory.created {
        assert_eq!(tasks.get(title), Some(key), "{title} was acknowledged");
    }
    assert!(tasks.keys().all(|title| memory.sent.contains(title)));
    let comments: Vec<String> = sqlx::query_scalar("SELECT body FROM comments")
        .fetch_all(db)
        .await
        .unwrap();
    let unique: BTreeSet<&String> = comments.iter().collect();
    assert_eq!(unique.len(), comments.len(), "no comment is doubled");
    assert!(memory.comments.iter().all(|body| unique.contains(body)));
}
