//! Forms of share links and the public page, in the team settings.

use axum::{
    extract::{Path, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Redirect, Response},
};

use crate::{
    app::App,
    db::pool::Pool,
    domain::{
        auth::passwords,
        error::{Problem, Result},
        events::EventStore,
        policy::{share_links::SharedPage, team_access, viewer::Viewer},
        teams::share_links::{self, Draft},
    },
    http::{
        extract::form::{Fields, id},
        page,
        pages::teams::settings::{respond, settings_page},
    },
};

/// `POST /teams/{slug}/share-links`: creates a link and shows it once.
pub(crate) async fn create_share_link(
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
    viewer.require_session_for_links()?;
    let created = match read_draft(&fields).await {
        Ok(draft) => {
            app.store
                .change(&viewer.actor(), |change, _| {
                    Box::pin(share_links::share(change, &team, &draft))
                })
                .await
        }
        Err(problem) => Err(problem),
    };
    match created {
        Ok(created) => {
            let mut page = settings_page(
                &app,
                &viewer,
                &headers,
                team,
                Fields::default(),
                Default::default(),
            )
            .await?;
            page.created = format!("{}/share/{}", app.public_url, created.value);
            page::page(&page)
        }
        Err(Problem::Invalid(errors)) => {
            let page = settings_page(&app, &viewer, &headers, team, fields, errors).await?;
            page::with_errors(StatusCode::UNPROCESSABLE_ENTITY, &page)
        }
        Err(problem) => Err(problem),
    }
}

async fn read_draft(fields: &Fields) -> Result<Draft<'_>> {
    Ok(Draft {
        name: fields.text("name"),
        shows: SharedPage::try_from(fields.text("shows").to_owned())
            .map_err(|_| Problem::field("shows", "Choose the board or the check-in."))?,
        days: fields.parse("days", "Enter 1 to 366 days, or leave it empty.")?,
        password_hash: match fields.text("password") {
            "" => None,
            password => Some(passwords::hash(password.to_owned()).await?),
        },
    })
}

/// `POST /teams/{slug}/share-links/{id}/revoke`
pub(crate) async fn revoke_share_link(
    State(db): State<Pool>,
    State(store): State<EventStore>,
    viewer: Viewer,
    Path((slug, link)): Path<(String, String)>,
) -> Result<Response> {
    let team = team_access::team(&db, &viewer, &slug)
        .await?
        .require_lead()?
        .team;
    let (actor, link) = (viewer.actor(), id(&link)?);
    store
        .change(&actor, |change, _| {
            Box::pin(share_links::revoke(change, &team, link))
        })
        .await?;
    Ok(Redirect::to(&format!("/teams/{slug}/settings#links")).into_response())
}

/// `POST /teams/{slug}/public`: with `public` anyone can read the check-in at its public URL.
pub(crate) async fn set_public(
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
    let (actor, public) = (viewer.actor(), fields.get("public").is_some());
    if public {
        viewer.require_session_for_links()?;
    }
    let outcome = app
        .store
        .change(&actor, |change, _| {
            Box::pin(share_links::set_public(change, &team, public))
        })
        .await;
    respond(&app, &viewer, &headers, team, fields, outcome.map(|_| ())).await
}
