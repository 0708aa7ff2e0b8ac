//! Adding and editing the notes of a retro.

use axum::{
    extract::{Path, State},
    response::{IntoResponse, Redirect, Response},
};

use crate::{
    db::pool::Pool,
    domain::{
        error::{Problem, Result},
        events::EventStore,
        policy::{team_access, viewer::Viewer},
        retro::notes,
        sprints::queries,
    },
    http::{
        extract::form::{Fields, id},
        local_path::local_path,
    },
};

/// `POST /teams/{slug}/sprints/{n}/retro-notes`
pub(crate) async fn add_note(
    State(db): State<Pool>,
    State(store): State<EventStore>,
    viewer: Viewer,
    Path((slug, number)): Path<(String, String)>,
    fields: Fields,
) -> Result<Response> {
    let team = team_access::team(&db, &viewer, &slug)
        .await?
        .require_edit()?
        .team;
    let number: i32 = number.parse().map_err(|_| Problem::NotFound)?;
    let sprint = queries::sprint_of(&db, team.id, number).await?;
    let actor = viewer.actor();
    store
        .change(&actor, |change, _| {
            Box::pin(notes::add_note(
                change,
                &team,
                sprint.id,
                fields.text("category"),
                fields.text("text"),
            ))
        })
        .await?;
    Ok(back(&fields, &slug))
}

/// `POST /teams/{slug}/retro-notes/{id}`: edits the viewer's own note; an empty text deletes it. With `remove`, leads
/// delete anyone's.
pub(crate) async fn edit_note(
    State(db): State<Pool>,
    State(store): State<EventStore>,
    viewer: Viewer,
    Path((slug, note)): Path<(String, String)>,
    fields: Fields,
) -> Result<Response> {
    let access = team_access::team(&db, &viewer, &slug)
        .await?
        .require_edit()?;
    let note = id(&note)?;
    let actor = viewer.actor();
    if fields.get("remove").is_some() {
        let team = access.require_lead()?.team;
        store
            .change(&actor, |change, _| {
                Box::pin(notes::remove_note(change, &team, note))
            })
            .await?;
        return Ok(back(&fields, &slug));
    }
    let team = access.team;
    store
        .change(&actor, |change, _| {
            Box::pin(notes::edit_note(change, &team, note, fields.text("text")))
        })
        .await?;
    Ok(back(&fields, &slug))
}

fn back(fields: &Fields, slug: &str) -> Response {
    let retro = format!("/teams/{slug}/retro");
    Redirect::to(local_path(fields.text("back"), &retro)).into_response()
}
