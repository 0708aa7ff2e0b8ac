//! Forms of a project's milestones.

use axum::{
    extract::{Path, State},
    http::HeaderMap,
    response::{IntoResponse, Redirect, Response},
};

use crate::{
    app::App,
    db::pool::Pool,
    domain::{
        error::{Problem, Result},
        events::EventStore,
        policy::{team_access, viewer::Viewer},
        projects::milestones,
    },
    http::{
        extract::form::{Fields, id},
        pages::projects::project::respond,
    },
};

/// `POST /projects/{slug}/milestones`
pub(crate) async fn add_milestone(
    State(app): State<App>,
    viewer: Viewer,
    Path(slug): Path<String>,
    headers: HeaderMap,
    fields: Fields,
) -> Result<Response> {
    let (access, project) = team_access::project(&app.db, &viewer, &slug).await?;
    let team = access.require_edit()?.team;
    let outcome = match fields.date("due_on") {
        Ok(due) => {
            let (actor, title) = (viewer.actor(), fields.text("title"));
            let change = app.store.change(&actor, |change, _| {
                Box::pin(milestones::add_milestone(
                    change, &team, project, title, due,
                ))
            });
            change.await.map(|_| ())
        }
        Err(problem) => Err(problem),
    };
    respond(
        &app,
        &viewer,
        &headers,
        &slug,
        fields,
        beside(outcome, "due_on", "milestone"),
    )
    .await
}

/// `POST /projects/{slug}/milestones/{id}/reach`: marks it as reached, or with `not` as not
/// reached.
pub(crate) async fn reach_milestone(
    State(db): State<Pool>,
    State(store): State<EventStore>,
    viewer: Viewer,
    Path((slug, milestone)): Path<(String, String)>,
    fields: Fields,
) -> Result<Response> {
    let (access, _) = team_access::project(&db, &viewer, &slug).await?;
    let (team, milestone, reached) = (
        access.require_edit()?.team,
        id(&milestone)?,
        fields.get("not").is_none(),
    );
    let actor = viewer.actor();
    store
        .change(&actor, |change, _| {
            Box::pin(milestones::reach_milestone(
                change, &team, milestone, reached,
            ))
        })
        .await?;
    Ok(Redirect::to(&format!("/projects/{slug}")).into_response())
}

/// `POST /projects/{slug}/milestones/{id}/remove`
pub(crate) async fn delete_milestone(
    State(db): State<Pool>,
    State(store): State<EventStore>,
    viewer: Viewer,
    Path((slug, milestone)): Path<(String, String)>,
) -> Result<Response> {
    let (access, _) = team_access::project(&db, &viewer, &slug).await?;
    let (team, milestone) = (access.require_edit()?.team, id(&milestone)?);
    let actor = viewer.actor();
    store
        .change(&actor, |change, _| {
            Box::pin(milestones::delete_milestone(change, &team, milestone))
        })
        .await?;
    Ok(Redirect::to(&format!("/projects/{slug}")).into_response())
}

/// `POST /projects/{slug}/milestones/{id}`: edits the title and due date.
pub(crate) async fn edit_milestone(
    State(app): State<App>,
    viewer: Viewer,
    Path((slug, milestone)): Path<(String, String)>,
    headers: HeaderMap,
    fields: Fields,
) -> Result<Response> {
    let (access, _) = team_access::project(&app.db, &viewer, &slug).await?;
    let (team, milestone) = (access.require_edit()?.team, id(&milestone)?);
    let outcome = match fields.date("by") {
        Ok(due) => {
            let (actor, title) = (viewer.actor(), fields.text("called"));
            let change = app.store.change(&actor, |change, _| {
                Box::pin(milestones::edit_milestone(
                    change, &team, milestone, title, due,
                ))
            });
            change.await.map(|_| ())
        }
        Err(problem) => Err(problem),
    };
    respond(
        &app,
        &viewer,
        &headers,
        &slug,
        fields,
        beside(outcome, "by", "called"),
    )
    .await
}

/// `POST /projects/{slug}/milestones/{id}/order`: moves it up or down by one.
pub(crate) async fn reorder_milestone(
    State(db): State<Pool>,
    State(store): State<EventStore>,
    viewer: Viewer,
    Path((slug, milestone)): Path<(String, String)>,
    fields: Fields,
) -> Result<Response> {
    let (access, _) = team_access::project(&db, &viewer, &slug).await?;
    let (team, milestone, up) = (
        access.require_edit()?.team,
        id(&milestone)?,
        fields.text("to") == "up",
    );
    let actor = viewer.actor();
    store
        .change(&actor, |change, _| {
            Box::pin(milestones::reorder_milestone(change, &team, milestone, up))
        })
        .await?;
    Ok(Redirect::to(&format!("/projects/{slug}")).into_response())
}

/// Maps errors to the milestone form's fields, since the project's form on the same page has a
/// title too.
fn beside(outcome: Result<()>, day: &'static str, title: &'static str) -> Result<()> {
    outcome.map_err(|problem| match problem {
        Problem::Invalid(errors) if !errors.contains_key(day) => {
            Problem::field(title, errors.into_values().next().unwrap_or_default())
        }
        other => other,
    })
}
