//! Requests to a team as JSON, with the same domain functions as the pages.

use axum::{
    Json,
    extract::{Query, State},
    http::StatusCode,
};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{
    app::App,
    domain::{
        checkin::requests::{self, Draft, Outcome, Request},
        dates::parse_date,
        error::{Problem, Result},
    },
    http::{
        api::v1::{
            page::{Page, Paging},
            written::{created, done},
        },
        extract::{
            form::JsonBody,
            path::{ObjectId, TeamContext},
        },
    },
};

/// Work that someone asks a team for.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct RequestResponse {
    /// The id, as in URLs.
    #[schema(example = "0193733e-8f2a-7cc1-b2a4-6d3c1f0e9a57")]
    id: Uuid,
    /// The title.
    #[schema(example = "A read replica for the reports")]
    title: String,
    /// Why it is needed, in Markdown.
    #[schema(example = "The nightly reports slow the shop down.")]
    why: String,
    /// The day by which it is needed; null without one.
    #[schema(example = "2026-12-11")]
    due: Option<String>,
    /// The full name of who asked; null once the account was deleted.
    #[schema(example = "Jonas Gruber")]
    asked_by: Option<String>,
    /// The name of that person's team.
    #[schema(example = "Ingestion")]
    for_team: Option<String>,
    /// Whether the token's owner asked.
    #[schema(example = json!(false))]
    mine: bool,
    /// `open`, `taken` (as a task), `answered`, `declined` or `withdrawn`.
    #[schema(example = "taken")]
    state: &'static str,
    /// The team's answer.
    #[schema(example = "In the next sprint.")]
    answer: String,
    /// The full name of who answered.
    #[schema(example = "Elif Hartmann")]
    answered_by: Option<String>,
    /// The key of the task that was made from it.
    #[schema(example = "INF-42")]
    task: Option<String>,
    /// When it was made.
    #[serde(with = "time::serde::rfc3339")]
    #[schema(example = "2026-11-24T09:12:30Z")]
    created_at: OffsetDateTime,
}

impl From<Request> for RequestResponse {
    fn from(request: Request) -> Self {
        Self {
            id: request.id,
            title: request.title,
            why: request.why,
            due: request.by_on.map(|day| day.to_string()),
            asked_by: request.asker,
            for_team: request.for_team,
            mine: request.is_readers,
            state: request.outcome.map_or("open", Outcome::as_str),
            answer: request.answer,
            answered_by: request.settled_by,
            task: request.task,
            created_at: request.created_at,
        }
    }
}

/// A new request.
#[derive(Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct RequestIn {
    /// The title.
    #[schema(required, example = "A read replica for the reports")]
    title: String,
    /// Why it is needed, in Markdown.
    #[schema(example = "The nightly reports slow the shop down.")]
    why: String,
    /// The day by which it is needed, as YYYY-MM-DD; by default none.
    #[schema(example = "2026-12-11")]
    due: Option<String>,
}

/// The answer to a request.
#[derive(Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct RequestAnswerIn {
    /// `taken` makes a task of it; `answered` and `declined` need an answer.
    #[schema(required, example = "taken")]
    state: String,
    /// The answer in Markdown.
    #[schema(example = "In the next sprint.")]
    answer: String,
}

/// Returns the requests to a team: open ones, oldest first, and then recently answered ones; at most 100.
#[utoipa::path(
    get,
    path = "/api/v1/teams/{slug}/requests",
    operation_id = "list_requests",
    tag = "requests",
    params(Paging),
    responses((status = 200, description = "The requests", body = Page<RequestResponse>)),
)]
pub(crate) async fn list(
    State(app): State<App>,
    TeamContext { viewer, access }: TeamContext,
    Query(paging): Query<Paging>,
) -> Result<Json<Page<RequestResponse>>> {
    let requests = requests::requests_to(&app.db, access.team.id, viewer.person.id).await?;
    let page = paging.cut(requests, |request| request.id.to_string())?;
    Ok(Json(page.map(RequestResponse::from)))
}

async fn one(app: &App, team: Uuid, reader: Uuid, id: Uuid) -> Result<Json<RequestResponse>> {
    let mut requests = requests::requests_to(&app.db, team, reader)
        .await?
        .into_iter();
    let found = requests.find(|request| request.id == id);
    Ok(Json(found.ok_or(Problem::NotFound)?.into()))
}

/// Asks a team for work; everyone whose account may write can.
#[utoipa::path(
    post,
    path = "/api/v1/teams/{slug}/requests",
    operation_id = "create_request",
    tag = "requests",
    request_body = RequestIn,
    responses(
        (status = 201, description = "The request", body = RequestResponse),
        (status = 422, description = "A field is invalid"),
    ),
)]
pub(crate) async fn create(
    State(app): State<App>,
    at: TeamContext,
    JsonBody(sent): JsonBody<RequestIn>,
) -> Result<(StatusCode, Json<RequestResponse>)> {
    let (viewer, access) = at.require_comment()?;
    let team = &access.team;
    let read = |text: &String| {
        parse_date(text).ok_or_else(|| Problem::field("due", "Enter a date as YYYY-MM-DD."))
    };
    let draft = Draft {
        title: &sent.title,
        why: &sent.why,
        by: sent.due.as_ref().map(read).transpose()?,
    };
    let outcome = app
        .store
        .change(&viewer.actor(), |change, _| {
            Box::pin(requests::ask(change, team, &draft))
        })
        .await;
    let id = created(&app.db, team.id, "request", outcome).await?;
    let request = one(&app, team.id, viewer.person.id, id).await?;
    Ok((StatusCode::CREATED, request))
}

/// Answers a request, or takes it as a task.
#[utoipa::path(
    put,
    path = "/api/v1/teams/{slug}/requests/{id}/answer",
    operation_id = "answer_request",
    tag = "requests",
    request_body = RequestAnswerIn,
    responses(
        (status = 200, description = "The request", body = RequestResponse),
        (status = 409, description = "The request was answered already"),
        (status = 422, description = "A field is invalid"),
    ),
)]
pub(crate) async fn answer(
    State(app): State<App>,
    at: TeamContext,
    ObjectId(request): ObjectId,
    JsonBody(sent): JsonBody<RequestAnswerIn>,
) -> Result<Json<RequestResponse>> {
    let (viewer, team) = at.require_edit()?;
    let state = Outcome::try_from(sent.state)
        .map_err(|_| Problem::field("state", "Choose taken, answered or declined."))?;
    let outcome = app
        .store
        .change(&viewer.actor(), |change, _| {
            Box::pin(requests::resolve(
                change,
                &team,
                request,
                state,
                &sent.answer,
            ))
        })
        .await;
    done(outcome)?;
    one(&app, team.id, viewer.person.id, request).await
}

/// Withdraws one's own request.
#[utoipa::path(
    delete,
    path = "/api/v1/teams/{slug}/requests/{id}",
    operation_id = "withdraw_request",
    tag = "requests",
    responses(
        (status = 204, description = "The request is withdrawn"),
        (status = 409, description = "The request was answered already"),
    ),
)]
pub(crate) async fn withdraw(
    State(app): State<App>,
    at: TeamContext,
    ObjectId(request): ObjectId,
) -> Result<StatusCode> {
    let (viewer, access) = at.require_comment()?;
    let outcome = app
        .store
        .change(&viewer.actor(), |change, _| {
            Box::pin(requests::withdraw(change, &access.team, request))
        })
        .await;
    done(outcome)?;
    Ok(StatusCode::NO_CONTENT)
}
