//! Comments and concerns on goals.

use axum::{
    extract::{Path, State},
    response::{IntoResponse, Redirect, Response},
};

use crate::{
    db::pool::Pool,
    domain::{
        error::{Problem, Result},
        events::EventStore,
        goals::comments,
        policy::{team_access, viewer::Viewer},
    },
    http::{
        extract::form::{Fields, id},
        local_path::local_path,
    },
};

/// `POST /teams/{slug}/goals/{id}/comments`: adds a comment; anyone who is signed in may.
pub(crate) async fn add_goal_comment(
    State(db): State<Pool>,
    State(store): State<EventStore>,
    viewer: Viewer,
    Path((slug, goal)): Path<(String, String)>,
    fields: Fields,
) -> Result<Response> {
    let access = team_access::team(&db, &viewer, &slug).await?;
    if !viewer.may_write() {
        return Err(Problem::Forbidden(
            "This account is read-only. Nothing was saved.".into(),
        ));
    }
    let (goal, concern) = (id(&goal)?, fields.text("kind") == "concern");
    let actor = viewer.actor();
    store
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

/// `POST /teams/{slug}/goal-comments/{id}/delete`: the author may, and leads of the team.
pub(crate) async fn delete_goal_comment(
    State(db): State<Pool>,
    State(store): State<EventStore>,
    viewer: Viewer,
    Path((slug, comment)): Path<(String, String)>,
    fields: Fields,
) -> Result<Response> {
    let access = team_access::team(&db, &viewer, &slug)
        .await?
        .require_comment()?;
    let (actor, comment) = (viewer.actor(), id(&comment)?);
    store
        .change(&actor, |change, _| {
            Box::pin(comments::delete_comment(
                change,
                &access.team,
                comment,
                access.may_lead,
            ))
        })
        .await?;
    Ok(back(&fields, &format!("/teams/{slug}")))
}

/// `POST /teams/{slug}/goal-comments/{id}/answer`: replies to a concern and resolves it.
pub(crate) async fn answer_concern(
    State(db): State<Pool>,
    State(store): State<EventStore>,
    viewer: Viewer,
    Path((slug, remark)): Path<(String, String)>,
    fields: Fields,
) -> Result<Response> {
    let team = team_access::team(&db, &viewer, &slug)
        .await?
        .require_edit()?
        .team;
    let remark = id(&remark)?;
    let actor = viewer.actor();
    store
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

/// Redirects to the page that had the form.
fn back(fields: &Fields, otherwise: &str) -> Response {
    Redirect::to(local_path(fields.text("back"), otherwise)).into_response()
}
