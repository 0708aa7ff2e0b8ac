//! The actions of a team as JSON, with the same domain functions as the pages.

use axum::{
    Json,
    extract::{Query, State},
    http::StatusCode,
    response::Response,
};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{
    app::App,
    domain::{
        error::{Problem, Result},
        person::Person,
        sprints::queries,
        standup::actions::{self, Action, ActionOutcome},
        tasks::lookup,
        teams::roster::load_roster,
    },
    http::{
        api::v1::{
            page::{Page, Paging},
            task_response::{TaskResponse, respond},
            written::{created, done},
        },
        extract::{
            form::JsonBody,
            path::{ObjectId, TeamContext},
        },
    },
};

/// Something that the team decided to do, in a standup or retro.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct ActionResponse {
    /// The id, as in URLs.
    #[schema(example = "0193733e-8f2a-7cc1-b2a4-6d3c1f0e9a57")]
    id: Uuid,
    /// The text.
    #[schema(example = "Write the runbook down")]
    text: String,
    /// Who does it; null without an owner.
    #[schema(example = json!({ "handle": "elif", "name": "Elif Hartmann" }))]
    owner: Option<Person>,
    /// The due date; null without one.
    #[schema(example = "2026-11-27")]
    due: Option<String>,
    /// The number of the sprint whose retro it is from; null for one of a standup.
    #[schema(example = 41)]
    retro: Option<i32>,
    /// `open`, `done` or `dropped`. With a task, it is done when the task is.
    #[schema(example = "open")]
    state: &'static str,
    /// The key of the task that was made from it; null without one.
    #[schema(example = "INF-42")]
    task: Option<String>,
    /// When it was decided.
    #[serde(with = "time::serde::rfc3339")]
    #[schema(example = "2026-11-24T09:12:30Z")]
    created_at: OffsetDateTime,
}

impl From<Action> for ActionResponse {
    fn from(action: Action) -> Self {
        Self {
            id: action.id,
            text: action.text,
            owner: action.owner,
            due: action.due_on.map(|day| day.to_string()),
            retro: action.retro,
            state: match (action.dropped, action.done) {
                (true, _) => "dropped",
                (false, true) => "done",
                (false, false) => "open",
            },
            task: action.task,
            created_at: action.created_at,
        }
    }
}

/// A new action.
#[derive(Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ActionIn {
    /// The text. `@username` is its owner, and `by friday` or a date its due date.
    #[schema(required, example = "Write the runbook down @elif by friday")]
    text: String,
    /// The number of the sprint whose retro it is from; by default it is from a standup.
    #[schema(example = 41)]
    retro: Option<i32>,
}

/// What became of an action.
#[derive(Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ActionPatch {
    /// `open`, `done` or `dropped`.
    #[schema(required, example = "done")]
    state: String,
}

/// The retro whose actions are listed.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
pub(crate) struct OfRetro {
    /// The number of a sprint, for all actions of its retro; by default the open actions of the team
    #[param(value_type = Option<i32>, example = 41)]
    retro: String,
}

/// Returns a team's open actions, or all of a sprint's retro, oldest first.
#[utoipa::path(
    get,
    path = "/api/v1/teams/{slug}/actions",
    operation_id = "list_actions",
    tag = "meetings",
    params(OfRetro, Paging),
    responses((status = 200, description = "The actions, oldest first", body = Page<ActionResponse>)),
)]
pub(crate) async fn list(
    State(app): State<App>,
    TeamContext { access, .. }: TeamContext,
    Query(of): Query<OfRetro>,
    Query(paging): Query<Paging>,
) -> Result<Json<Page<ActionResponse>>> {
    let team = access.team.id;
    let actions = match of.retro.trim() {
        "" => actions::actions(&app.db, &[team], app.clock.now()).await?,
        number => {
            let number = number
                .parse()
                .map_err(|_| Problem::field("retro", "Enter the number of a sprint."))?;
            let sprint = queries::sprint_of(&app.db, team, number).await?;
            actions::of_retro(&app.db, &[team], sprint.id).await?
        }
    };
    let page = paging.cut(actions, |action| action.id.to_string())?;
    Ok(Json(page.map(ActionResponse::from)))
}

