//! A board that is open in a browser: it shows what the page had, and then what its event stream sends.

use std::{collections::BTreeMap, io, time::Duration};

use axum::body::Bytes;
use futures_util::stream;
use sqlx::PgConnection;
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::TcpSocket,
    sync::watch,
    task::JoinHandle,
    time::{sleep, timeout},
};

use crate::asset_serving::{Event, Stream};

/// The keys and titles of a board's cards, from top to bottom, by column.
pub type Columns = BTreeMap<String, Vec<String>>;

/// What is promised of a board once the network and the database work.
const SHOWN_WITHIN: Duration = Duration::from_secs(5);

/// Between two attempts to connect.
const AGAIN: Duration = Duration::from_millis(50);

pub struct OpenBoard {
    name: String,
    shown: watch::Receiver<Shown>,
    following: JoinHandle<()>,
}

/// Where a board is opened, and with which token.
#[derive(Clone)]
pub struct Address {
    /// The server, which may change.
    pub server: watch::Receiver<String>,
    pub team: &'static str,
    pub token: String,
}

#[derive(Default)]
struct Shown {
    cards: BTreeMap<String, Card>,
    connections: usize,
    changes: usize,
    /// Why it was loaded anew, each time.
    resets: Vec<String>,
}

struct Card {
    title: String,
    column: String,
    rank: String,
    version: i64,
}

impl Shown {
    /// Shows a card that was sent, or hides one that was sent without contents.
    fn apply(&mut self, key: String, card: Option<Card>) {
        self.changes += 1;
        let Some(card) = card else {
            self.cards.remove(&key);
            return;
        };
        let known = self.cards.get(&key);
        if known.is_none_or(|now| now.version < card.version) {
            self.cards.insert(key, card);
        }
    }

    fn columns(&self) -> Columns {
        let mut cards: Vec<(&String, &Card)> = self.cards.iter().collect();
        cards.sort_by_key(|(_, card)| &card.rank);
        let mut columns = Columns::new();
        for (key, card) in cards {
            let keys = columns.entry(card.column.clone()).or_default();
            keys.push(format!("{key} {}", card.title));
        }
        columns
    }
}

impl OpenBoard {
    /// Opens it, and follows it whenever `reads` is true.
    pub fn open(name: impl Into<String>, address: &Address, reads: watch::Receiver<bool>) -> Self {
        let (sender, shown) = watch::channel(Shown::default());
        let follower = Follower {
            address: address.clone(),
            reads,
            shown: sender,
            last: 0,
        };
        Self {
            name: name.into(),
            shown,
            following: tokio::spawn(follower.follow()),
        }
    }

    fn shown(&self) -> watch::Ref<'_, Shown> {
        assert!(!self.following.is_finished(), "{} has failed", self.name);
        self.shown.borrow()
    }

    /// Waits until it shows this, as is promised within five seconds. `when` is part of the message if it does not.
    pub async fn wait_until_it_shows(&self, expected: &Columns, when: &str) {
        let mut receiver = self.shown.clone();
        let until = receiver.wait_for(|shown| difference(&shown.columns(), expected).is_none());
        if !matches!(timeout(SHOWN_WITHIN, until).await, Ok(Ok(_))) {
            let shown = self.shown();
            panic!(
                "{when}: {} shows something else after {SHOWN_WITHIN:?}: {:?}; it connected {} times, was sent {} changes, \
                 and reset because {:?}",
                self.name,
                difference(&shown.columns(), expected),
                shown.connections,
                shown.changes,
                shown.resets
            );
        }
    }

    /// How many changes it was sent.
    pub fn changes(&self) -> usize {
        self.shown().changes
    }
}

impl Drop for OpenBoard {
    fn drop(&mut self) {
        self.following.abort();
    }
}

struct Follower {
    address: Address,
    reads: watch::Receiver<bool>,
    shown: watch::Sender<Shown>,
    /// The number of the last event that is shown.
    last: i64,
}

impl Follower {
    async fn follow(mut self) {
        self.last = self.load().await;
        loop {
            let Ok(mut stream) = self.connect().await else {
                sleep(AGAIN).await;
                continue;
            };
            self.shown.send_modify(|shown| shown.connections += 1);
            loop {
                if self.reads.wait_for(|reads| *reads).await.is_err() {
                    return;
                }
                let Some(event) = stream.read().await else {
                    break;
                };
                self.apply(event).await;
            }
        }
    }

    async fn apply(&mut self, event: Event) {
        assert_ne!(event.name, "bye", "the reader may see the team: {event:?}");
        let is_reset = event.name == "reset";
        // as static/js/live/event-stream.js does
        if let Some(seq) = event.id {
            if seq < self.last && !is_reset {
                return;
            }
            self.last = seq;
        }
        if is_reset {
            let why = event.data["why"].as_str().unwrap().to_owned();
            self.shown.send_modify(|shown| shown.resets.push(why));
            self.load().await;
        } else if event.name == "card" {
            let key = event.data["key"].as_str().unwrap().to_owned();
            let card = event.data["html"].as_str().map(|html| {
                let column = event.data["column"].as_str().unwrap();
                Card::of(html, column)
            });
            self.shown.send_modify(|shown| shown.apply(key, card));
        }
    }

