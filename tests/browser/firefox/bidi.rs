//! A small client of WebDriver BiDi: one command after another, each waited for.

use std::{
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use async_tungstenite::{
    WebSocketStream,
    tokio::{TokioAdapter, client_async},
    tungstenite::Message,
};
use futures_util::StreamExt;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    net::TcpStream,
    process::ChildStderr,
    sync::Mutex,
    time::timeout,
};

/// How long anything may take before a story counts as broken.
const PATIENCE: Duration = Duration::from_secs(20);

/// A Firefox that looks at a server.
pub struct Firefox {
    base: String,
    line: Mutex<Line>,
    process: Child,
    _profile: TempDir,
}

struct Line {
    socket: WebSocketStream<TokioAdapter<TcpStream>>,
    last: u64,
    /// What pages said that was an error.
    errors: Vec<Value>,
}

/// One window, with cookies of its own.
pub struct Window<'f> {
    firefox: &'f Firefox,
    context: String,
}

impl Firefox {
    pub async fn start(base: &str) -> Self {
        let program = ["/usr/bin/firefox-esr", "/usr/bin/firefox"]
            .into_iter()
            .find(|path| Path::new(path).exists())
            .expect("this story drives Firefox: bin/test installs it");
        let profile = tempfile::tempdir().unwrap();
        let mut process = Command::new(program)
            .args([
                "--headless",
                "--no-remote",
                "--remote-debugging-port",
                "0",
                "--profile",
            ])
            .arg(profile.path())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines =
            BufReader::new(ChildStderr::from_std(process.stderr.take().unwrap()).unwrap()).lines();
        // it says where it listens
        let address = timeout(PATIENCE, async {
            while let Some(line) = lines.next_line().await.unwrap() {
                if let Some((_, address)) = line.split_once("WebDriver BiDi listening on ") {
                    return address.trim().to_owned();
                }
            }
            panic!("Firefox ended before it listened");
        });
        let address = format!(
            "{}/session",
            address.await.expect("Firefox did not say where it listens")
        );
        // what else it has to say is read, so that it can go on
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        let host = address
            .strip_prefix("ws://")
            .unwrap()
            .split('/')
            .next()
            .unwrap();
        let stream = TcpStream::connect(host).await.unwrap();
        let (socket, _) = client_async(address, stream).await.unwrap();
        let line = Mutex::new(Line {
            socket,
            last: 0,
            errors: Vec::new(),
        });
        let firefox = Self {
            base: base.to_owned(),
            line,
            process,
            _profile: profile,
        };
        firefox
            .ask("session.new", json!({ "capabilities": {} }))
            .await;
        firefox
            .ask("session.subscribe", json!({ "events": ["log.entryAdded"] }))
            .await;
        firefox
    }

    /// A window in which nobody is signed in.
    pub async fn window(&self) -> Window<'_> {
        let person = self.ask("browser.createUserContext", json!({})).await;
        let made = self
            .ask(
                "browsingContext.create",
                json!({ "type": "window", "userContext": person["userContext"] }),
            )
            .await;
        let context = made["context"].as_str().unwrap().to_owned();
        let size = json!({ "context": context, "viewport": { "width": 1440, "height": 900 } });
        self.ask("browsingContext.setViewport", size).await;
        Window {
            firefox: self,
            context,
        }
    }

    /// The errors that scripts threw and did not catch.
    pub async fn errors(&self) -> Value {
        self.ask("session.status", json!({})).await;
        json!(self.line.lock().await.errors)
    }

    async fn ask(&self, method: &str, params: Value) -> Value {
        let answer = tokio::time::timeout(PATIENCE + PATIENCE, async {
            let mut line = self.line.lock().await;
            line.last += 1;
            let id = line.last;
            let command = json!({ "id": id, "method": method, "params": params }).to_string();
            line.socket.send(Message::text(command)).await.unwrap();
            loop {
                let message = line.socket.next().await.expect("Firefox goes on").unwrap();
                let Ok(text) = message.to_text() else {
                    continue;
                };
                let said: Value = serde_json::from_str(text).unwrap_or_default();
                if said["id"] == id {
                    return said;
                }
                let entry = &said["params"];
                if said["method"] == "log.entryAdded"
                    && entry["type"] == "javascript"
                    && entry["level"] == "error"
                {
                    line.errors.push(entry["text"].clone());
                }
            }
        });
        let answer = answer
            .await
            .unwrap_or_else(|_| panic!("{method} was not answered"));
        assert_eq!(answer["type"], "success", "{method}: {answer}");
        answer["result"].clone()
    }
}