async fn one(app: &App, team: Uuid, action: Uuid) -> Result<Json<ActionResponse>> {
    let action = actions::action(&app.db, team, action).await?;
    Ok(Json(action.into()))
}

/// Adds an action.
#[utoipa::path(
    post,
    path = "/api/v1/teams/{slug}/actions",
    operation_id = "create_action",
    tag = "meetings",
    request_body = ActionIn,
    responses(
        (status = 201, description = "The action", body = ActionResponse),
        (status = 422, description = "A field is invalid"),
    ),
)]
pub(crate) async fn create(
    State(app): State<App>,
    at: TeamContext,
    JsonBody(sent): JsonBody<ActionIn>,
) -> Result<(StatusCode, Json<ActionResponse>)> {
    let (viewer, team) = at.require_edit()?;
    let retro = match sent.retro {
        Some(number) => match queries::sprint_of(&app.db, team.id, number).await {
            Err(Problem::NotFound) => {
                return Err(Problem::field("retro", "There is no such sprint."));
            }
            sprint => Some(sprint?.id),
        },
        None => None,
    };
    let week = load_roster(&app.db, team.id).await?.week;
    let today = week.today(app.clock.now());
    let outcome = app
        .store
        .change(&viewer.actor(), |change, _| {
            Box::pin(actions::add_action(change, &team, &sent.text, today, retro))
        })
        .await;
    let action = created(&app.db, team.id, "action", outcome).await?;
    Ok((StatusCode::CREATED, one(&app, team.id, action).await?))
}

/// Completes, drops or reopens an action.
#[utoipa::path(
    patch,
    path = "/api/v1/teams/{slug}/actions/{id}",
    operation_id = "edit_action",
    tag = "meetings",
    request_body = ActionPatch,
    responses(
        (status = 200, description = "The action", body = ActionResponse),
        (status = 422, description = "The field is invalid"),
    ),
)]
pub(crate) async fn edit(
    State(app): State<App>,
    at: TeamContext,
    ObjectId(action): ObjectId,
    JsonBody(sent): JsonBody<ActionPatch>,
) -> Result<Json<ActionResponse>> {
    let (viewer, team) = at.require_edit()?;
    let becomes = match sent.state.as_str() {
        "open" => ActionOutcome::Open,
        "done" => ActionOutcome::Done,
        "dropped" => ActionOutcome::Dropped,
        _ => return Err(Problem::field("state", "Choose open, done or dropped.")),
    };
    let outcome = app
        .store
        .change(&viewer.actor(), |change, _| {
            Box::pin(actions::settle_action(change, &team, action, becomes))
        })
        .await;
    done(outcome)?;
    one(&app, team.id, action).await
}

/// Makes a task of an action, in the team's current sprint.
#[utoipa::path(
    post,
    path = "/api/v1/teams/{slug}/actions/{id}/task",
    operation_id = "make_task_of_action",
    tag = "meetings",
    responses(
        (status = 201, description = "The task", body = TaskResponse),
        (status = 409, description = "The action has a task already"),
    ),
)]
pub(crate) async fn make_task(
    State(app): State<App>,
    at: TeamContext,
    ObjectId(action): ObjectId,
) -> Result<Response> {
    let (viewer, team) = at.require_edit()?;
    let sprints = queries::sprints_of(&app.db, team.id).await?;
    let sprint = queries::current(&sprints).map(|sprint| sprint.id);
    let outcome = app
        .store
        .change(&viewer.actor(), |change, _| {
            Box::pin(actions::make_task(change, &team, action, sprint))
        })
        .await;
    let task = match &outcome {
        Ok(changed) => {
            let numbers = [changed.value];
            let ids = lookup::ids_of(&app.db, team.id, &numbers).await?;
            ids.into_iter().next()
        }
        Err(_) => None,
    };
    respond(&app, &team, task, outcome, StatusCode::CREATED).await
}
