//! Steps and comments.

use axum::{
    extract::{Path, State as Given},
    http::HeaderMap,
    response::{Html, IntoResponse, Response},
};

use super::super::{commenting, stepping};
use super::task::answer;
use crate::{
    accounts::viewer::Viewer,
    activity::Changed,
    app::App,
    boards::access::{self, TaskAccess},
    markdown,
    teams::{self},
    web::{
        error::{Problem, Result},
        forms::{Fields, id},
    },
};

/// `POST /tasks/{key}/steps`
pub async fn add_step(
    Given(app): Given<App>,
    viewer: Viewer,
    Path(key): Path<String>,
    headers: HeaderMap,
    fields: Fields,
) -> Result<Response> {
    let access = access::task(&app.db, &viewer, &key).await?.to_edit()?;
    let outcome = app
        .live
        .change(&viewer.actor(), |change, _| {
            Box::pin(stepping::add_step(change, &access.team, access.id, fields.text("text")))
        })
        .await;
    answer(&app, &viewer, &headers, &access, done(outcome), "Added a step", fields).await
}

/// `POST /tasks/{key}/steps/{id}`: ticked off with `done`, not so without.
pub async fn tick_step(
    Given(app): Given<App>,
    viewer: Viewer,
    Path((key, step)): Path<(String, String)>,
    headers: HeaderMap,
    fields: Fields,
) -> Result<Response> {
    let access = access::task(&app.db, &viewer, &key).await?.to_edit()?;
    let (step, ticked) = (id(&step)?, fields.get("done").is_some());
    let outcome = app
        .live
        .change(&viewer.actor(), |change, _| {
            Box::pin(stepping::tick_step(change, &access.team, access.id, step, ticked))
        })
        .await;
    answer(&app, &viewer, &headers, &access, outcome, "Saved the step", fields).await
}

/// `POST /tasks/{key}/steps/{id}/remove`
pub async fn remove_step(
    Given(app): Given<App>,
    viewer: Viewer,
    Path((key, step)): Path<(String, String)>,
    headers: HeaderMap,
    fields: Fields,
) -> Result<Response> {
    let access = access::task(&app.db, &viewer, &key).await?.to_edit()?;
    let step = id(&step)?;
    let outcome = app
        .live
        .change(&viewer.actor(), |change, _| Box::pin(stepping::remove_step(change, &access.team, access.id, step)))
        .await;
    answer(&app, &viewer, &headers, &access, outcome, "Took the step away", fields).await
}

/// `POST /tasks/{key}/comments`: everyone who is signed in and may write may say something.
pub async fn add_comment(
    Given(app): Given<App>,
    viewer: Viewer,
    Path(key): Path<String>,
    headers: HeaderMap,
    fields: Fields,
) -> Result<Response> {
    let access = may_comment(&app, &viewer, &key).await?;
    let outcome = app
        .live
        .change(&viewer.actor(), |change, _| {
            Box::pin(commenting::add_comment(change, &access.team, access.id, fields.text("body")))
        })
        .await;
    answer(&app, &viewer, &headers, &access, done(outcome), "Said", fields).await
}

/// `POST /tasks/{key}/comments/{id}`
pub async fn edit_comment(
    Given(app): Given<App>,
    viewer: Viewer,
    Path((key, comment)): Path<(String, String)>,
    headers: HeaderMap,
    fields: Fields,
) -> Result<Response> {
    let access = may_comment(&app, &viewer, &key).await?;
    let comment = id(&comment)?;
    let outcome = app
        .live
        .change(&viewer.actor(), |change, _| {
            Box::pin(commenting::edit_comment(change, &access.team, access.id, comment, fields.text("body")))
        })
        .await;
    answer(&app, &viewer, &headers, &access, outcome, "Saved the comment", fields).await
}

/// `POST /tasks/{key}/comments/{id}/delete`
pub async fn delete_comment(
    Given(app): Given<App>,
    viewer: Viewer,
    Path((key, comment)): Path<(String, String)>,
    headers: HeaderMap,
    fields: Fields,
) -> Result<Response> {
    let access = may_comment(&app, &viewer, &key).await?;
    let comment = id(&comment)?;
    let outcome = app
        .live
        .change(&viewer.actor(), |change, _| {
            Box::pin(commenting::delete_comment(change, &access.team, access.id, comment))
        })
        .await;
    answer(&app, &viewer, &headers, &access, outcome, "Deleted the comment", fields).await
}

pub(crate) async fn may_comment(app: &App, viewer: &Viewer, key: &str) -> Result<TaskAccess> {
    let access = access::task(&app.db, viewer, key).await?;
    if viewer.may_write() {
        Ok(access)
    } else {
        Err(Problem::Forbidden("This account may only read. Nothing was changed.".into()))
    }
}

pub(super) fn done<T>(outcome: Result<Changed<T>>) -> Result<Changed<()>> {
    outcome.map(|changed| Changed { id: changed.id, value: () })
}

/// `POST /preview`: Markdown as it will look.
pub async fn preview(Given(app): Given<App>, _viewer: Viewer, fields: Fields) -> Result<Response> {
    let links = teams::queries::links(&app.db).await?;
    Ok(Html(markdown::render(&fields.text("text").chars().take(100_000).collect::<String>(), &links).to_string())
        .into_response())
}
