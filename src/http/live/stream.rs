//! The event stream of one reader: missed events first, and then new ones.

use std::{convert::Infallible, sync::atomic::Ordering};

use axum::{
    body::Bytes,
    extract::{Path, Query, State},
    http::HeaderMap,
    response::Response,
};
use serde::Deserialize;
use serde_json::json;
use tokio::sync::{broadcast, mpsc};
use uuid::Uuid;

use crate::{
    app::App,
    domain::{
        error::Result,
        person::Person,
        policy::{team_access, viewer::Viewer},
        team::Team,
    },
    http::{
        extract::guest,
        live::{
            broadcaster::{Channel, Frame, StreamAuth, lock},
            event_stream::{event_stream, until},
            inbox_stream,
            sse_frames::{frame, frames_after, reset},
        },
        middleware::{
            client_ip::ClientIp, in_use::Share, layers::Audience, rate_limit::StreamOwner,
        },
    },
};

#[derive(Deserialize)]
pub(crate) struct After {
    after: Option<i64>,
}

/// `GET /teams/{slug}/live`: the board's changes as server-sent events, from `Last-Event-ID` or `after` on.
pub(crate) async fn live(
    State(app): State<App>,
    viewer: Viewer,
    Path(slug): Path<String>,
    Query(query): Query<After>,
    headers: HeaderMap,
) -> Result<Response> {
    let team = team_access::team(&app.db, &viewer, &slug).await?.team;
    let after = after(&headers, query.after).unwrap_or(team.seq);
    let permit = app
        .stream_limiter
        .acquire(StreamOwner::Account(viewer.person.id))?;
    Ok(stream(
        app,
        team,
        after,
        viewer.proof.token_hash().to_vec(),
        Some((viewer.person, viewer.unread)),
        permit,
    ))
}

/// `GET /share/{key}/live`: tells a guest that something changed, but not what.
pub(crate) async fn live_for_guest(
    State(app): State<App>,
    from: ClientIp,
    Path(key): Path<String>,
    Query(query): Query<After>,
    headers: HeaderMap,
) -> Result<Response> {
    let guest = guest::guest(&app, &headers, &key).await?;
    let after = after(&headers, query.after).unwrap_or(guest.team.seq);
    let permit = app.stream_limiter.acquire(StreamOwner::Guests(from))?;
    let mut response = stream(app, guest.team, after, guest.pass, None, permit);
    response.extensions_mut().insert(Audience::Guests);
    Ok(response)
}

/// `GET /public/{slug}/live`
pub(crate) async fn live_for_public(
    State(app): State<App>,
    from: ClientIp,
    Path(slug): Path<String>,
    Query(query): Query<After>,
    headers: HeaderMap,
) -> Result<Response> {
    let guest = guest::public(&app, &slug).await?;
    let after = after(&headers, query.after).unwrap_or(guest.team.seq);
    let permit = app.stream_limiter.acquire(StreamOwner::Guests(from))?;
    let mut response = stream(app, guest.team, after, guest.pass, None, permit);
    response.extensions_mut().insert(Audience::Guests);
    Ok(response)
}

/// The number of the last event that the reader has.
pub(super) fn after(headers: &HeaderMap, query: Option<i64>) -> Option<i64> {
    headers
        .get("last-event-id")
        .and_then(|value| value.to_str().ok()?.parse().ok())
        .or(query)
}

/// Streams a team's events after a sequence number while the reader's credentials are valid.
/// Without a person, who has so many unread threads, it is a guest's stream.
fn stream(
    app: App,
    team: Team,
    after: i64,
    auth: Vec<u8>,
    person: Option<(Person, i32)>,
    permit: Share<StreamOwner>,
) -> Response {
    let channel = app.live.open_channel(team.id, team.seq);
    // Subscribes before reading missed events so that none is lost; duplicates are dropped by their
    // number.
    let frames = channel.frames.subscribe();
    let (sender, receiver) = mpsc::channel::<Result<Bytes, Infallible>>(8);
    tokio::spawn(async move {
        let (stream_ids, revoked) = app.live.register([StreamAuth {
            token_hash: auth,
            team: team.id,
        }]);
        // released when the stream ends
        let _permit = permit;
        let (person, unread) = person.unzip();
        if let Some(person) = &person {
            arrive(&channel, person);
        }
        let guest = person.is_none();
        let inbox = async {
            match (&person, unread) {
                (Some(person), Some(unread)) => {
                    inbox_stream::forward(&app, person.id, unread, &sender).await;
                }
                _ => std::future::pending().await,
            }
        };
        let mut ended = app.live.ended();
        let mut interruptions = app.live.interruptions();
        tokio::select! {
            () = follow(&app, &team, after, &channel, frames, &sender, guest) => {}
            () = inbox => {}
            () = revoked.notified() => {
                let reason = if guest { "This link has expired." } else { "You were signed out, or no longer have access to this board." };
                let _ = sender.send(Ok(frame("bye", None, &json!({ "why": reason })).bytes)).await;
            }
            () = until(&mut ended) => {}
            _ = interruptions.changed() => {}
        }
        app.live.unregister(&stream_ids);
        if let Some(person) = &person {
            leave(&channel, person.id);
        }
    });
    event_stream(receiver)
}

/// Sends the events after `after`, and then new ones, until the reader disconnects.
async fn follow(
    app: &App,
    team: &Team,
    after: i64,
    channel: &Channel,
    mut frames: broadcast::Receiver<Frame>,
    to: &mpsc::Sender<Result<Bytes, Infallible>>,
    guest: bool,
) {
    // A reader with a higher number last connected before the database was restored from a backup.
    let past = if after > team.seq || app.live.may_be_lost(team.id, after) {
        Ok(vec![reset(team.seq, "restored")])
    } else {
        // Boxed, so that its memory is released before the stream waits for hours.
        Box::pin(frames_after(&app.db, &app.clock, team, after)).await
    };
    let past = match past {
        Ok(past) => past,
        Err(problem) => {
            tracing::warn!("failed to read a stream's missed events: {problem}");
            return;
        }
    };
    let mut sent = past
        .iter()
        .map(|frame| frame.seq)
        .max()
        .unwrap_or(0)
        .max(after.min(team.seq));
    let presence = frame(
        "presence",
        None,
        &json!({ "html": lock(&channel.presence).html() }),
    );
    // A guest sees less than a card contains, so it only learns of a change and reloads.
    let past = if guest {
        past.last()
            .map(|_| reset(sent, "changed"))
            .into_iter()
            .collect()
    } else {
        past
    };
    let presence = (!guest).then_some(presence);
    for frame in past.into_iter().chain(presence) {
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
            Ok(frame) if guest && frame.seq == 0 && !frame.is_heartbeat() => continue,
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
    let mut presence = lock(&channel.presence);
    if presence.arrive(person) {
        let _ = channel
            .frames
            .send(frame("presence", None, &json!({ "html": presence.html() })));
    }
}

fn leave(channel: &Channel, person: Uuid) {
    let mut presence = lock(&channel.presence);
    if presence.leave(person) {
        let _ = channel
            .frames
            .send(frame("presence", None, &json!({ "html": presence.html() })));
    }
}
