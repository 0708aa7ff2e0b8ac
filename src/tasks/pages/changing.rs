//! Owning and archiving.

use axum::{
    extract::{Path, State as Given},
    http::HeaderMap,
    response::Response,
};

use super::super::{
    archiving, owning,
    queries::{self},
};
use super::task::answer;
use crate::{
    accounts::viewer::Viewer,
    app::App,
    boards::access::{self},
    web::{error::Result, forms::Fields},
};

/// `POST /tasks/{key}/owners`
pub async fn set_owners(
    Given(app): Given<App>,
    viewer: Viewer,
    Path(key): Path<String>,
    headers: HeaderMap,
    fields: Fields,
) -> Result<Response> {
    let access = access::task(&app.db, &viewer, &key).await?.to_edit()?;
    let owners = fields.all("owners");
    let outcome = app
        .live
        .change(&viewer.actor(), |change, _| Box::pin(owning::set_owners(change, &access.team, access.id, &owners)))
        .await;
    answer(&app, &viewer, &headers, &access, outcome, &format!("Set the owners of {}", access.key), fields).await
}

/// `POST /tasks/{key}/owners/me`: mine, or no longer mine.
pub async fn own(
    Given(app): Given<App>,
    viewer: Viewer,
    Path(key): Path<String>,
    headers: HeaderMap,
    fields: Fields,
) -> Result<Response> {
    let access = access::task(&app.db, &viewer, &key).await?.to_edit()?;
    let me = viewer.person.handle.clone();
    let outcome = app
        .live
        .change(&viewer.actor(), |change, _| Box::pin(owning::toggle_owner(change, &access.team, access.id, &me)))
        .await;
    let mine = queries::card(&app.db, &access.team, access.id).await?.owners.iter().any(|owner| owner.handle == me);
    let sentence = if mine { format!("{} is yours", access.key) } else { format!("{} is no longer yours", access.key) };
    answer(&app, &viewer, &headers, &access, outcome, &sentence, fields).await
}

/// `POST /tasks/{key}/archive`
pub async fn archive(
    Given(app): Given<App>,
    viewer: Viewer,
    Path(key): Path<String>,
    headers: HeaderMap,
    fields: Fields,
) -> Result<Response> {
    let access = access::task(&app.db, &viewer, &key).await?.to_edit()?;
    let outcome = app
        .live
        .change(&viewer.actor(), |change, _| Box::pin(archiving::archive_task(change, &access.team, access.id)))
        .await;
    answer(&app, &viewer, &headers, &access, outcome, &format!("Archived {}", access.key), fields).await
}

/// `POST /tasks/{key}/restore`
pub async fn restore(
    Given(app): Given<App>,
    viewer: Viewer,
    Path(key): Path<String>,
    headers: HeaderMap,
    fields: Fields,
) -> Result<Response> {
    let access = access::task(&app.db, &viewer, &key).await?.to_edit()?;
    let outcome = app
        .live
        .change(&viewer.actor(), |change, _| Box::pin(archiving::restore_task(change, &access.team, access.id, None)))
        .await;
    answer(&app, &viewer, &headers, &access, outcome, &format!("Brought {} back", access.key), fields).await
}
