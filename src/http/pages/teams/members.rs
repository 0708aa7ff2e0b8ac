//! Who is on a team, what it is called, and who may look at it.

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
        tasks::stakeholders,
    },
    http::extract::form::Fields,
};
use crate::{
    domain::teams::membership::{self, TeamRole},
    http::pages::teams::settings::answer,
};

/// `POST /teams/{slug}/members`: `role` is `lead`, `member` or `none`, of the person with that `handle`.
pub async fn set_member(
    State(app): State<App>,
    viewer: Viewer,
    Path(slug): Path<String>,
    headers: HeaderMap,
    fields: Fields,
) -> Result<Response> {
    let team = team_access::team(&app.db, &viewer, &slug)
        .await?
        .require_lead()?
        .team;
    let role = match fields.text("role") {
        "lead" => Some(TeamRole::Lead),
        "member" | "" => Some(TeamRole::Member),
        "none" => None,
        _ => {
            return Err(Problem::field(
                "role",
                "Somebody is a lead or a member of a team, or not on it.",
            ));
        }
    };
    let (actor, handle) = (viewer.actor(), fields.text("handle"));
    let outcome = app
        .store
        .change(&actor, |change, _| {
            Box::pin(membership::set_member(change, &team, handle, role))
        })
        .await;
    // Whoever takes themselves off may not look at the settings any more.
    if outcome.is_ok()
        && role != Some(TeamRole::Lead)
        && handle.trim_start_matches('@') == viewer.person.handle
    {
        return Ok(Redirect::to("/teams").into_response());
    }
    answer(&app, &viewer, &headers, team, fields, outcome.map(|_| ())).await
}

/// `POST /teams/{slug}/visibility`: with `private` only its members may look at it.
pub async fn set_visibility(
    State(app): State<App>,
    viewer: Viewer,
    Path(slug): Path<String>,
    headers: HeaderMap,
    fields: Fields,
) -> Result<Response> {
    let access = team_access::team(&app.db, &viewer, &slug)
        .await?
        .require_lead()?;
    let private = fields.get("private").is_some();
    if private && !access.is_member {
        return Err(Problem::Forbidden(
            "Only somebody who is on the team can make it private: you would not see it any more. Nothing was changed."
                .into(),
        ));
    }
    let (actor, team) = (viewer.actor(), access.team);
    let outcome = app
        .store
        .change(&actor, |change, _| {
            Box::pin(async {
                if private {
                    stakeholders::remove_hidden_name(change, &team).await?;
                }
                membership::set_visibility(change, &team, private).await
            })
        })
        .await;
    answer(&app, &viewer, &headers, team, fields, outcome.map(|_| ())).await
}

/// `POST /teams/{slug}/name`
pub async fn rename(
    State(app): State<App>,
    viewer: Viewer,
    Path(slug): Path<String>,
    headers: HeaderMap,
    fields: Fields,
) -> Result<Response> {
    let team = team_access::team(&app.db, &viewer, &slug)
        .await?
        .require_lead()?
        .team;
    let (actor, name, key) = (viewer.actor(), fields.text("name"), fields.text("key"));
    let outcome = app
        .store
        .change(&actor, |change, _| {
            Box::pin(membership::rename(change, &team, name, key))
        })
        .await;
    answer(&app, &viewer, &headers, team, fields, outcome.map(|_| ())).await
}
