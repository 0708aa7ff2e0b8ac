//! What the token's owner follows as JSON, with the same domain functions as the pages.

use axum::{
    Json,
    extract::{Query, State},
    http::StatusCode,
};
use serde::Serialize;
use uuid::Uuid;

use crate::{
    app::App,
    domain::{
        error::{Problem, Result},
        follows::follow::{self, FollowTarget, Followed},
        goals,
        policy::{team_access, viewer::Viewer},
    },
    http::{
        api::v1::page::{Page, Paging},
        extract::{
            path::{ObjectId, ProjectContext, TeamContext},
            task::TaskContext,
        },
    },
};

/// Something that the token's owner follows.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct FollowResponse {
    /// What it is called.
    #[schema(example = "INF-42 Move the payment database to Postgres 17")]
    name: String,
    /// The path of its page.
    #[schema(example = "/tasks/INF-42")]
    url: String,
    /// The path in the API that stops following it, with DELETE.
    #[schema(example = "/api/v1/tasks/INF-42/follow")]
    follow: String,
}

impl From<Followed> for FollowResponse {
    fn from(followed: Followed) -> Self {
        Self {
            name: followed.name,
            url: followed.url,
            follow: format!("/api/v1{}", followed.follow),
        }
    }
}

/// Returns what the token's owner follows, by name.
#[utoipa::path(
    get,
    path = "/api/v1/follows",
    operation_id = "list_follows",
    tag = "me",
    params(Paging),
    responses((status = 200, description = "What is followed, by name", body = Page<FollowResponse>)),
)]
pub(crate) async fn list(
    State(app): State<App>,
    viewer: Viewer,
    Query(paging): Query<Paging>,
) -> Result<Json<Page<FollowResponse>>> {
    let teams = team_access::seen_teams(&app.db, &viewer).await?;
    let seen: Vec<Uuid> = teams.into_iter().map(|team| team.id).collect();
    let followed = follow::followed(&app.db, viewer.person.id, &seen).await?;
    let page = paging.cut(followed, |followed| followed.follow.clone())?;
    Ok(Json(page.map(FollowResponse::from)))
}

async fn set(
    app: &App,
    viewer: &Viewer,
    team: Uuid,
    what: FollowTarget,
    follows: bool,
) -> Result<StatusCode> {
    viewer.require_own_write()?;
    let mut db = app.db.begin().await?;
    follow::follow(
        &mut db,
        (viewer.person.id, team),
        what,
        follows,
        app.clock.now(),
    )
    .await?;
    db.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Follows a team: its news comes to the inbox.
#[utoipa::path(
    put,
    path = "/api/v1/teams/{slug}/follow",
    operation_id = "follow_team",
    tag = "me",
    responses((status = 204, description = "The team is followed")),
)]
pub(crate) async fn follow_team(State(app): State<App>, at: TeamContext) -> Result<StatusCode> {
    set(
        &app,
        &at.viewer,
        at.access.team.id,
        FollowTarget::Team,
        true,
    )
    .await
}

/// Stops following a team.
#[utoipa::path(
    delete,
    path = "/api/v1/teams/{slug}/follow",
    operation_id = "unfollow_team",
    tag = "me",
    responses((status = 204, description = "The team is not followed")),
)]
pub(crate) async fn unfollow_team(State(app): State<App>, at: TeamContext) -> Result<StatusCode> {
    set(
        &app,
        &at.viewer,
        at.access.team.id,
        FollowTarget::Team,
        false,
    )
    .await
}

/// Follows a task.
#[utoipa::path(
    put,
    path = "/api/v1/tasks/{key}/follow",
    operation_id = "follow_task",
    tag = "me",
    responses((status = 204, description = "The task is followed")),
)]
pub(crate) async fn follow_task(State(app): State<App>, at: TaskContext) -> Result<StatusCode> {
    let task = FollowTarget::Task(at.access.id);
    set(&app, &at.viewer, at.access.team.id, task, true).await
}

/// Stops following a task.
#[utoipa::path(
    delete,
    path = "/api/v1/tasks/{key}/follow",
    operation_id = "unfollow_task",
    tag = "me",
    responses((status = 204, description = "The task is not followed")),
)]
pub(crate) async fn unfollow_task(State(app): State<App>, at: TaskContext) -> Result<StatusCode> {
    let task = FollowTarget::Task(at.access.id);
    set(&app, &at.viewer, at.access.team.id, task, false).await
}

async fn set_goal(app: App, at: TeamContext, goal: Uuid, follows: bool) -> Result<StatusCode> {
    let team = at.access.team.id;
    if goals::sprint_of(&app.db, team, goal).await?.is_none() {
        return Err(Problem::NotFound);
    }
    set(&app, &at.viewer, team, FollowTarget::Goal(goal), follows).await
}

/// Follows a goal.
#[utoipa::path(
    put,
    path = "/api/v1/teams/{slug}/goals/{id}/follow",
    operation_id = "follow_goal",
    tag = "me",
    responses((status = 204, description = "The goal is followed")),
)]
pub(crate) async fn follow_goal(
    State(app): State<App>,
    at: TeamContext,
    ObjectId(goal): ObjectId,
) -> Result<StatusCode> {
    set_goal(app, at, goal, true).await
}

/// Stops following a goal.
#[utoipa::path(
    delete,
    path = "/api/v1/teams/{slug}/goals/{id}/follow",
    operation_id = "unfollow_goal",
    tag = "me",
    responses((status = 204, description = "The goal is not followed")),
)]
pub(crate) async fn unfollow_goal(
    State(app): State<App>,
    at: TeamContext,
    ObjectId(goal): ObjectId,
) -> Result<StatusCode> {
    set_goal(app, at, goal, false).await
}

/// Follows a project.
#[utoipa::path(
    put,
    path = "/api/v1/projects/{slug}/follow",
    operation_id = "follow_project",
    tag = "me",
    responses((status = 204, description = "The project is followed")),
)]
pub(crate) async fn follow_project(
    State(app): State<App>,
    at: ProjectContext,
) -> Result<StatusCode> {
    let project = FollowTarget::Project(at.project);
    set(&app, &at.viewer, at.access.team.id, project, true).await
}

/// Stops following a project.
#[utoipa::path(
    delete,
    path = "/api/v1/projects/{slug}/follow",
    operation_id = "unfollow_project",
    tag = "me",
    responses((status = 204, description = "The project is not followed")),
)]
pub(crate) async fn unfollow_project(
    State(app): State<App>,
    at: ProjectContext,
) -> Result<StatusCode> {
    let project = FollowTarget::Project(at.project);
    set(&app, &at.viewer, at.access.team.id, project, false).await
}
