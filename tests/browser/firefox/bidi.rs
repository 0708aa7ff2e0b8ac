//! A small WebDriver BiDi client that sends one command at a time and waits for its reply.

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

/// How long anything may take before a test fails.
const TIMEOUT: Duration = Duration::from_secs(20);

/// A Firefox for one server.
pub struct Firefox {
    base: String,
    connection: Mutex<Connection>,
    process: Child,
    _profile: TempDir,
}

struct Connection {
    socket: WebSocketStream<TokioAdapter<TcpStream>>,
    last: u64,
    /// Uncaught errors of scripts.
    errors: Vec<Value>,
}

/// A browser window with its own cookies.
pub struct Window<'f> {
    firefox: &'f Firefox,
    context: String,
}

impl Firefox {
    pub async fn start(base: &str) -> Self {
        let program = ["/usr/bin/firefox-esr", "/usr/bin/firefox"]
            .into_iter()
            .find(|path| Path::new(path).exists())
            .expect("this test needs Firefox, which bin/test installs");
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
        // Firefox prints the address that it listens on
        let address = timeout(TIMEOUT, async {
            while let Some(line) = lines.next_line().await.unwrap() {
                if let Some((_, address)) = line.split_once("WebDriver BiDi listening on ") {
                    return address.trim().to_owned();
                }
            }
            panic!("Firefox exited before it was ready");
        });
        let address = format!(
            "{}/session",
            address.await.expect("Firefox did not print its address")
        );
        // keep reading, so that a full pipe does not block Firefox
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        let host = address
            .strip_prefix("ws://")
            .unwrap()
            .split('/')
            .next()
            .unwrap();
        let stream = TcpStream::connect(host).await.unwrap();
        let (socket, _) = client_async(address, stream).await.unwrap();
        let connection = Mutex::new(Connection {
            socket,
            last: 0,
            errors: Vec::new(),
        });
        let firefox = Self {
            base: base.to_owned(),
            connection,
            process,
            _profile: profile,
        };
        firefox
            .send_command("session.new", json!({ "capabilities": {} }))
            .await;
        firefox
            .send_command("session.subscribe", json!({ "events": ["log.entryAdded"] }))
            .await;
        firefox
    }

