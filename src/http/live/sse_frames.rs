//! Renders new events as server-sent events, once for all listeners.

use std::{
    collections::BTreeMap,
    sync::{Arc, atomic::Ordering},
};

use axum::body::Bytes;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    app::App,
    db::pool::Pool,
    domain::{
        boards,
        clock::Clock,
        error::Result,
        events::log::{self, EventRow, events_after},
        tasks,
        team::Team,
        teams,
    },
    http::{
        live::broadcaster::{Channel, Frame},
        pages::tasks::card::CardHtml,
    },
};

/// After more events than this, listeners reload the board instead.
const MAX_EVENTS: i64 = 300;

/// Sends a team's listeners the events that they have not had.
pub(crate) async fn send_new(app: &App, team: Uuid, channel: &Arc<Channel>) {
    let sent = channel.sent.load(Ordering::Acquire);
    let frames = async {
        let team = teams::queries::team(&app.db, team).await?;
        frames_after(&app.db, &app.clock, &team, sent).await
    };
    match frames.await {
        Ok(frames) => {
            // Two tokio tasks may have read the same events; their numbers prevent sending a frame
            // twice.
            let newest = frames.iter().map(|frame| frame.seq).max().unwrap_or(sent);
            let before = channel.sent.fetch_max(newest, Ordering::AcqRel);
            for frame in frames
                .into_iter()
                .filter(|frame| frame.seq == 0 || frame.seq > before)
            {
                let _ = channel.frames.send(frame);
            }
        }
        Err(problem) => tracing::warn!("failed to send new events: {problem}"),
    }
}

/// The frames of the events after a sequence number: one per changed task with its current card,
/// and the goals whose progress changed.
pub(crate) async fn frames_after(
    db: &Pool,
    clock: &Clock,
    team: &Team,
    after: i64,
) -> Result<Vec<Frame>> {
    let events = events_after(db, team.id, after, MAX_EVENTS + 1).await?;
    if events.is_empty() {
        return Ok(Vec::new());
    }
    if events.len() as i64 > MAX_EVENTS || events.iter().any(|event| event.task_id.is_none()) {
        let (newest, _) = log::newest(db, team.id).await?;
        return Ok(vec![reset(newest, "much changed")]);
    }
    let mut latest: BTreeMap<Uuid, &EventRow> = BTreeMap::new();
    for event in &events {
        if let Some(task) = event.task_id {
            latest.insert(task, event);
        }
    }
    let ids: Vec<Uuid> = latest.keys().copied().collect();
    let cards = tasks::queries::cards_of(db, team, &ids).await?;
    let now = clock.now();
    let mut frames: Vec<Frame> = Vec::with_capacity(cards.len());
    for card in &cards {
        let Some(event) = latest.get(&card.id) else {
            continue;
        };
        let html = if card.archived {
            Value::Null
        } else {
            json!(CardHtml::new(card, now).to_string())
        };
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
    let totals: BTreeMap<String, i64> = boards::queries::totals(db, team.id)
        .await?
        .into_iter()
        .collect();
    if !totals.is_empty() {
        frames.push(frame("columns", None, &json!(totals)));
    }
    if cards.iter().any(|card| card.goal.is_some())
        || events.iter().any(|event| !event.before["goal"].is_null())
    {
        for (id, html) in crate::http::live::goals_html::goals_html(db, team, now).await? {
            frames.push(frame("goal", None, &json!({ "id": id, "html": html })));
        }
    }
    Ok(frames)
}

pub(crate) fn reset(seq: i64, reason: &str) -> Frame {
    frame("reset", Some(seq), &json!({ "why": reason }))
}

/// The bytes of one event. JSON contains no line break, so the data cannot end the frame.
pub(crate) fn frame(event: &str, seq: Option<i64>, data: &Value) -> Frame {
    let id = seq.map_or(String::new(), |seq| format!("id: {seq}\n"));
    Frame {
        seq: seq.unwrap_or(0),
        bytes: Bytes::from(format!("{id}event: {event}\ndata: {data}\n\n")),
    }
}
