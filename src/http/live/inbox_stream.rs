//! Tells the open pages of a person that their inbox changed.

use std::{collections::BTreeSet, convert::Infallible, time::Duration};

use axum::{body::Bytes, extract::State, response::Response};
use serde_json::json;
use tokio::sync::mpsc;
use uuid::Uuid;

use crate::{
    app::App,
    db::pool::Pool,
    domain::{
        error::Result,
        events::notify,
        policy::{stream_access::OF_NO_TEAM, viewer::Viewer},
    },
    http::{
        live::{
            broadcaster::StreamAuth,
            event_stream::{event_stream, until},
            sse_frames::frame,
        },
        middleware::rate_limit::StreamOwner,
    },
};

/// The time between two heartbeats of a stream.
const BEAT: Duration = Duration::from_secs(20);

/// Tells the pages of these people, wherever they are open.
pub(crate) async fn announce(app: &App, accounts: &BTreeSet<Uuid>) {
    if accounts.is_empty() {
        return;
    }
    app.live.inboxes.note(accounts.iter().copied());
    notify::notify_inboxes(&app.db, accounts).await;
}

async fn unread(db: &Pool, account: Uuid) -> Result<i32> {
    Ok(
        sqlx::query_scalar("SELECT unread FROM accounts WHERE id = $1")
            .bind(account)
            .fetch_optional(db)
            .await?
            .unwrap_or_default(),
    )
}

/// Sends the number of unread threads now and whenever it may have changed, until the reader disconnects.
pub(super) async fn forward(
    app: &App,
    account: Uuid,
    known: i32,
    to: &mpsc::Sender<Result<Bytes, Infallible>>,
) {
    let mut changes = app.live.inboxes.watch(account);
    let mut count = known;
    loop {
        let bytes = frame("inbox", None, &json!({ "unread": count })).bytes;
        if to.send(Ok(bytes)).await.is_err() || changes.changed().await.is_err() {
            return;
        }
        match unread(&app.db, account).await {
            Ok(now) => count = now,
            Err(problem) => {
                tracing::warn!("failed to count a person's unread threads: {problem}");
                return;
            }
        }
    }
}

/// `GET /inbox/live`: the number of unread threads, as server-sent events; for pages that show no team.
pub(crate) async fn live(State(app): State<App>, viewer: Viewer) -> Result<Response> {
    let permit = app
        .stream_limiter
        .acquire(StreamOwner::Account(viewer.person.id))?;
    let (sender, receiver) = mpsc::channel(8);
    tokio::spawn(async move {
        let (ids, revoked) = app.live.register([StreamAuth {
            token_hash: viewer.proof.token_hash().to_vec(),
            team: OF_NO_TEAM,
        }]);
        // released when the stream ends
        let _permit = permit;
        let mut ended = app.live.ended();
        let mut interruptions = app.live.interruptions();
        tokio::select! {
            () = forward(&app, viewer.person.id, viewer.unread, &sender) => {}
            () = beat(&sender) => {}
            () = revoked.notified() => {
                let reason = "You were signed out.";
                let _ = sender.send(Ok(frame("bye", None, &json!({ "why": reason })).bytes)).await;
            }
            () = until(&mut ended) => {}
            _ = interruptions.changed() => {}
        }
        app.live.unregister(&ids);
    });
    Ok(event_stream(receiver))
}

async fn beat(to: &mpsc::Sender<Result<Bytes, Infallible>>) {
    loop {
        tokio::select! {
            () = tokio::time::sleep(BEAT) => {}
            () = to.closed() => return,
        }
        let _ = to.send(Ok(frame("beat", None, &json!({})).bytes)).await;
    }
}
