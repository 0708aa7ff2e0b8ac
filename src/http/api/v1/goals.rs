//! Goals as JSON, with the same domain functions as the pages.

use axum::{
    Json,
    extract::{Query, State},
    http::StatusCode,
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    app::App,
    domain::{
        error::{Problem, Result},
        goals::{self, Goal, edit, reorder},
        person::Person,
        sprints::Sprint,
        team::Team,
        teams::roster::load_roster,
    },
    http::{
        api::v1::{
            goal_request::{GoalIn, GoalPatch, ProgressIn},
            page::{Page, Paging},
            position::PositionIn,
            sprints::sprint_in,
            written::{created, done},
        },
        extract::{
            form::JsonBody,
            path::{ObjectId, TeamContext},
        },
        pages::tasks::project_named,
    },
};

/// A team's goal in a sprint.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct GoalResponse {
    /// The id, as in URLs.
    #[schema(example = "0193733e-8f2a-7cc1-b2a4-6d3c1f0e9a57")]
    id: Uuid,
    /// The number in the sprint, which is the goal of its tasks.
    #[schema(example = 1)]
    number: i32,
    /// The sprint's number.
    #[schema(example = 42)]
    sprint: i32,
    /// The title.
    #[schema(example = "Move all payment tables to Postgres 17")]
    title: String,
    /// What is measured: `count`, `share` (percent) or `yes-no`.
    #[schema(example = "count")]
    measure: &'static str,
    /// The unit of a count.
    #[schema(example = "tables")]
    unit: String,
    /// The value to reach.
    #[schema(example = 100)]
    target: i64,
    /// The current value.
    #[schema(example = 50)]
    current: i64,
    /// Both in words.
    #[schema(example = "50 / 100")]
    figure: String,
    /// The progress, in percent.
    #[schema(example = 50)]
    progress: i64,
    /// The progress expected by today, in percent.
    #[schema(example = 60)]
    expected: i64,
    /// Where the current value comes from: `tasks`, `estimates` or `manual`.
    #[schema(example = "tasks")]
    counted_by: &'static str,
    /// Why the goal matters.
    #[schema(example = "Version 14 gets no fixes after November.")]
    why: String,
    /// What the team needs from others.
    #[schema(example = "Ingestion stops writing to the old tables")]
    needs: String,
    /// The owners.
    #[schema(example = json!([{ "handle": "elif", "name": "Elif Hartmann" }]))]
    owners: Vec<Person>,
    /// The slug of the project that it contributes to; null without one.
    #[schema(example = "postgres-17")]
    project: Option<String>,
    /// The id of that project's milestone; null without one.
    #[schema(example = "0193733e-8f2a-7cc1-b2a4-6d3c1f0e9a58")]
    milestone: Option<Uuid>,
    /// The id of the key result that it contributes to; null without one.
    #[schema(example = "0193733e-8f2a-7cc1-b2a4-6d3c1f0e9a59")]
    key_result: Option<Uuid>,
    /// The number of its tasks.
    #[schema(example = 12)]
    tasks: i64,
    /// The number of its tasks that are done.
    #[schema(example = 6)]
    tasks_done: i64,
    /// The number of concerns that wait for an answer.
    #[schema(example = 0)]
    concerns: i64,
    /// Whether the team has closed the sprint, so that the goal can no longer be changed.
    #[schema(example = json!(false))]
    closed: bool,
    /// The version, which every edit of the goal increases.
    #[schema(example = 3)]
    version: i64,
}

impl GoalResponse {
    fn new(goal: Goal, sprint: &Sprint) -> Self {
        Self {
            id: goal.id,
            number: goal.position,
            sprint: sprint.number,
            title: goal.title,
            measure: goal.measure.as_str(),
            unit: goal.unit,
            target: goal.target,
            current: goal.current,
            figure: goal.figure,
            progress: goal.is,
            expected: goal.due,
            counted_by: goal.counted_by.as_str(),
            why: goal.why,
            needs: goal.needs,
            owners: goal.owners,
            milestone: goal.milestone.filter(|_| goal.project.is_some()),
            project: goal.project.map(|(slug, _)| slug),
            key_result: goal.key_result,
            tasks: goal.tasks,
            tasks_done: goal.tasks_done,
            concerns: goal.concerns,
            closed: goal.frozen.is_some(),
            version: goal.version,
        }
    }
}

