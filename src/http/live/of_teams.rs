//! One event stream for the pages that show several teams: browsers open only six connections to a server without HTTP/2.

use std::{collections::BTreeMap, convert::Infallible, sync::atomic::Ordering};

use axum::{
    body::Bytes,
    extract::{Query, State},
    http::HeaderMap,
    response::Response,
};
use serde::Deserialize;
use serde_json::json;
use tokio::sync::mpsc;
use tokio_stream::{
    StreamExt, StreamMap,
    wrappers::{BroadcastStream, errors::BroadcastStreamRecvError},
};
use uuid::Uuid;

use crate::{
    app::App,
    domain::{
        error::{Problem, Result},
        policy::{team_access, viewer::Viewer},
    },
    http::{
        live::{
            broadcaster::{Frame, StreamAuth},
            event_stream::{event_stream, until},
            inbox_stream,
            sse_frames::{frame, reset},
            stream::after,
        },
        middleware::rate_limit::StreamOwner,
    },
};

/// The teams whose events are wanted, by slug and separated by commas; without any, those of all teams that one can see.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Wanted {
    teams: String,
    after: Option<i64>,
}

/// `GET /live?teams=…`: the changes of several teams as server-sent events. The number of an event is the sum of
/// the numbers of each team's newest event, so that every change increases it.
pub(crate) async fn live(
    State(app): State<App>,
    viewer: Viewer,
    Query(wanted): Query<Wanted>,
    headers: HeaderMap,
) -> Result<Response> {
    let is_wanted = |slug: &str| {
        wanted.teams.is_empty() || wanted.teams.split(',').any(|requested| requested == slug)
    };
    let mut teams = team_access::seen_teams(&app.db, &viewer).await?;
    teams.retain(|team| is_wanted(&team.slug));
    if teams.is_empty() {
        return Err(Problem::NotFound);
    }
    let permit = app
        .stream_limiter
        .acquire(StreamOwner::Account(viewer.person.id))?;
    let after = after(&headers, wanted.after);
    // Subscribed before the numbers are read again, so that no event is lost in between.
    let mut frames = StreamMap::new();
    for team in &teams {
        let channel = app.live.open_channel(team.id, team.seq);
        frames.insert(team.id, BroadcastStream::new(channel.frames.subscribe()));
    }
    let mut newest = Newest::of(
        team_access::seen_teams(&app.db, &viewer)
            .await?
            .into_iter()
            .filter(|team| frames.contains_key(&team.id))
            .map(|team| (team.id, team.seq)),
    );
    let auths: Vec<StreamAuth> = teams
        .iter()
        .map(|team| StreamAuth {
            token_hash: viewer.proof.token_hash().to_vec(),
            team: team.id,
        })
        .collect();
    let (sender, receiver) = mpsc::channel(8);
    tokio::spawn(async move {
        let (ids, revoked) = app.live.register(auths);
        // released when the stream ends
        let _permit = permit;
        let mut ended = app.live.ended();
        let mut interruptions = app.live.interruptions();
        tokio::select! {
            () = follow(&app, after, &mut newest, frames, &sender) => {}
            () = inbox_stream::forward(&app, viewer.person.id, viewer.unread, &sender) => {}
            () = revoked.notified() => {
                let reason = "You were signed out, or no longer have access to one of the teams on this page.";
                let _ = sender.send(Ok(frame("bye", None, &json!({ "why": reason })).bytes)).await;
            }
            () = until(&mut ended) => {}
            _ = interruptions.changed() => {}
        }
        app.live.unregister(&ids);
    });
    Ok(event_stream(receiver))
}

/// Sends what happens in the teams until the reader disconnects.
async fn follow(
    app: &App,
    after: Option<i64>,
    newest: &mut Newest,
    mut frames: StreamMap<Uuid, BroadcastStream<Frame>>,
    to: &mpsc::Sender<Result<Bytes, Infallible>>,
) {
    let may_be_lost = newest
        .0
        .iter()
        .any(|(team, seq)| app.live.may_be_lost(*team, *seq));
    if after.is_some_and(|after| after != newest.sum()) || may_be_lost {
        let missed = reset(newest.sum(), "changed");
        if to.send(Ok(missed.bytes)).await.is_err() {
            return;
        }
    }
    loop {
        let next = tokio::select! {
            next = frames.next() => next,
            () = to.closed() => return,
        };
        let Some((team, frame)) = next else {
            return;
        };
        if let Some(bytes) = newest.renumber(app, team, frame)
            && to.send(Ok(bytes)).await.is_err()
        {
            return;
        }
    }
}

/// The number of each team's newest event that was sent.
struct Newest(BTreeMap<Uuid, i64>);

impl Newest {
    fn of(numbers: impl Iterator<Item = (Uuid, i64)>) -> Self {
        Self(numbers.collect())
    }

    fn sum(&self) -> i64 {
        self.0.values().sum()
    }

    /// Rewrites a team's frame with the number of this stream; `None` if it was sent already, or is not meant for it.
    fn renumber(
        &mut self,
        app: &App,
        team: Uuid,
        frame: Result<Frame, BroadcastStreamRecvError>,
    ) -> Option<Bytes> {
        let Ok(frame) = frame else {
            let channel = app.live.channel(team)?;
            self.0.insert(team, channel.sent.load(Ordering::Acquire));
            return Some(reset(self.sum(), "behind").bytes);
        };
        if frame.seq == 0 {
            // Of these only one team's heartbeat is sent on. Presence and totals are for the board of one team.
            let is_first = self.0.keys().next() == Some(&team);
            return (is_first && frame.is_heartbeat()).then_some(frame.bytes);
        }
        let last = self.0.get_mut(&team)?;
        if frame.seq <= *last {
            return None;
        }
        *last = frame.seq;
        let text = std::str::from_utf8(&frame.bytes).ok()?;
        let (_, rest) = text.split_once('\n')?;
        Some(Bytes::from(format!("id: {}\n{rest}", self.sum())))
    }
}
