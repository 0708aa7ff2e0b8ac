//! Forms of a team's members, name and visibility, in the team settings.

use axum::{
    extract::{Path, State},
    http::HeaderMap,
    response::{IntoResponse, Redirect, Response},
};

use crate::{
    app::App,
    domain::{
        chat::webhooks,
        error::{Problem, Result},
        policy::{team_access, viewer::Viewer},
        tasks::{agents, stakeholders},
        teams::membership::{self, TeamRole},
    },
    http::{extract::form::Fields, pages::teams::settings::respond},
};

/// `POST /teams/{slug}/members`: `role` is `lead`, `member` or `none`, of the person with that `handle`.
pub(crate) async fn set_member(
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
            return Err(Problem::field("role", "Choose lead, member or none."));
        }
    };
    let (actor, handle) = (viewer.actor(), fields.text("handle"));
    let outcome = app
        .store
        .change(&actor, |change, _| {
            Box::pin(membership::set_member(change, &team, handle, role))
        })
        .await;
    // Viewers who remove themselves may no longer see the settings.
    if outcome.is_ok()
        && role != Some(TeamRole::Lead)
        && handle.trim_start_matches('@') == viewer.person.handle
    {
        return Ok(Redirect::to("/teams").into_response());
    }
    respond(&app, &viewer, &headers, team, fields, outcome.map(|_| ())).await
}

/// `POST /teams/{slug}/visibility`: with `private` only members can see the team.
pub(crate) async fn set_visibility(
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
            "Only members can make a team private, since you would lose access. Nothing was changed."
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
                membership::set_visibility(change, &team, private).await?;
                webhooks::follow_visibility(change, &team, private).await
            })
        })
        .await;
    respond(&app, &viewer, &headers, team, fields, outcome.map(|_| ())).await
}

/// `POST /teams/{slug}/agents`: with `may_close` agents may move tasks to Done.
pub(crate) async fn set_agents(
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
    let may_close = fields.get("may_close").is_some();
    let outcome = app
        .store
        .change(&viewer.actor(), |change, _| {
            Box::pin(agents::set_agents_may_close(change, &team, may_close))
        })
        .await;
    respond(&app, &viewer, &headers, team, fields, outcome.map(|_| ())).await
}

/// `POST /teams/{slug}/name`
pub(crate) async fn rename(
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
    respond(&app, &viewer, &headers, team, fields, outcome.map(|_| ())).await
}
