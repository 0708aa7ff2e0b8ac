//! What others see, as it happens.

use std::{net::SocketAddr, time::Duration};

use axum::http::Method;
use fortnight::{
    activity::stream,
    web::serve::{Patience, serve},
};
use futures_util::StreamExt;
use serde_json::{Value, json};
use tokio::{net::TcpListener, sync::mpsc, time::timeout};

use crate::world::{Client, World};

/// The world behind a real socket, with its live side running.
pub struct Served {
    pub address: SocketAddr,
    _stop: mpsc::Sender<()>,
}

impl Served {
    pub async fn of(world: &World) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, asked) = mpsc::channel(1);
        let (app, router) = (world.app.clone(), world.router.clone());
        tokio::spawn(stream::pump(app.clone()));
        tokio::spawn(async move { serve(listener, router, Patience::default(), asked, app.live.ending()).await });
        Self { address, _stop: stop }
    }

    /// Opens a team's stream as a browser does.
    pub async fn listen(&self, client: &Client, team: &str, last_event_id: Option<i64>) -> Stream {
        let mut request = reqwest::Client::new()
            .get(format!("http://{}/teams/{team}/live", self.address))
            .header("cookie", &client.cookie);
        if let Some(seq) = last_event_id {
            request = request.header("last-event-id", seq.to_string());
        }
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Stream { bytes: Box::pin(response.bytes_stream()), text: String::new() }
    }
}

pub struct Stream {
    bytes: std::pin::Pin<Box<dyn futures_util::Stream<Item = reqwest::Result<axum::body::Bytes>> + Send>>,
    text: String,
}

/// One event: its name, its number and what it says.
#[derive(Debug)]
pub struct Event {
    pub name: String,
    pub id: Option<i64>,
    pub data: Value,
}

impl Stream {
    /// The next event, or nothing when the stream has ended.
    pub async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some((event, rest)) = self.text.split_once("\n\n") {
                let (event, rest) = (event.to_owned(), rest.to_owned());
                self.text = rest;
                let field = |name: &str| event.lines().find_map(|line| line.strip_prefix(name)).map(str::to_owned);
                let data = field("data: ").map_or(Value::Null, |data| serde_json::from_str(&data).unwrap());
                return Some(Event {
                    name: field("event: ").unwrap(),
                    id: field("id: ").map(|id| id.parse().unwrap()),
                    data,
                });
            }
            let chunk = timeout(Duration::from_secs(10), self.bytes.next())
                .await
                .expect("the stream says something in time")?;
            self.text.push_str(std::str::from_utf8(&chunk.unwrap()).unwrap());
        }
    }

    /// The next event of this name.
    pub async fn next_of(&mut self, name: &str) -> Event {
        loop {
            let event = self.next().await.expect("the stream goes on");
            if event.name == name {
                return event;
            }
        }
    }
}

#[tokio::test]
async fn a_second_window_sees_the_move_with_the_same_bytes() {
    let world = World::new().await;
    let served = Served::of(&world).await;
    let key = world.elif.make("infrastructure", "todo", "Cut over").await;
    let mut one = served.listen(&world.elif, "infrastructure", None).await;
    let mut two = served.listen(&world.jonas, "infrastructure", None).await;
    let here = one.next_of("presence").await;
    assert!(here.data["html"].as_str().unwrap().contains("here now"));
    let answer =
        world.elif.ask(Method::PUT, &format!("/tasks/{key}/position"), "card", &[("column", "done")]).await.ok();
    let (a, b) = (one.next_of("card").await, two.next_of("card").await);
    assert_eq!(a.data, b.data);
    assert_eq!(
        (&a.data["key"], &a.data["column"], &a.data["kind"], &a.data["who"]),
        (&json!("INF-1"), &json!("done"), &json!("moved"), &json!("Elif Hartmann"))
    );
    assert_eq!(a.data["change"], answer.header("fortnight-change"));
    assert!(a.data["html"].as_str().unwrap().contains("data-task=\"INF-1\""));
    // lines of a description, and a title with a quote, arrive whole
    world.elif.post("/tasks/INF-1", &[("title", "It's \"done\""), ("description", "a\r\nb")]).await.ok();
    assert!(one.next_of("card").await.data["html"].as_str().unwrap().contains("It&#39;s"));
    world.elif.post("/tasks/INF-1/archive", &[]).await.ok();
    assert_eq!(one.next_of("card").await.data["html"], Value::Null);
}

