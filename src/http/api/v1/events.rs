//! A team's events as JSON.

use axum::{
    Json,
    extract::{Path, Query, State},
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{
    db::pool::Pool,
    domain::{
        error::Result,
        events::log::{EventRow, events_after},
        policy::{team_access, viewer::Viewer},
    },
    http::api::v1::page::Paging,
};

/// The sequence number after which to read.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct After {
    after: i64,
}

/// A team's events.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct EventPage {
    /// The number of the team's newest event.
    #[schema(example = 1308)]
    seq: i64,
    /// The events in order, the oldest first; at most 500.
    #[schema(value_type = Vec<EventRow>)]
    events: Vec<Value>,
    /// Whether there are more: read on after the number of the last one.
    #[schema(example = json!(false))]
    more: bool,
    /// Send it as `cursor` for the next part; null in the last one.
    #[schema(example = "MTMwOA")]
    next_cursor: Option<String>,
}

/// Returns a team's events after a sequence number: at most 500, and whether there are more.
#[utoipa::path(
    get,
    path = "/api/v1/teams/{slug}/events",
    operation_id = "list_events",
    tag = "teams",
    params(
        ("slug" = String, Path, description = "The team's slug", example = "infrastructure"),
        (
            "after" = Option<i64>,
            Query,
            description = "The number of the event after which to read; by default 0, which is from the first event on",
            example = 1300,
        ),
        (
            "limit" = Option<i64>,
            Query,
            description = "The most events to return: from 1 to 500, which is the default",
            example = 100,
        ),
        (
            "cursor" = Option<String>,
            Query,
            description = "`next_cursor` of the previous part, instead of `after`",
            example = "MTMwOA",
        ),
    ),
    responses((status = 200, description = "The events in order", body = EventPage)),
)]
pub(crate) async fn events(
    State(db): State<Pool>,
    viewer: Viewer,
    Path(slug): Path<String>,
    Query(after): Query<After>,
    Query(paging): Query<Paging>,
) -> Result<Json<EventPage>> {
    let limit = paging.limit_within(500, 500)?;
    let after = paging
        .position(|seq| seq.parse().ok())?
        .unwrap_or(after.after);
    let team = team_access::team(&db, &viewer, &slug).await?.team;
    let rows = events_after(&db, team.id, after, limit as i64 + 1).await?;
    let page = paging.page(rows, limit, |row| row.seq.to_string());
    let hidden = crate::domain::tasks::hidden_names::hidden_waits(&db, team.id).await?;
    let events: Vec<Value> = page
        .items
        .iter()
        .map(|row| {
            let mut event = json!(row);
            if let Some(replacement) =
                crate::domain::tasks::hidden_names::hidden_name(&row.after["blockers"], &hidden)
            {
                event["after"]["blockers"]["on"] = json!(replacement);
            }
            // the blocking task's team is only used to hide events
            if let Some(blockers) = event
                .pointer_mut("/after/blockers")
                .and_then(Value::as_object_mut)
            {
                blockers.remove("team");
            }
            event["task"] = json!(row.task.map(|number| format!("{}-{number}", team.key)));
            event
        })
        .collect();
    Ok(Json(EventPage {
        seq: team.seq,
        events,
        more: page.next_cursor.is_some(),
        next_cursor: page.next_cursor,
    }))
}