    /// Loads the page, however long that takes. Returns the number of the last event that it shows.
    async fn load(&self) -> i64 {
        let http = crate::program::new_client();
        loop {
            let server = self.address.server.borrow().clone();
            let url = format!(
                "{server}/teams/{}?sprint=all&shown=10000",
                self.address.team
            );
            let asked = http
                .get(url)
                .timeout(Duration::from_secs(10))
                .bearer_auth(&self.address.token)
                .send();
            if let Ok(response) = asked.await {
                let status = response.status();
                assert!(status == 200 || status == 503, "a board: {status}");
                if let (200, Ok(page)) = (status.as_u16(), response.text().await) {
                    let board = page.split_once("<sortable-board").unwrap().1;
                    let cards = cards_of(board);
                    self.shown.send_modify(|shown| shown.cards = cards);
                    return attribute(board, "data-seq").unwrap().parse().unwrap();
                }
            }
            sleep(AGAIN).await;
        }
    }

    /// Opens the stream. Its buffer is small, so that one who does not read makes the server wait.
    async fn connect(&self) -> io::Result<Stream> {
        let server = self.address.server.borrow().clone();
        let host = server.strip_prefix("http://").unwrap();
        let socket = TcpSocket::new_v4()?;
        socket.set_recv_buffer_size(4096)?;
        let mut socket = socket.connect(host.parse().unwrap()).await?;
        let Address { team, token, .. } = &self.address;
        // the older version of HTTP has no chunks
        let request = format!(
            "GET /teams/{team}/live?after={} HTTP/1.0\r\nhost: {host}\r\nauthorization: Bearer {token}\r\n\
             accept: text/event-stream\r\n\r\n",
            self.last
        );
        socket.write_all(request.as_bytes()).await?;
        let mut reader = BufReader::new(socket);
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if reader.read_line(&mut head).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        let status = head.split(' ').nth(1).unwrap_or_default();
        assert!(["200", "503"].contains(&status), "a stream: {head}");
        if status != "200" {
            return Err(io::ErrorKind::ConnectionRefused.into());
        }
        Ok(Stream::of_bytes(stream::unfold(
            reader,
            |mut reader| async {
                let mut bytes = vec![0; 4096];
                match reader.read(&mut bytes).await {
                    Ok(count @ 1..) => Some((Bytes::copy_from_slice(&bytes[..count]), reader)),
                    _ => None,
                }
            },
        )))
    }
}

impl Card {
    fn of(html: &str, column: &str) -> Self {
        let (_, heading) = html.split_once("<h3>").unwrap();
        let title = heading.split_once("</a>").unwrap().0.rsplit_once('>');
        Self {
            title: title.unwrap().1.to_owned(),
            column: column.to_owned(),
            rank: attribute(html, "data-rank").unwrap().to_owned(),
            version: attribute(html, "data-version").unwrap().parse().unwrap(),
        }
    }
}

/// The value of the first such attribute. Those that are asked for contain nothing that is escaped.
fn attribute<'h>(html: &'h str, name: &str) -> Option<&'h str> {
    let (_, rest) = html.split_once(&format!(" {name}=\""))?;
    Some(rest.split_once('"')?.0)
}

fn cards_of(board: &str) -> BTreeMap<String, Card> {
    let mut cards = BTreeMap::new();
    for column in board.split("<section class=\"column ").skip(1) {
        let name = attribute(column, "data-column").unwrap();
        for card in column.split("<li class=\"task ").skip(1) {
            let key = attribute(card, "data-task").unwrap().to_owned();
            cards.insert(key, Card::of(card, name));
        }
    }
    cards
}

/// What the boards should show.
pub async fn columns_in_database(db: &mut PgConnection, team: &str) -> Columns {
    sqlx::query_as(
        "SELECT c.slug, array_agg(t.key || '-' || k.number || ' ' || k.title ORDER BY k.rank)
         FROM tasks k JOIN teams t ON t.id = k.team_id
         JOIN columns c ON c.team_id = k.team_id AND c.id = k.column_id
         WHERE t.slug = $1 AND k.archived_at IS NULL GROUP BY c.slug",
    )
    .bind(team)
    .fetch_all(db)
    .await
    .unwrap()
    .into_iter()
    .collect()
}

/// The first difference between what is shown and what should be, in words.
fn difference(shown: &Columns, expected: &Columns) -> Option<String> {
    let names = expected.keys().chain(shown.keys());
    let none = Vec::new();
    names.into_iter().find_map(|name| {
        let of = |columns: &'_ Columns| columns.get(name).unwrap_or(&none).clone();
        let (shown, expected) = (of(shown), of(expected));
        let missing: Vec<_> = expected.iter().filter(|key| !shown.contains(key)).collect();
        let extra: Vec<_> = shown.iter().filter(|key| !expected.contains(key)).collect();
        (shown != expected).then(|| {
            if missing.is_empty() && extra.is_empty() {
                return format!("{name} is in another order: {shown:?} instead of {expected:?}");
            }
            format!("{name} lacks {missing:?} and has {extra:?} instead")
        })
    })
}