#[tokio::test]
async fn who_was_away_catches_up_from_where_they_were() {
    let world = World::new().await;
    let served = Served::of(&world).await;
    for title in ["one", "two", "three"] {
        world.elif.make("infrastructure", "todo", title).await;
    }
    let mut back = served.listen(&world.elif, "infrastructure", Some(1)).await;
    assert_eq!((back.next_of("card").await.id, back.next_of("card").await.id), (Some(2), Some(3)));
    world.elif.make("infrastructure", "todo", "four").await;
    assert_eq!(back.next_of("card").await.data["key"], "INF-4");
    // too much happened: take the whole board anew
    sqlx::query(
        "INSERT INTO events (team_id, seq, change_id, task_id, kind, at)
         SELECT k.team_id, 4 + n, gen_random_uuid(), k.id, 'task.edited', now() FROM tasks k, generate_series(1, 400) n WHERE number = 1",
    )
    .execute(&world.db)
    .await
    .unwrap();
    sqlx::query("UPDATE teams SET seq = 404 WHERE slug = 'infrastructure'").execute(&world.db).await.unwrap();
    let mut late = served.listen(&world.elif, "infrastructure", Some(2)).await;
    assert_eq!(late.next_of("reset").await.id, Some(404));
    // and the one who listened hears of it, though nobody was told
    assert_eq!(back.next_of("reset").await.id, Some(404));
}

#[tokio::test]
async fn a_team_hears_nothing_of_another() {
    let world = World::new().await;
    let served = Served::of(&world).await;
    let mut ours = served.listen(&world.elif, "infrastructure", None).await;
    for n in 0..20 {
        world.jonas.make("ingestion", "todo", &format!("theirs {n}")).await;
    }
    world.elif.make("infrastructure", "todo", "ours").await;
    let event = ours.next_of("card").await;
    assert_eq!(event.data["key"], "INF-1", "the first card heard of is ours");
}

#[tokio::test]
async fn signing_out_ends_the_stream_within_five_seconds() {
    let world = World::new().await;
    let served = Served::of(&world).await;
    let mut stream = served.listen(&world.elif, "infrastructure", None).await;
    stream.next_of("presence").await;
    world.elif.post("/logout", &[]).await.ok();
    let ended = timeout(Duration::from_secs(5), async {
        let bye = stream.next_of("bye").await;
        assert!(bye.data["why"].as_str().unwrap().contains("signed out"));
        stream.next().await
    });
    assert!(ended.await.expect("within five seconds").is_none());
    let answer = reqwest::Client::new()
        .get(format!("http://{}/teams/infrastructure/live", served.address))
        .header("cookie", &world.elif.cookie);
    assert_eq!(answer.header("accept", "application/json").send().await.unwrap().status(), 401);
}

#[tokio::test]
async fn another_program_on_the_same_database_is_heard_at_once() {
    let world = World::new().await;
    let served = Served::of(&world).await;
    let mut stream = served.listen(&world.elif, "infrastructure", None).await;
    stream.next_of("presence").await;
    // a second program: its own app, router and pump
    let other = fortnight::app::App::new(
        "http://fortnight.test",
        world.db.clone(),
        fortnight::clock::Clock::standing(crate::world::NOW),
    );
    tokio::spawn(stream::pump(other.clone()));
    let elif = Client { router: fortnight::router::router(other), ..world.elif.clone() };
    elif.make("infrastructure", "todo", "from elsewhere").await;
    assert_eq!(stream.next_of("card").await.data["key"], "INF-1");
}