/// The sprint whose goals are listed.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
pub(crate) struct OfSprint {
    /// The sprint: its number, `this` (the current one, which is the default) or `next`
    #[param(value_type = Option<String>, example = "42")]
    sprint: String,
}

/// Returns a team's goals in a sprint, in order.
#[utoipa::path(
    get,
    path = "/api/v1/teams/{slug}/goals",
    operation_id = "list_goals",
    tag = "goals",
    params(OfSprint, Paging),
    responses((status = 200, description = "The goals, in order", body = Page<GoalResponse>)),
)]
pub(crate) async fn list(
    State(app): State<App>,
    TeamContext { access, .. }: TeamContext,
    Query(of): Query<OfSprint>,
    Query(paging): Query<Paging>,
) -> Result<Json<Page<GoalResponse>>> {
    let wanted = if of.sprint.trim().is_empty() {
        "this"
    } else {
        &of.sprint
    };
    let team = access.team;
    let goals = match sprint_in(&app.db, &team, wanted).await? {
        Some(sprint) => {
            let roster = load_roster(&app.db, team.id).await?;
            let goals = goals::goals(&app.db, &team, &sprint, &roster, app.clock.now()).await?;
            let goals = goals.into_iter();
            goals.map(|goal| GoalResponse::new(goal, &sprint)).collect()
        }
        None => Vec::new(),
    };
    Ok(Json(paging.cut(goals, |goal| goal.id.to_string())?))
}

async fn goal_response(app: &App, team: &Team, goal: Uuid) -> Result<Json<GoalResponse>> {
    let (goal, sprint) = goals::goal(&app.db, team, goal, app.clock.now()).await?;
    Ok(Json(GoalResponse::new(goal, &sprint)))
}

/// Returns a goal.
#[utoipa::path(
    get,
    path = "/api/v1/teams/{slug}/goals/{id}",
    operation_id = "get_goal",
    tag = "goals",
    responses((status = 200, description = "The goal", body = GoalResponse)),
)]
pub(crate) async fn get(
    State(app): State<App>,
    TeamContext { access, .. }: TeamContext,
    ObjectId(goal): ObjectId,
) -> Result<Json<GoalResponse>> {
    goal_response(&app, &access.team, goal).await
}

/// Adds a goal as the last of the team's in a sprint.
#[utoipa::path(
    post,
    path = "/api/v1/teams/{slug}/goals",
    operation_id = "create_goal",
    tag = "goals",
    request_body = GoalIn,
    responses(
        (status = 201, description = "The created goal", body = GoalResponse),
        (status = 409, description = "The team has closed the sprint"),
        (status = 422, description = "A field is invalid"),
    ),
)]
pub(crate) async fn create(
    State(app): State<App>,
    at: TeamContext,
    JsonBody(sent): JsonBody<GoalIn>,
) -> Result<(StatusCode, Json<GoalResponse>)> {
    let (viewer, team) = at.require_edit()?;
    let wanted = sent.sprint.as_ref().map(|sprint| sprint.text());
    let sprint = sprint_in(&app.db, &team, wanted.as_deref().unwrap_or("this")).await?;
    let sprint = sprint.ok_or_else(|| {
        Problem::field("sprint", "A goal belongs to a sprint. Send the sprint too.")
    })?;
    let draft = sent.draft()?;
    let outcome = app
        .store
        .change(&viewer.actor(), |change, _| {
            Box::pin(edit::add_goal(change, &team, sprint.id, &draft))
        })
        .await;
    let goal = created(&app.db, team.id, "goal", outcome).await?;
    Ok((StatusCode::CREATED, goal_response(&app, &team, goal).await?))
}

