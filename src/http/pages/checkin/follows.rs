//! Follows.

use axum::{
    extract::{Path, State},
    response::{IntoResponse, Redirect, Response},
};
use uuid::Uuid;

use crate::{
    app::App,
    domain::{
        error::{Problem, Result},
        follows::follow::{self, FollowTarget},
        goals,
        policy::{team_access, viewer::Viewer},
    },
    http::{
        extract::{
            form::{Fields, id},
            task::TaskContext,
        },
        local_path::local_path,
    },
};

/// `POST /teams/{slug}/follow`: follows with `follow`, unfollows without. The other routes work
/// alike.
pub(crate) async fn follow_team(
    State(app): State<App>,
    viewer: Viewer,
    Path(slug): Path<String>,
    fields: Fields,
) -> Result<Response> {
    let team = team_access::team(&app.db, &viewer, &slug).await?.team;
    follow(
        &app,
        &viewer,
        team.id,
        FollowTarget::Team,
        &fields,
        &format!("/teams/{slug}/check-in"),
    )
    .await
}

/// `POST /tasks/{key}/follow`
pub(crate) async fn follow_task(
    State(app): State<App>,
    TaskContext { viewer, access }: TaskContext,
    fields: Fields,
) -> Result<Response> {
    let url = format!("/tasks/{}", access.key);
    follow(
        &app,
        &viewer,
        access.team.id,
        FollowTarget::Task(access.id),
        &fields,
        &url,
    )
    .await
}

/// `POST /teams/{slug}/goals/{id}/follow`
pub(crate) async fn follow_goal(
    State(app): State<App>,
    viewer: Viewer,
    Path((slug, goal)): Path<(String, String)>,
    fields: Fields,
) -> Result<Response> {
    let team = team_access::team(&app.db, &viewer, &slug).await?.team;
    let goal = id(&goal)?;
    if goals::sprint_of(&app.db, team.id, goal).await?.is_none() {
        return Err(Problem::NotFound);
    }
    follow(
        &app,
        &viewer,
        team.id,
        FollowTarget::Goal(goal),
        &fields,
        &format!("/teams/{slug}/goals/{goal}"),
    )
    .await
}

/// `POST /projects/{slug}/follow`
pub(crate) async fn follow_project(
    State(app): State<App>,
    viewer: Viewer,
    Path(slug): Path<String>,
    fields: Fields,
) -> Result<Response> {
    let (access, project) = team_access::project(&app.db, &viewer, &slug).await?;
    follow(
        &app,
        &viewer,
        access.team.id,
        FollowTarget::Project(project),
        &fields,
        &format!("/projects/{slug}"),
    )
    .await
}

/// Anyone who can see something can follow it, also with a read-only account; API tokens cannot.
async fn follow(
    app: &App,
    viewer: &Viewer,
    team: Uuid,
    what: FollowTarget,
    fields: &Fields,
    url: &str,
) -> Result<Response> {
    viewer.require_session()?;
    let mut db = app.db.begin().await?;
    let follows = fields.get("follow").is_some();
    follow::follow(
        &mut db,
        (viewer.person.id, team),
        what,
        follows,
        app.clock.now(),
    )
    .await?;
    db.commit().await?;
    Ok(Redirect::to(local_path(fields.text("back"), url)).into_response())
}
