//! Boards as JSON.

use axum::{
    Json,
    extract::{Path, Query, State},
    http::{HeaderMap, HeaderValue, StatusCode, Uri, header},
    response::{IntoResponse, Response},
};
use serde::Deserialize;
use serde_json::{Value, json};
use sqlx::PgPool;

use crate::{
    app::App,
    domain::{
        boards::{
            filters::{FilterParams, terms::Filter},
            queries,
        },
        error::{Problem, Result},
        events::log::events_after,
        policy::{team_access, viewer::Viewer},
        sprints, tasks,
    },
    http::{cache::page_cache::if_none_match, middleware::client_ip::ClientIp},
};

/// The teams that the token's owner can see.
#[utoipa::path(get, path = "/api/v1/teams", tag = "teams", responses((status = 200, description = "All visible teams, ordered by name")))]
pub async fn list(State(db): State<PgPool>, viewer: Viewer) -> Result<Json<Value>> {
    let teams = team_access::teams(&db, &viewer).await?;
    let teams: Vec<Value> = teams
        .into_iter()
        .map(|access| access.team)
        .map(|team| json!({ "slug": team.slug, "name": team.name, "key": team.key, "seq": team.seq }))
        .collect();
    Ok(Json(json!({ "teams": teams })))
}

/// A team's board with filters; of archived tasks at most the newest 500.
#[utoipa::path(get, path = "/api/v1/teams/{slug}/board", tag = "teams",
    params(("slug" = String, Path, description = "The team's slug"), ("sprint" = Option<String>, Query), ("owner" = Option<String>, Query), ("label" = Option<String>, Query),
           ("goal" = Option<String>, Query), ("q" = Option<String>, Query, description = "owner:me label:postgres -label:docs is:blocked age:>3d \"exact words\"")),
    responses((status = 200, description = "The columns, with their tasks in order"), (status = 304), (status = 422, description = "The filter has an unknown term")))]
pub async fn board(
    State(app): State<App>,
    from: ClientIp,
    Path(slug): Path<String>,
    Query(params): Query<FilterParams>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response> {
    let auth = crate::http::extract::board::open(&app, from, &headers, &slug).await?;
    let team = &auth.access.team;
    let filter = Filter::read(&params).for_reader(&auth.viewer.person.handle);
    if !filter.unknown.is_empty() {
        return Err(Problem::field("q", filter.unknown.join(" ")));
    }
    let now = app.clock.now();
    let time_bucket = if filter.depends_on_time() {
        now.unix_timestamp() / 60
    } else {
        0
    };
    let etag = format!(
        "\"{}-{}-{time_bucket}-{:x}\"",
        team.seq,
        auth.workspace_seq,
        digest(&(uri.to_string(), auth.viewer.person.id))
    );
    let mut response = if if_none_match(&headers, &etag) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        let sprints = sprints::queries::sprints_of(&app.db, team.id).await?;
        let (resolved, _) = sprints::queries::resolve(&sprints, filter.sprint)?;
        let cards = tasks::queries::cards(&app.db, team, &filter, resolved, now, None).await?;
        let more = tasks::queries::archived_beyond(&app.db, team, &filter, resolved, now, &cards)
            .await?
            > 0;
        let columns = queries::columns(&app.db, team.id).await?;
        let columns: Vec<Value> = columns
            .iter()
            .map(|column| {
                let tasks: Vec<_> = cards.iter().filter(|card| card.column == column.slug).collect();
                json!({ "slug": column.slug, "name": column.name, "state": column.state, "wip_limit": column.wip_limit, "tasks": tasks })
            })
            .collect();
        Json(json!({ "team": { "slug": team.slug, "name": team.name, "key": team.key }, "seq": team.seq, "columns": columns, "more": more })).into_response()
    };
    if let Ok(etag) = HeaderValue::from_str(&etag) {
        response.headers_mut().insert(header::ETAG, etag);
    }
    response.headers_mut().insert(
        header::CACHE_CONTROL,
        HeaderValue::from_static("private, no-cache"),
    );
    Ok(response)
}

fn digest(of: &impl std::hash::Hash) -> u64 {
    use std::hash::{DefaultHasher, Hasher};
    let mut hasher = DefaultHasher::new();
    of.hash(&mut hasher);
    hasher.finish()
}

/// The sequence number after which to read.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct After {
    after: i64,
}

/// A team's events after a sequence number: at most 500, and whether there are more.
#[utoipa::path(get, path = "/api/v1/teams/{slug}/events", tag = "teams", params(("slug" = String, Path, description = "The team's slug"), ("after" = Option<i64>, Query, description = "The sequence number after which to read")),
    responses((status = 200, description = "The events in order")))]
pub async fn events(
    State(db): State<PgPool>,
    viewer: Viewer,
    Path(slug): Path<String>,
    Query(after): Query<After>,
) -> Result<Json<Value>> {
    const MOST: i64 = 500;
    let team = team_access::team(&db, &viewer, &slug).await?.team;
    let rows = events_after(&db, team.id, after.after, MOST + 1).await?;
    let more = rows.len() as i64 > MOST;
    let hidden = crate::domain::tasks::event_text::hidden_waits(&db, team.id).await?;
    let events: Vec<Value> = rows
        .iter()
        .take(MOST as usize)
        .map(|row| {
            let mut event = json!(row);
            if let Some(words) =
                crate::domain::tasks::event_text::hidden_name(&row.after["blockers"], &hidden)
            {
                event["after"]["blockers"]["on"] = json!(words);
            }
            // the blocking task's team is only used to hide events
            if let Some(waits) = event
                .pointer_mut("/after/blockers")
                .and_then(Value::as_object_mut)
            {
                waits.remove("team");
            }
            event["task"] = json!(row.task.map(|number| format!("{}-{number}", team.key)));
            event
        })
        .collect();
    Ok(Json(
        json!({ "seq": team.seq, "events": events, "more": more }),
    ))
}