impl Drop for Firefox {
    fn drop(&mut self) {
        if let Some(pid) = Pid::from_raw(self.process.id() as i32) {
            let _ = kill_process(pid, Signal::TERM);
        }
        let _ = self.process.wait();
    }
}

impl Window<'_> {
    pub async fn goto(&self, path: &str) {
        let url = format!("{}{path}", self.firefox.base);
        let params = json!({ "context": self.context, "url": url, "wait": "complete" });
        self.firefox.ask("browsingContext.navigate", params).await;
        self.activate().await;
    }

    /// Brings it to the front: keys go there.
    pub async fn activate(&self) {
        self.firefox
            .ask(
                "browsingContext.activate",
                json!({ "context": self.context }),
            )
            .await;
    }

    /// Waits until a script's expression is true; the page itself looks, every few milliseconds.
    pub async fn until(&self, expression: &str) {
        let since = Instant::now();
        let looks = format!(
            "(async () => {{ for (let n = 0; n < 60; n++) {{ if ({expression}) return true; await new Promise(go => setTimeout(go, 15)); }} return false; }})()"
        );
        while since.elapsed() < PATIENCE {
            if self.evaluate(&looks).await["result"]["value"] == true {
                return;
            }
        }
        let body = self.evaluate("document.body.innerText").await;
        panic!(
            "{expression} did not come true. The page says:\n{}",
            body["result"]["value"].as_str().unwrap_or("")
        );
    }

    /// Waits until a column shows just these.
    pub async fn until_column(&self, column: &str, keys: &[&str]) {
        let list = keys.join(",");
        self.until(&format!("[...document.querySelectorAll('[data-column=\"{column}\"] [data-task]:not([hidden])')].map(card => card.dataset.task).join() === '{list}'")).await;
    }

    /// What a script comes to; nothing when the page was left meanwhile.
    async fn evaluate(&self, script: &str) -> Value {
        let target = json!({ "context": self.context });
        let params = json!({ "expression": script, "target": target, "awaitPromise": true });
        self.firefox.ask("script.evaluate", params).await
    }

    async fn middle(&self, selector: &str) -> (i64, i64) {
        let script = format!(
            "(() => {{ const r = document.querySelector('{selector}').getBoundingClientRect(); return Math.round(r.left + r.width / 2) * 10000 + Math.round(r.top + r.height / 2); }})()"
        );
        let at = self.evaluate(&script).await["result"]["value"]
            .as_i64()
            .unwrap();
        (at / 10_000, at % 10_000)
    }

    pub async fn click(&self, selector: &str) {
        let (x, y) = self.middle(selector).await;
        self.mouse(json!([{ "type": "pointerMove", "x": x, "y": y }, { "type": "pointerDown", "button": 0 }, { "type": "pointerUp", "button": 0 }]))
            .await;
    }

    /// Presses on the middle of one thing, carries it to the middle of another, and lets go.
    pub async fn drag(&self, from: &str, to: &str) {
        let ((x, y), (to_x, to_y)) = (self.middle(from).await, self.middle(to).await);
        self.mouse(json!([
            { "type": "pointerMove", "x": x, "y": y },
            { "type": "pointerDown", "button": 0 },
            { "type": "pointerMove", "x": (x + to_x) / 2, "y": (y + to_y) / 2, "duration": 100 },
            { "type": "pointerMove", "x": to_x, "y": to_y, "duration": 100 },
        ]))
        .await;
        self.until("document.querySelector('.drop')").await;
        self.mouse(json!([{ "type": "pointerUp", "button": 0 }]))
            .await;
    }

    async fn mouse(&self, actions: Value) {
        let source = json!({ "type": "pointer", "id": "mouse", "parameters": { "pointerType": "mouse" }, "actions": actions });
        self.act(source).await;
    }

    /// Presses keys one after another: letters, a new line for Enter, or WebDriver's numbers for others.
    pub async fn keys(&self, text: &str) {
        let actions: Vec<Value> = text
            .chars()
            .map(|letter| if letter == '\n' { '\u{e007}' } else { letter })
            .flat_map(|key| ["keyDown", "keyUp"].map(|kind| json!({ "type": kind, "value": key })))
            .collect();
        self.act(json!({ "type": "key", "id": "keyboard", "actions": actions }))
            .await;
    }

    async fn act(&self, source: Value) {
        let params = json!({ "context": self.context, "actions": [source] });
        self.firefox.ask("input.performActions", params).await;
    }
}
