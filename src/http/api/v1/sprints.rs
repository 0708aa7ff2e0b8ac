//! Sprints as JSON.

use axum::{
    Json,
    extract::{Query, State},
    http::StatusCode,
};
use serde::{Deserialize, Serialize};

use crate::{
    app::App,
    db::pool::Pool,
    domain::{
        dates::parse_date,
        error::{Problem, Result},
        policy::{team_access::require_workspace_admin, viewer::Viewer},
        sprints::{Sprint, cadence, queries, schedule},
        team::Team,
    },
    http::{
        api::v1::{
            page::{Page, Paging},
            patch::value,
            written::done,
        },
        extract::{
            form::JsonBody,
            path::{SprintNumber, TeamContext},
        },
    },
};

/// The sprints of the workspace.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct SprintList {
    /// The sprints, the newest first.
    sprints: Vec<Sprint>,
    /// Send it as `cursor` for the next part; null in the last one.
    #[schema(example = "NTB8NDI")]
    next_cursor: Option<String>,
}

/// Returns the sprints of the workspace, the newest first.
#[utoipa::path(
    get,
    path = "/api/v1/sprints",
    operation_id = "list_sprints",
    tag = "sprints",
    params(Paging),
    responses((status = 200, description = "The sprints, the newest first", body = SprintList)),
)]
pub(crate) async fn list(
    State(db): State<Pool>,
    _viewer: Viewer,
    Query(paging): Query<Paging>,
) -> Result<Json<SprintList>> {
    let page = paging.cut(queries::sprints(&db).await?, number)?;
    Ok(Json(SprintList {
        sprints: page.items,
        next_cursor: page.next_cursor,
    }))
}

/// Returns the sprints as a team sees them, the newest first: one is `closed` once the team has closed it.
#[utoipa::path(
    get,
    path = "/api/v1/teams/{slug}/sprints",
    operation_id = "list_team_sprints",
    tag = "sprints",
    params(Paging),
    responses((status = 200, description = "The sprints, the newest first", body = Page<Sprint>)),
)]
pub(crate) async fn of_team(
    State(db): State<Pool>,
    TeamContext { access, .. }: TeamContext,
    Query(paging): Query<Paging>,
) -> Result<Json<Page<Sprint>>> {
    let sprints = queries::sprints_of(&db, access.team.id).await?;
    Ok(Json(paging.cut(sprints, number)?))
}

fn number(sprint: &Sprint) -> String {
    sprint.number.to_string()
}

/// A sprint that a team names: its number, `this`, `next` or `none`.
pub(crate) async fn sprint_in(db: &Pool, team: &Team, text: &str) -> Result<Option<Sprint>> {
    let text = text.trim();
    if text == "none" {
        return Ok(None);
    }
    let choice = text
        .parse()
        .map_err(|message: String| Problem::field("sprint", message))?;
    let sprints = queries::sprints_of(db, team.id).await?;
    let (_, sprint) = queries::resolve(&sprints, choice)?;
    Ok(sprint.cloned())
}

async fn load(db: &Pool, number: i32) -> Result<Sprint> {
    let sprints = queries::sprints(db).await?;
    let sprint = sprints.into_iter().find(|sprint| sprint.number == number);
    sprint.ok_or(Problem::NotFound)
}

/// Returns a sprint.
#[utoipa::path(
    get,
    path = "/api/v1/sprints/{number}",
    operation_id = "get_sprint",
    tag = "sprints",
    responses((status = 200, description = "The sprint", body = Sprint)),
)]
pub(crate) async fn get(
    State(db): State<Pool>,
    _viewer: Viewer,
    SprintNumber(number): SprintNumber,
) -> Result<Json<Sprint>> {
    Ok(Json(load(&db, number).await?))
}

/// The fields of a sprint to change. Fields that are left out stay as they are.
#[derive(Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct SprintPatch {
    /// The name.
    #[serde(deserialize_with = "value")]
    #[schema(example = "Sprint 43")]
    name: Option<String>,
    /// The first day as YYYY-MM-DD; a started sprint keeps it.
    #[serde(deserialize_with = "value")]
    #[schema(example = "2026-11-30")]
    starts_on: Option<String>,
    /// The last day as YYYY-MM-DD.
    #[serde(deserialize_with = "value")]
    #[schema(example = "2026-12-11")]
    ends_on: Option<String>,
}

/// Edits a sprint, for all teams. Only administrators may.
#[utoipa::path(
    patch,
    path = "/api/v1/sprints/{number}",
    operation_id = "edit_sprint",
    tag = "sprints",
    request_body = SprintPatch,
    responses(
        (status = 200, description = "The sprint", body = Sprint),
        (status = 409, description = "The sprint has ended"),
        (status = 422, description = "A date is invalid"),
    ),
)]
pub(crate) async fn edit(
    State(app): State<App>,
    viewer: Viewer,
    SprintNumber(number): SprintNumber,
    JsonBody(sent): JsonBody<SprintPatch>,
) -> Result<Json<Sprint>> {
    require_workspace_admin(&viewer)?;
    let current = load(&app.db, number).await?;
    let day = |name: &'static str, text: Option<String>, current: time::Date| match text {
        None => Ok(current),
        Some(text) => {
            parse_date(&text).ok_or_else(|| Problem::field(name, "Enter a date as YYYY-MM-DD."))
        }
    };
    let starts_on = day("starts_on", sent.starts_on, current.starts_on)?;
    let ends_on = day("ends_on", sent.ends_on, current.ends_on)?;
    let name = sent.name.unwrap_or(current.name);
    let outcome = app
        .store
        .change(&viewer.actor(), |change, _| {
            Box::pin(schedule::edit_sprint(
                change, number, &name, starts_on, ends_on,
            ))
        })
        .await;
    done(outcome)?;
    Ok(Json(load(&app.db, number).await?))
}

/// Skips a planned sprint's time: it and all sprints after it move by its length. Only administrators may.
#[utoipa::path(
    post,
    path = "/api/v1/sprints/{number}/skip",
    operation_id = "skip_sprint",
    tag = "sprints",
    responses(
        (status = 200, description = "The sprint, which starts later", body = Sprint),
        (status = 409, description = "The sprint has started"),
    ),
)]
pub(crate) async fn skip(
    State(app): State<App>,
    viewer: Viewer,
    SprintNumber(number): SprintNumber,
) -> Result<Json<Sprint>> {
    require_workspace_admin(&viewer)?;
    let outcome = app
        .store
        .change(&viewer.actor(), |change, _| {
            Box::pin(schedule::skip_sprint(change, number, None))
        })
        .await;
    done(outcome)?;
    Ok(Json(load(&app.db, number).await?))
}

/// Creates the sprints up to today, after a time without any. Only administrators may.
#[utoipa::path(
    post,
    path = "/api/v1/sprints/continue",
    operation_id = "continue_sprints",
    tag = "sprints",
    responses((status = 204, description = "There are sprints up to today, and planned ones")),
)]
pub(crate) async fn continue_sprints(State(app): State<App>, viewer: Viewer) -> Result<StatusCode> {
    require_workspace_admin(&viewer)?;
    let outcome = app
        .store
        .change(&viewer.actor(), |change, _| {
            Box::pin(cadence::update_sprints_and_notify(change))
        })
        .await;
    done(outcome)?;
    Ok(StatusCode::NO_CONTENT)
}
