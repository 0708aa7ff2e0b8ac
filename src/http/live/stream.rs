//! The live stream of a board, as one reader has it: what they missed, and then what happens.

use std::{convert::Infallible, sync::atomic::Ordering};

use axum::{
    body::{Body, Bytes},
    extract::{Path, Query, State},
    http::{HeaderMap, HeaderValue, header},
    response::{IntoResponse, Response},
};
use serde::Deserialize;
use serde_json::json;
use tokio::sync::{broadcast, mpsc, watch};
use tokio_stream::wrappers::ReceiverStream;
use uuid::Uuid;

use crate::http::live::{
    broadcaster::{Channel, Frame, StreamAuth, locked},
    sse_frames::{frame, frames_after, reset},
};
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
        middleware::{
            client_ip::ClientIp,
            layers::Audience,
            rate_limit::{StreamOwner, StreamPermit},
        },
    },
};

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
    let team = team_access::team(&app.db, &viewer, &slug).await?.team;
    let after = after(&headers, &query).unwrap_or(team.seq);
    let seat = app.crowd.enter(StreamOwner::Account(viewer.person.id))?;
    Ok(stream(
        app,
        team,
        after,
        viewer.proof.token_hash().to_vec(),
        Some(viewer.person),
        seat,
    ))
}

/// `GET /share/{key}/live`: says that something changed, and not what.
pub async fn live_for_guest(
    State(app): State<App>,
    from: ClientIp,
    Path(key): Path<String>,
    Query(query): Query<After>,
    headers: HeaderMap,
) -> Result<Response> {
    let guest = guest::guest(&app, &headers, &key).await?;
    let after = after(&headers, &query).unwrap_or(guest.team.seq);
    let seat = app.crowd.enter(StreamOwner::Guests(from))?;
    let mut response = stream(app, guest.team, after, guest.pass, None, seat);
    response.extensions_mut().insert(Audience::Guests);
    Ok(response)
}

/// `GET /public/{slug}/live`
pub async fn live_for_public(
    State(app): State<App>,
    from: ClientIp,
    Path(slug): Path<String>,
    Query(query): Query<After>,
    headers: HeaderMap,
) -> Result<Response> {
    let guest = guest::public(&app, &slug).await?;
    let after = after(&headers, &query).unwrap_or(guest.team.seq);
    let seat = app.crowd.enter(StreamOwner::Guests(from))?;
    let mut response = stream(app, guest.team, after, guest.pass, None, seat);
    response.extensions_mut().insert(Audience::Guests);
    Ok(response)
}

fn after(headers: &HeaderMap, query: &After) -> Option<i64> {
    headers
        .get("last-event-id")
        .and_then(|value| value.to_str().ok()?.parse().ok())
        .or(query.after)
}

/// The stream of a team from a number on, for as long as what let the reader in holds.
/// Without a person it is a guest's.
fn stream(
    app: App,
    team: Team,
    after: i64,
    pass: Vec<u8>,
    person: Option<Person>,
    seat: StreamPermit,
) -> Response {
    let channel = app.live.open_channel(team.id, team.seq);
    // Listening begins before the past is read, so nothing falls between; what comes twice is left out by its number.
    let frames = channel.frames.subscribe();
    let (sender, receiver) = mpsc::channel::<Result<Bytes, Infallible>>(8);
    tokio::spawn(async move {
        let (watcher, dismissed) = app.live.watch(StreamAuth {
            token_hash: pass,
            team: team.id,
        });
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
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("text/event-stream"),
    );
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    response
}

pub(crate) async fn until(ended: &mut watch::Receiver<bool>) {
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
    // Who has heard more than there was comes from before the database was put back to an older state.
    let past = if after > team.seq {
        Ok(vec![reset(team.seq, "put back")])
    } else {
        // In a box, so that what reading takes is given back before the hours of waiting.
        Box::pin(frames_after(app, team, after)).await
    };
    let past = match past {
        Ok(past) => past,
        Err(problem) => {
            tracing::warn!("a stream could not catch up: {problem}");
            return;
        }
    };
    let mut sent = past
        .iter()
        .map(|frame| frame.seq)
        .max()
        .unwrap_or(0)
        .max(after.min(team.seq));
    let here = frame(
        "presence",
        None,
        &json!({ "html": locked(&channel.here).html() }),
    );
    // A guest's page shows less than a card says: it hears that there is news, and asks for itself.
    let past = if guest {
        past.last()
            .map(|_| reset(sent, "changed"))
            .into_iter()
            .collect()
    } else {
        past
    };
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
        let _ = channel
            .frames
            .send(frame("presence", None, &json!({ "html": here.html() })));
    }
}

fn leave(channel: &Channel, person: Uuid) {
    let mut here = locked(&channel.here);
    if here.leave(person) {
        let _ = channel
            .frames
            .send(frame("presence", None, &json!({ "html": here.html() })));
    }
}