    /// Opens a window without a session.
    pub async fn open_window(&self) -> Window<'_> {
        let person = self
            .send_command("browser.createUserContext", json!({}))
            .await;
        let created = self
            .send_command(
                "browsingContext.create",
                json!({ "type": "window", "userContext": person["userContext"] }),
            )
            .await;
        let context = created["context"].as_str().unwrap().to_owned();
        let size = json!({ "context": context, "viewport": { "width": 1440, "height": 900 } });
        self.send_command("browsingContext.setViewport", size).await;
        Window {
            firefox: self,
            context,
        }
    }

    /// Returns the uncaught errors of scripts.
    pub async fn errors(&self) -> Value {
        self.send_command("session.status", json!({})).await;
        json!(self.connection.lock().await.errors)
    }

    async fn send_command(&self, method: &str, params: Value) -> Value {
        let response = tokio::time::timeout(TIMEOUT + TIMEOUT, async {
            let mut connection = self.connection.lock().await;
            connection.last += 1;
            let id = connection.last;
            let command = json!({ "id": id, "method": method, "params": params }).to_string();
            connection
                .socket
                .send(Message::text(command))
                .await
                .unwrap();
            loop {
                let message = connection
                    .socket
                    .next()
                    .await
                    .expect("Firefox closed the connection")
                    .unwrap();
                let Ok(text) = message.to_text() else {
                    continue;
                };
                let reply: Value = serde_json::from_str(text).unwrap_or_default();
                if reply["id"] == id {
                    return reply;
                }
                let entry = &reply["params"];
                if reply["method"] == "log.entryAdded"
                    && entry["type"] == "javascript"
                    && entry["level"] == "error"
                {
                    connection.errors.push(entry["text"].clone());
                }
            }
        });
        let response = response
            .await
            .unwrap_or_else(|_| panic!("{method} got no reply"));
        assert_eq!(response["type"], "success", "{method}: {response}");
        response["result"].clone()
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
        self.firefox
            .send_command("browsingContext.navigate", params)
            .await;
        self.activate().await;
    }

    /// Brings the window to the front, so that it receives keys.
    pub async fn activate(&self) {
        self.firefox
            .send_command(
                "browsingContext.activate",
                json!({ "context": self.context }),
            )
            .await;
    }

    /// Waits until an expression is true. The page itself checks it every few milliseconds.
    pub async fn wait_for(&self, expression: &str) {
        let since = Instant::now();
        let script = format!(
            "(async () => {{ for (let n = 0; n < 60; n++) {{ if ({expression}) return true; await new Promise(go => setTimeout(go, 15)); }} return false; }})()"
        );
        while since.elapsed() < TIMEOUT {
            if self.evaluate(&script).await["result"]["value"] == true {
                return;
            }
        }
        let body = self.evaluate("document.body.innerText").await;
        panic!(
            "{expression} did not become true. The page shows:\n{}",
            body["result"]["value"].as_str().unwrap_or("")
        );
    }

    /// Waits until a column shows exactly these tasks, in this order.
    pub async fn wait_for_column(&self, column: &str, keys: &[&str]) {
        let list = keys.join(",");
        self.wait_for(&format!("[...document.querySelectorAll('[data-column=\"{column}\"] [data-task]:not([hidden])')].map(card => card.dataset.task).join() === '{list}'")).await;
    }

    /// Returns the result of a script; null if the page was left meanwhile.
    async fn evaluate(&self, script: &str) -> Value {
        let target = json!({ "context": self.context });
        let params = json!({ "expression": script, "target": target, "awaitPromise": true });
        self.firefox.send_command("script.evaluate", params).await
    }

    async fn center_of(&self, selector: &str) -> (i64, i64) {
        let script = format!(
            "(() => {{ const r = document.querySelector('{selector}').getBoundingClientRect(); return Math.round(r.left + r.width / 2) * 10000 + Math.round(r.top + r.height / 2); }})()"
        );
        let at = self.evaluate(&script).await["result"]["value"]
            .as_i64()
            .unwrap();
        (at / 10_000, at % 10_000)
    }

    pub async fn click(&self, selector: &str) {
        let (x, y) = self.center_of(selector).await;
        self.dispatch_mouse(json!([{ "type": "pointerMove", "x": x, "y": y }, { "type": "pointerDown", "button": 0 }, { "type": "pointerUp", "button": 0 }]))
            .await;
    }

    /// Drags from the centre of one element to the centre of another.
    pub async fn drag(&self, from: &str, to: &str) {
        let ((x, y), (to_x, to_y)) = (self.center_of(from).await, self.center_of(to).await);
        self.dispatch_mouse(json!([
            { "type": "pointerMove", "x": x, "y": y },
            { "type": "pointerDown", "button": 0 },
            { "type": "pointerMove", "x": (x + to_x) / 2, "y": (y + to_y) / 2, "duration": 100 },
            { "type": "pointerMove", "x": to_x, "y": to_y, "duration": 100 },
        ]))
        .await;
        self.wait_for("document.querySelector('.drop-placeholder')")
            .await;
        self.dispatch_mouse(json!([{ "type": "pointerUp", "button": 0 }]))
            .await;
    }

    async fn dispatch_mouse(&self, actions: Value) {
        let source = json!({ "type": "pointer", "id": "mouse", "parameters": { "pointerType": "mouse" }, "actions": actions });
        self.act(source).await;
    }

    /// Presses keys one after another: letters, a newline for Enter, or WebDriver code points for others.
    pub async fn send_keys(&self, text: &str) {
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
        self.firefox
            .send_command("input.performActions", params)
            .await;
    }
}
