//! A connection to a forge: trying its address, its name, ending it, and taking that back.

use axum::{
    extract::{Path, State},
    http::HeaderMap,
    response::{IntoResponse, Redirect, Response},
};

use crate::{
    app::App,
    domain::{
        error::{Problem, Result},
        policy::{team_access, viewer::Viewer},
        pull_requests::{connections, disconnect, test_delivery},
    },
    http::{
        extract::form::{Fields, id},
        pages::accounts::connection::{back, with_refused, with_test_outcome},
    },
};

/// `POST /settings/connections/{id}/test`: sends a delivery to the public address, and shows what came of it.
pub(crate) async fn test_connection(
    State(app): State<App>,
    viewer: Viewer,
    Path(connection): Path<String>,
    headers: HeaderMap,
) -> Result<Response> {
    team_access::require_workspace_admin(&viewer)?;
    viewer.require_session_for_links()?;
    let id = id(&connection)?;
    let (address, now) = (
        format!("{}/hooks/forge/{id}", app.public_url),
        app.clock.now(),
    );
    // Whoever asks for an unknown one gets the same page as anywhere.
    connections::connection(&app.db, id, now).await?;
    let tried = test_delivery::try_address(&app.db, &app.outgoing, (id, &address), now).await?;
    with_test_outcome(&app, &viewer, &headers, id, tried).await
}

/// `POST /settings/connections/{id}/name`
pub(crate) async fn rename_connection(
    State(app): State<App>,
    viewer: Viewer,
    Path(connection): Path<String>,
    headers: HeaderMap,
    fields: Fields,
) -> Result<Response> {
    team_access::require_workspace_admin(&viewer)?;
    let id = id(&connection)?;
    let name = fields.text("name");
    let outcome = app
        .store
        .change(&viewer.actor(), |change, _| {
            Box::pin(connections::rename(change, id, name))
        })
        .await;
    match outcome {
        Ok(_) => Ok(back(id, "")),
        Err(Problem::Invalid(errors)) => {
            with_refused(&app, &viewer, &headers, id, (fields, errors)).await
        }
        Err(problem) => Err(problem),
    }
}

/// `POST /settings/connections/{id}/disconnect`
pub(crate) async fn disconnect(
    State(app): State<App>,
    viewer: Viewer,
    Path(connection): Path<String>,
) -> Result<Response> {
    team_access::require_workspace_admin(&viewer)?;
    let id = id(&connection)?;
    app.store
        .change(&viewer.actor(), |change, _| {
            Box::pin(disconnect::disconnect(change, id))
        })
        .await?;
    let page = format!("/settings/connections/{id}?did=disconnected");
    Ok(Redirect::to(&page).into_response())
}

/// `POST /settings/connections/{id}/restore`: takes back that it was disconnected.
pub(crate) async fn restore_connection(
    State(app): State<App>,
    viewer: Viewer,
    Path(connection): Path<String>,
) -> Result<Response> {
    team_access::require_workspace_admin(&viewer)?;
    let id = id(&connection)?;
    app.store
        .change(&viewer.actor(), |change, _| {
            Box::pin(disconnect::restore(change, id))
        })
        .await?;
    app.delivered.notify_one();
    Ok(back(id, ""))
}
