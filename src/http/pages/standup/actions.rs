//! Adding and resolving actions, on the standup and retro pages.

use axum::{
    extract::{Path, State},
    response::{IntoResponse, Redirect, Response},
};

use crate::{
    app::App,
    db::pool::Pool,
    domain::{
        error::{Problem, Result},
        events::EventStore,
        policy::{team_access, viewer::Viewer},
        sprints,
        standup::actions::{self, ActionOutcome},
        teams::roster::load_roster,
    },
    http::{
        extract::form::{Fields, id},
        local_path::local_path,
    },
};

/// `POST /teams/{slug}/actions`: adds an action; `retro` is the number of the retro's sprint.
pub(crate) async fn add_action(
    State(app): State<App>,
    viewer: Viewer,
    Path(slug): Path<String>,
    fields: Fields,
) -> Result<Response> {
    let team = team_access::team(&app.db, &viewer, &slug)
        .await?
        .require_edit()?
        .team;
    let retro: Option<i32> = fields.parse("retro", "This sprint does not exist.")?;
    let retro = match retro {
        Some(number) => Some(
            sprints::queries::sprint_of(&app.db, team.id, number)
                .await?
                .id,
        ),
        None => None,
    };
    let today = load_roster(&app.db, team.id)
        .await?
        .week
        .today(app.clock.now());
    let actor = viewer.actor();
    app.store
        .change(&actor, |change, _| {
            Box::pin(actions::add_action(
                change,
                &team,
                fields.text("text"),
                today,
                retro,
            ))
        })
        .await?;
    Ok(back(&fields, &slug))
}

/// `POST /teams/{slug}/actions/{id}`: `as` is `done`, `dropped`, or empty to reopen it.
pub(crate) async fn resolve_action(
    State(db): State<Pool>,
    State(store): State<EventStore>,
    viewer: Viewer,
    Path((slug, action)): Path<(String, String)>,
    fields: Fields,
) -> Result<Response> {
    let team = team_access::team(&db, &viewer, &slug)
        .await?
        .require_edit()?
        .team;
    let action = id(&action)?;
    let becomes = match fields.text("as") {
        "" => ActionOutcome::Open,
        "done" => ActionOutcome::Done,
        "dropped" => ActionOutcome::Dropped,
        _ => return Err(Problem::field("as", "Choose done, dismissed or open.")),
    };
    let actor = viewer.actor();
    store
        .change(&actor, |change, _| {
            Box::pin(actions::settle_action(change, &team, action, becomes))
        })
        .await?;
    Ok(back(&fields, &slug))
}

/// `POST /teams/{slug}/actions/{id}/task`
pub(crate) async fn convert_to_task(
    State(db): State<Pool>,
    State(store): State<EventStore>,
    viewer: Viewer,
    Path((slug, action)): Path<(String, String)>,
    fields: Fields,
) -> Result<Response> {
    let team = team_access::team(&db, &viewer, &slug)
        .await?
        .require_edit()?
        .team;
    let action = id(&action)?;
    let sprints = sprints::queries::sprints_of(&db, team.id).await?;
    let sprint = sprints::queries::current(&sprints).map(|sprint| sprint.id);
    let actor = viewer.actor();
    store
        .change(&actor, |change, _| {
            Box::pin(actions::make_task(change, &team, action, sprint))
        })
        .await?;
    Ok(back(&fields, &slug))
}

/// Redirects to the page that had the form.
pub(crate) fn back(fields: &Fields, slug: &str) -> Response {
    let retro = format!("/teams/{slug}/retro");
    Redirect::to(local_path(fields.text("back"), &retro)).into_response()
}
