//! What is said to a goal, and answered.

use axum::{
    extract::{Path, State},
    response::{IntoResponse, Redirect, Response},
};

use crate::domain::goals::comments;
use crate::{
    app::App,
    domain::{
        error::{Problem, Result},
        policy::{team_access, viewer::Viewer},
    },
    http::{
        extract::form::{Fields, id},
        local_path::local_path,
    },
};

/// `POST /teams/{slug}/goals/{id}/comments`: everybody signed in may say something to a goal.
pub async fn remark(
    State(app): State<App>,
    viewer: Viewer,
    Path((slug, goal)): Path<(String, String)>,
    fields: Fields,
) -> Result<Response> {
    let access = team_access::team(&app.db, &viewer, &slug).await?;
    if !viewer.may_write() {
        return Err(Problem::Forbidden(
            "This account may only read. Nothing was saved.".into(),
        ));
    }
    let (goal, concern) = (id(&goal)?, fields.text("kind") == "concern");
    let actor = viewer.actor();
    app.store
        .change(&actor, |change, _| {
            Box::pin(comments::add_comment(
                change,
                &access.team,
                goal,
                fields.text("body"),
                concern,
            ))
        })
        .await?;
    Ok(back(&fields, &format!("/teams/{slug}/goals/{goal}")))
}

/// `POST /teams/{slug}/goal-comments/{id}/answer`: the goal's team answers a concern.
pub async fn answer_concern(
    State(app): State<App>,
    viewer: Viewer,
    Path((slug, remark)): Path<(String, String)>,
    fields: Fields,
) -> Result<Response> {
    let team = team_access::team(&app.db, &viewer, &slug)
        .await?
        .require_edit()?
        .team;
    let remark = id(&remark)?;
    let actor = viewer.actor();
    app.store
        .change(&actor, |change, _| {
            Box::pin(comments::answer_concern(
                change,
                &team,
                remark,
                fields.text("answer"),
            ))
        })
        .await?;
    Ok(back(&fields, &format!("/teams/{slug}")))
}

/// Back to the page that the form stood on.
fn back(fields: &Fields, otherwise: &str) -> Response {
    Redirect::to(local_path(fields.text("back"), otherwise)).into_response()
}
