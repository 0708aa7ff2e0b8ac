//! The live stream of a board: one task reads what is new and renders it once; every listener gets the same bytes.

use std::{
    collections::BTreeMap,
    convert::Infallible,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use axum::{
    body::{Body, Bytes},
    extract::{Path, Query, State},
    http::{HeaderMap, HeaderValue, header},
    response::{IntoResponse, Response},
};
use serde::Deserialize;
use serde_json::{Value, json};
use sqlx::postgres::{PgListener, PgPoolOptions};
use tokio::{
    sync::{broadcast, mpsc, watch},
    time::Instant,
};
use tokio_stream::wrappers::ReceiverStream;
use uuid::Uuid;

use super::{
    live::{Channel, Frame, Live, Pass, locked},
    queries::{EventRow, events_after},
};
use crate::{
    accounts::{Person, viewer::Viewer},
    app::App,
    boards::{access, guests},
    sprints,
    tasks::{self, pages::CardHtml},
    teams::Team,
    web::{
        error::Result,
        layers::Audience,
        limits::{Crowd, Seat, Whose},
        network::Network,
    },
};

/// Where other programs on the same database are told.
const CHANNEL: &str = "fortnight";
/// More events than this at once, and a listener reloads the board instead.
const MOST_EVENTS: i64 = 300;
const BEAT: Duration = Duration::from_secs(20);
const SWEEP: Duration = Duration::from_secs(2);
/// Changes that follow one another within this are told to other programs together.
const TOGETHER: Duration = Duration::from_millis(20);

#[derive(Deserialize)]
pub struct After {
    after: Option<i64>,
}

/// `GET /teams/{slug}/live`: the board's changes as server-sent events, from `Last-Event-ID` or `after` on.
pub async fn live(
    State(app): State<App>,
    viewer: Viewer,
    Path(slug): Path<String>,
    Query(query): Query<After>,
    headers: HeaderMap,
) -> Result<Response> {
    let team = access::team(&app.db, &viewer, &slug).await?.team;
    let after = after(&headers, &query).unwrap_or(team.seq);
    let seat = Crowd::enter(&app, Whose::Account(viewer.person.id))?;
    Ok(stream(app, team, after, viewer.proof.token_hash().to_vec(), Some(viewer.person), seat))
}

/// `GET /share/{key}/live`: says that something changed, and not what.
pub async fn live_for_guest(
    State(app): State<App>,
    from: Network,
    Path(key): Path<String>,
    Query(query): Query<After>,
    headers: HeaderMap,
) -> Result<Response> {
    let guest = guests::guest(&app, &headers, &key).await?;
    let after = after(&headers, &query).unwrap_or(guest.team.seq);
    let seat = Crowd::enter(&app, Whose::Guests(from))?;
    let mut response = stream(app, guest.team, after, guest.pass, None, seat);
    response.extensions_mut().insert(Audience::Guests);
    Ok(response)
}

/// `GET /public/{slug}/live`
pub async fn live_for_public(
    State(app): State<App>,
    from: Network,
    Path(slug): Path<String>,
    Query(query): Query<After>,
    headers: HeaderMap,
) -> Result<Response> {
    let guest = guests::public(&app, &slug).await?;
    let after = after(&headers, &query).unwrap_or(guest.team.seq);
    let seat = Crowd::enter(&app, Whose::Guests(from))?;
    let mut response = stream(app, guest.team, after, guest.pass, None, seat);
    response.extensions_mut().insert(Audience::Guests);
    Ok(response)
}

fn after(headers: &HeaderMap, query: &After) -> Option<i64> {
    headers.get("last-event-id").and_then(|value| value.to_str().ok()?.parse().ok()).or(query.after)
}

/// The stream of a team from a number on, for as long as what let the reader in holds.
/// Without a person it is a guest's.
fn stream(app: App, team: Team, after: i64, pass: Vec<u8>, person: Option<Person>, seat: Seat) -> Response {
    let channel = app.live.open_channel(team.id, team.seq);
    // Listening begins before the past is read, so nothing falls between; what comes twice is left out by its number.
    let frames = channel.frames.subscribe();
    let (sender, receiver) = mpsc::channel::<Result<Bytes, Infallible>>(8);
    tokio::spawn(async move {
        let (watcher, dismissed) = app.live.watch(Pass { token_hash: pass, team: team.id });
        // given back when the stream ends
        let _seat = seat;
        if let Some(person) = &person {
            arrive(&channel, person);
        }
        let guest = person.is_none();
        let mut ended = app.live.ended();
        tokio::select! {
            () = follow(&app, &team, after, &channel, frames, &sender, guest) => {}
            () = dismissed.notified() => {
                let why = if guest { "This link has ended." } else { "You are signed out, or may not see this board any more." };
                let _ = sender.send(Ok(frame("bye", None, &json!({ "why": why })).bytes)).await;
            }
            () = until(&mut ended) => {}
        }
        app.live.forget(watcher);
        if let Some(person) = &person {
            leave(&channel, person.id);
        }
    });
    let mut response = Body::from_stream(ReceiverStream::new(receiver)).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    response
}

async fn until(ended: &mut watch::Receiver<bool>) {
    // An error means that the sender is gone, which is an end too.
    let _ = ended.wait_for(|ended| *ended).await;
}

/// Sends what happened since `after`, and then what happens. Ends when the reader has gone.
async fn follow(
    app: &App,
    team: &Team,
    after: i64,
    channel: &Channel,
    mut frames: broadcast::Receiver<Frame>,
    to: &mpsc::Sender<Result<Bytes, Infallible>>,
    guest: bool,
) {
    // In a box, so that what reading takes is given back before the hours of waiting.
    let past = match Box::pin(frames_after(app, team, after)).await {
        Ok(past) => past,
        Err(problem) => {
            tracing::warn!("a stream could not catch up: {problem}");
            return;
        }
    };
    let mut sent = past.iter().map(|frame| frame.seq).max().unwrap_or(0).max(after);
    let here = frame("presence", None, &json!({ "html": locked(&channel.here).html() }));
    // A guest's page shows less than a card says: it hears that there is news, and asks for itself.
    let past = if guest { past.last().map(|_| reset(sent, "changed")).into_iter().collect() } else { past };
    let here = (!guest).then_some(here);
    for frame in past.into_iter().chain(here) {
        if to.send(Ok(frame.bytes)).await.is_err() {
            return;
        }
    }
    loop {
        let frame = tokio::select! {
            frame = frames.recv() => frame,
            () = to.closed() => return,
        };
        let frame = match frame {
            Ok(frame) if frame.seq != 0 && frame.seq <= sent => continue,
            Ok(frame) if guest && frame.seq == 0 && !frame.is_beat() => continue,
            Ok(frame) if guest && frame.seq != 0 => reset(frame.seq, "changed"),
            Ok(frame) => frame,
            Err(broadcast::error::RecvError::Lagged(_)) => {
                let seq = channel.sent.load(Ordering::Acquire);
                reset(seq, "behind")
            }
            Err(broadcast::error::RecvError::Closed) => return,
        };
        sent = sent.max(frame.seq);
        if to.send(Ok(frame.bytes)).await.is_err() {
            return;
        }
    }
}

fn arrive(channel: &Channel, person: &Person) {
    let mut here = locked(&channel.here);
    if here.arrive(person) {
        let _ = channel.frames.send(frame("presence", None, &json!({ "html": here.html() })));
    }
}

fn leave(channel: &Channel, person: Uuid) {
    let mut here = locked(&channel.here);
    if here.leave(person) {
        let _ = channel.frames.send(frame("presence", None, &json!({ "html": here.html() })));
    }
}

/// Runs until the program ends: hears of changes (its own, other programs', and by looking now and then) and sends them on.
pub async fn pump(app: App) {
    let mut ended = app.live.ended();
    tokio::select! {
        () = hear(&app) => {}
        () = listen_to_others(&app) => {}
        () = now_and_then(&app) => {}
        () = check_passes(&app) => {}
        () = until(&mut ended) => {}
    }
}

async fn hear(app: &App) {
    let mut heard = app.live.heard.lock().await;
    let (mut batch, mut untold) = (Vec::new(), BTreeMap::new());
    let mut tell_at = None;
    loop {
        let ended = match tell_at {
            None => heard.recv_many(&mut batch, 1000).await == 0,
            Some(at) => tokio::time::timeout_at(at, heard.recv_many(&mut batch, 1000)).await == Ok(0),
        };
        if ended {
            return;
        }
        let teams: BTreeMap<Uuid, i64> = batch.drain(..).collect();
        for team in teams.keys() {
            if let Some(channel) = app.live.channel(*team) {
                send_new(app, *team, &channel).await;
            }
        }
        untold.extend(teams);
        let now = Instant::now();
        if tell_at.is_some_and(|at| at <= now) {
            notify_others(&app.live, &std::mem::take(&mut untold)).await;
        }
        tell_at = if untold.is_empty() { None } else { tell_at.filter(|at| *at > now).or(Some(now + TOGETHER)) };
    }
}

/// One NOTIFY for all of them, after the commits: inside a transaction it would hold a lock on the whole database.
async fn notify_others(live: &Live, teams: &BTreeMap<Uuid, i64>) {
    let payload: Vec<String> = teams.iter().map(|(team, seq)| format!("{team}:{seq}")).collect();
    let told = sqlx::query("SELECT pg_notify($1, p) FROM unnest($2::text[]) p")
        .bind(CHANNEL)
        .bind(payload)
        .execute(&live.db)
        .await;
    if let Err(error) = told {
        // Their own looking now and then makes up for it.
        tracing::warn!("could not tell other programs of a change: {error}");
    }
}

impl Live {
    /// For a command that ends right after its change: tells the running server of it.
    pub async fn flush(&self) {
        let mut teams = BTreeMap::new();
        let mut heard = self.heard.lock().await;
        while let Ok((team, seq)) = heard.try_recv() {
            teams.insert(team, seq);
        }
        notify_others(self, &teams).await;
    }
}

/// Other programs' changes. The listener has a connection of its own, outside the pool.
async fn listen_to_others(app: &App) {
    let own = PgPoolOptions::new().max_connections(1).connect_lazy_with((*app.db.connect_options()).clone());
    loop {
        if let Err(error) = listen_once(app, &own).await {
            tracing::warn!("listening for changes was interrupted: {error}");
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

async fn listen_once(app: &App, own: &sqlx::PgPool) -> anyhow::Result<()> {
    let mut listener = PgListener::connect_with(own).await?;
    listener.listen(CHANNEL).await?;
    // `None` says that the connection was lost in between: what was missed is found by its number.
    while let Some(notice) = listener.try_recv().await? {
        let team = notice
            .payload()
            .split_once(':')
            .and_then(|(team, seq)| Some((team.parse::<Uuid>().ok()?, seq.parse::<i64>().ok()?)));
        if let Some((team, seq)) = team
            && let Some(channel) = app.live.channel(team)
            && channel.sent.load(Ordering::Acquire) < seq
        {
            send_new(app, team, &channel).await;
        }
    }
    Ok(())
}

/// What no notice told of, and a sign of life.
async fn now_and_then(app: &App) {
    let mut sweep = tokio::time::interval(SWEEP);
    let mut last_beat = Instant::now();
    loop {
        sweep.tick().await;
        let beat = last_beat.elapsed() >= BEAT;
        if beat {
            last_beat = Instant::now();
        }
        let listened = app.live.listened();
        let ids: Vec<Uuid> = listened.iter().map(|(team, _)| *team).collect();
        let seqs: Vec<(Uuid, i64)> = if ids.is_empty() {
            Vec::new()
        } else {
            sqlx::query_as("SELECT id, seq FROM teams WHERE id = ANY($1)")
                .bind(&ids)
                .fetch_all(&app.db)
                .await
                .unwrap_or_default()
        };
        for (team, channel) in listened {
            if seqs.iter().any(|(id, seq)| *id == team && *seq > channel.sent.load(Ordering::Acquire)) {
                send_new(app, team, &channel).await;
            }
            if beat {
                let _ = channel.frames.send(frame("beat", None, &json!({})));
            }
        }
    }
}

/// Ends streams whose session or token has ended, or whose reader may not see the team any more: within five seconds,
/// as promised.
async fn check_passes(app: &App) {
    let mut again = tokio::time::interval(Duration::from_secs(3));
    loop {
        again.tick().await;
        let asked = app.live.passes();
        if asked.is_empty() {
            continue;
        }
        let (hashes, teams): (Vec<&[u8]>, Vec<Uuid>) =
            asked.iter().map(|pass| (pass.token_hash.as_slice(), pass.team)).unzip();
        let good: Result<Vec<Pass>, _> = sqlx::query_as(
            "SELECT p.token_hash, p.team FROM unnest($1::bytea[], $2::uuid[]) AS p (token_hash, team)
             JOIN (SELECT s.token_hash, a.id, NULL::uuid[] AS reaches FROM sessions s JOIN accounts a ON a.id = s.account_id
                   WHERE s.expires_at > $3 AND a.deactivated_at IS NULL
                   UNION ALL
                   SELECT t.token_hash, a.id, t.teams FROM tokens t JOIN accounts a ON a.id = t.account_id
                   WHERE t.revoked_at IS NULL AND (t.expires_at IS NULL OR t.expires_at > $3) AND a.deactivated_at IS NULL
                   UNION ALL
                   SELECT l.token_hash, NULL, ARRAY[l.team_id] FROM share_links l
                   WHERE l.revoked_at IS NULL AND (l.expires_at IS NULL OR l.expires_at > $3)
                   UNION ALL
                   SELECT convert_to('public ' || t.id, 'UTF8'), NULL, ARRAY[t.id] FROM teams t WHERE t.public) k
                  ON k.token_hash = p.token_hash AND (k.reaches IS NULL OR p.team = ANY(k.reaches))
             JOIN teams t ON t.id = p.team
             WHERE NOT t.private OR k.id IS NULL OR EXISTS (SELECT FROM members m WHERE m.team_id = t.id AND m.account_id = k.id)",
        )
        .bind(&hashes)
        .bind(&teams)
        .bind(app.clock.now())
        .fetch_all(&app.db)
        .await;
        if let Ok(good) = good {
            app.live.dismiss_others(&good.into_iter().collect(), &asked);
        }
    }
}

/// Sends a team's listeners what they have not had.
async fn send_new(app: &App, team: Uuid, channel: &Arc<Channel>) {
    let sent = channel.sent.load(Ordering::Acquire);
    let frames = async {
        let team: Team = sqlx::query_as("SELECT id, slug, name, key, seq FROM teams WHERE id = $1")
            .bind(team)
            .fetch_one(&app.db)
            .await?;
        frames_after(app, &team, sent).await
    };
    match frames.await {
        Ok(frames) => {
            // Two tasks may have read the same; the numbers keep each frame to one sending.
            let newest = frames.iter().map(|frame| frame.seq).max().unwrap_or(sent);
            let before = channel.sent.fetch_max(newest, Ordering::AcqRel);
            for frame in frames.into_iter().filter(|frame| frame.seq == 0 || frame.seq > before) {
                let _ = channel.frames.send(frame);
            }
        }
        Err(problem) => tracing::warn!("could not send what is new: {problem}"),
    }
}

/// What happened after a number: a frame a changed task with its card as it is now, and goals whose figure changed.
async fn frames_after(app: &App, team: &Team, after: i64) -> Result<Vec<Frame>> {
    let events = events_after(&app.db, team.id, after, MOST_EVENTS + 1).await?;
    if events.is_empty() {
        return Ok(Vec::new());
    }
    if events.len() as i64 > MOST_EVENTS || events.iter().any(|event| event.task_id.is_none()) {
        let newest: i64 =
            sqlx::query_scalar("SELECT seq FROM teams WHERE id = $1").bind(team.id).fetch_one(&app.db).await?;
        return Ok(vec![reset(newest, "much changed")]);
    }
    let mut latest: BTreeMap<Uuid, &EventRow> = BTreeMap::new();
    for event in &events {
        if let Some(task) = event.task_id {
            latest.insert(task, event);
        }
    }
    let ids: Vec<Uuid> = latest.keys().copied().collect();
    let cards = tasks::queries::cards_of(&app.db, team, &ids).await?;
    let now = app.clock.now();
    let mut frames: Vec<Frame> = Vec::with_capacity(cards.len());
    for card in &cards {
        let Some(event) = latest.get(&card.id) else { continue };
        let html = if card.archived { Value::Null } else { json!(CardHtml::new(card, now).to_string()) };
        frames.push(frame(
            "card",
            Some(event.seq),
            &json!({
                "key": card.key, "column": card.column, "sprint": card.sprint, "version": card.version,
                "kind": event.kind.split_once('.').map_or("", |(_, verb)| verb),
                "who": event.actor_name, "hue": event.actor_hue, "change": event.change_id, "html": html,
            }),
        ));
    }
    frames.sort_by_key(|frame| frame.seq);
    if cards.iter().any(|card| card.goal.is_some()) || events.iter().any(|event| !event.before["goal"].is_null()) {
        for (id, html) in sprints::queries::goals_html(&app.db, team, now).await? {
            frames.push(frame("goal", None, &json!({ "id": id, "html": html })));
        }
    }
    Ok(frames)
}

fn reset(seq: i64, why: &str) -> Frame {
    frame("reset", Some(seq), &json!({ "why": why }))
}

/// Bytes of one event. JSON has no line end inside, so none of it can end the frame.
fn frame(event: &str, seq: Option<i64>, data: &Value) -> Frame {
    let id = seq.map_or(String::new(), |seq| format!("id: {seq}\n"));
    Frame { seq: seq.unwrap_or(0), bytes: Bytes::from(format!("{id}event: {event}\ndata: {data}\n\n")) }
}