/// Edits a goal. An outdated version gets 409.
#[utoipa::path(
    patch,
    path = "/api/v1/teams/{slug}/goals/{id}",
    operation_id = "edit_goal",
    tag = "goals",
    request_body = GoalPatch,
    responses(
        (status = 200, description = "The goal", body = GoalResponse),
        (status = 409, description = "The goal was edited meanwhile, or the team has closed the sprint"),
        (status = 422, description = "A field is invalid"),
    ),
)]
pub(crate) async fn edit(
    State(app): State<App>,
    at: TeamContext,
    ObjectId(goal): ObjectId,
    JsonBody(sent): JsonBody<GoalPatch>,
) -> Result<Json<GoalResponse>> {
    let (viewer, team) = at.require_edit()?;
    let (mut current, _) = goals::goal(&app.db, &team, goal, app.clock.now()).await?;
    // A project that the viewer cannot see is kept as one that was not sent.
    if let Some((slug, _)) = &current.project
        && project_named(&app.db, &viewer, slug).await.is_err()
    {
        current.project = None;
    }
    // The fields that were not sent are those of this version.
    let seen = Some(sent.version.unwrap_or(current.version));
    let draft = sent.draft(current)?;
    let outcome = app
        .store
        .change(&viewer.actor(), |change, _| {
            Box::pin(edit::edit_goal(change, &team, goal, &draft, seen))
        })
        .await;
    done(outcome)?;
    goal_response(&app, &team, goal).await
}

/// Enters a goal's current value. From then on, the goal is counted manually.
#[utoipa::path(
    put,
    path = "/api/v1/teams/{slug}/goals/{id}/progress",
    operation_id = "set_goal_progress",
    tag = "goals",
    request_body = ProgressIn,
    responses(
        (status = 200, description = "The goal", body = GoalResponse),
        (status = 409, description = "The team has closed the sprint"),
        (status = 422, description = "The value is out of range"),
    ),
)]
pub(crate) async fn set_progress(
    State(app): State<App>,
    at: TeamContext,
    ObjectId(goal): ObjectId,
    JsonBody(sent): JsonBody<ProgressIn>,
) -> Result<Json<GoalResponse>> {
    let (viewer, team) = at.require_edit()?;
    let value = sent
        .value
        .ok_or_else(|| Problem::field("value", "Enter the current value as a whole number."))?;
    let outcome = app
        .store
        .change(&viewer.actor(), |change, _| {
            Box::pin(edit::set_progress(change, &team, goal, value, &sent.note))
        })
        .await;
    done(outcome)?;
    goal_response(&app, &team, goal).await
}

/// Moves a goal one place up or down among its team's in the sprint.
#[utoipa::path(
    put,
    path = "/api/v1/teams/{slug}/goals/{id}/position",
    operation_id = "move_goal",
    tag = "goals",
    request_body = PositionIn,
    responses(
        (status = 200, description = "The goal", body = GoalResponse),
        (status = 409, description = "The team has closed the sprint"),
    ),
)]
pub(crate) async fn reorder(
    State(app): State<App>,
    at: TeamContext,
    ObjectId(goal): ObjectId,
    JsonBody(sent): JsonBody<PositionIn>,
) -> Result<Json<GoalResponse>> {
    let (viewer, team) = at.require_edit()?;
    let up = sent.is_up()?;
    let outcome = app
        .store
        .change(&viewer.actor(), |change, _| {
            Box::pin(reorder::reorder_goal(change, &team, goal, up))
        })
        .await;
    done(outcome)?;
    goal_response(&app, &team, goal).await
}

/// Deletes a goal. Its tasks stay, without a goal.
#[utoipa::path(
    delete,
    path = "/api/v1/teams/{slug}/goals/{id}",
    operation_id = "delete_goal",
    tag = "goals",
    responses(
        (status = 204, description = "The goal is deleted"),
        (status = 409, description = "The goal has an open concern, or the team has closed the sprint"),
    ),
)]
pub(crate) async fn remove(
    State(app): State<App>,
    at: TeamContext,
    ObjectId(goal): ObjectId,
) -> Result<StatusCode> {
    let (viewer, team) = at.require_edit()?;
    let outcome = app
        .store
        .change(&viewer.actor(), |change, _| {
            Box::pin(reorder::remove_goal(change, &team, goal))
        })
        .await;
    done(outcome)?;
    Ok(StatusCode::NO_CONTENT)
}
