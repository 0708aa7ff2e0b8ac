//! The test server on a real socket, and clients for its event streams.

use std::{future::ready, net::SocketAddr, time::Duration};

use axum::body::Bytes;
use fortnight::{
    app::App,
    http::{
        connections::ConnectionLimits,
        live::dispatcher,
        router::router,
        serve::{Timeouts, serve},
    },
};
use futures_util::StreamExt;
use serde_json::Value;
use tokio::{net::TcpListener, sync::mpsc, task::JoinHandle, time::timeout};

use crate::fixtures::{Client, World};

/// A server on a real socket, with event streams.
pub struct Served {
    pub address: SocketAddr,
    stop: mpsc::Sender<()>,
    done: JoinHandle<()>,
}

impl Served {
    pub async fn of(world: &World) -> Self {
        Self::at("127.0.0.1:0".parse().unwrap(), world.app.clone()).await
    }

    /// Serves an app that never polls the database for changes.
    pub async fn without_polling(app: App) -> Self {
        let dispatcher = app.clone();
        tokio::spawn(async move { dispatcher::forward(&dispatcher).await });
        Self::without_dispatcher("127.0.0.1:0".parse().unwrap(), app).await
    }

    /// Serves an app of its own on any port.
    pub async fn of_app(app: App) -> Self {
        Self::at("127.0.0.1:0".parse().unwrap(), app).await
    }

    /// Serves an app at this address.
    pub async fn at(address: SocketAddr, app: App) -> Self {
        tokio::spawn(dispatcher::run(app.clone()));
        Self::without_dispatcher(address, app).await
    }

    async fn without_dispatcher(address: SocketAddr, app: App) -> Self {
        let listener = TcpListener::bind(address).await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stop_requests) = mpsc::channel(1);
        let done = tokio::spawn(async move {
            serve(
                listener,
                router(app.clone()),
                Timeouts::default(),
                ConnectionLimits::default(),
                stop_requests,
                app.live.ending(),
            )
            .await;
        });
        Self {
            address,
            stop,
            done,
        }
    }

    /// Stops the server as a supervisor does.
    pub async fn stop(&mut self) {
        self.stop.send(()).await.unwrap();
        (&mut self.done).await.unwrap();
    }

    /// Starts another server at the same address with the same database.
    pub async fn start_again(&mut self, world: &World) {
        let app = App::new(
            "http://fortnight.test",
            world.db.clone(),
            world.app.clock.clone(),
        );
        *self = Self::at(self.address, app).await;
    }

    /// Opens a team's event stream as a browser does.
    pub async fn listen(&self, client: &Client, team: &str, last_event_id: Option<i64>) -> Stream {
        self.listen_at(client, &format!("/teams/{team}/live"), last_event_id)
            .await
    }

    /// Opens the event stream at a path.
    pub async fn listen_at(
        &self,
        client: &Client,
        path: &str,
        last_event_id: Option<i64>,
    ) -> Stream {
        let mut request = crate::program::new_client()
            .get(format!("http://{}{path}", self.address))
            .header("cookie", &client.cookie);
        if let Some(bearer) = &client.bearer {
            request = request.bearer_auth(bearer);
        }
        if let Some(seq) = last_event_id {
            request = request.header("last-event-id", seq.to_string());
        }
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 200);
        Stream::of(response)
    }
}

pub struct Stream {
    bytes: std::pin::Pin<Box<dyn futures_util::Stream<Item = Bytes> + Send>>,
    unread: Vec<u8>,
}

/// A server-sent event.
#[derive(Debug)]
pub struct Event {
    pub name: String,
    pub id: Option<i64>,
    pub data: Value,
}

impl Stream {
    pub fn of(response: reqwest::Response) -> Self {
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        let bytes = response.bytes_stream();
        Self::of_bytes(
            bytes
                .take_while(|read| ready(read.is_ok()))
                .map(Result::unwrap),
        )
    }

    /// A stream whose connection is read elsewhere.
    pub fn of_bytes(bytes: impl futures_util::Stream<Item = Bytes> + Send + 'static) -> Self {
        Self {
            bytes: Box::pin(bytes),
            unread: Vec::new(),
        }
    }

    /// Waits for the next event, which is to arrive in time. Returns `None` when the stream has ended.
    pub async fn next(&mut self) -> Option<Event> {
        timeout(Duration::from_secs(10), self.read())
            .await
            .expect("an event arrives in time")
    }

    /// Waits for the next event. Returns `None` when the stream has ended or its connection was lost.
    pub async fn read(&mut self) -> Option<Event> {
        loop {
            if let Some(end) = self.unread.windows(2).position(|two| two == b"\n\n") {
                let event: Vec<u8> = self.unread.drain(..end + 2).collect();
                let event = String::from_utf8(event).unwrap();
                let field = |name: &str| {
                    event
                        .lines()
                        .find_map(|line| line.strip_prefix(name))
                        .map(str::to_owned)
                };
                let data = field("data: ")
                    .map_or(Value::Null, |data| serde_json::from_str(&data).unwrap());
                return Some(Event {
                    name: field("event: ").unwrap(),
                    id: field("id: ").map(|id| id.parse().unwrap()),
                    data,
                });
            }
            self.unread.extend(self.bytes.next().await?);
        }
    }

    /// Waits for the next event with this name.
    pub async fn next_named(&mut self, name: &str) -> Event {
        loop {
            let event = self.next().await.expect("the stream has not ended");
            if event.name == name {
                return event;
            }
        }
    }
}
