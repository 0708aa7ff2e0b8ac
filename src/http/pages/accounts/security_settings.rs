//! Settings → Security: whether people need a second factor.

use askama::Template;
use axum::{
    extract::State,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Redirect, Response},
};

use crate::{
    app::App,
    domain::{
        accounts::second_factor::{self, Requirement},
        error::{Problem, Result},
        policy::{team_access, viewer::Viewer},
    },
    http::{extract::form::Fields, layout::Layout, page},
};

#[derive(Template)]
#[template(path = "accounts/security.html")]
struct SecurityPage {
    layout: Layout,
    requirement: Requirement,
    /// The name of the OpenID provider, if there is one.
    provider: Option<String>,
    people: i64,
    people_with_second_factor: i64,
    errors: Vec<String>,
}

async fn security_page(
    app: &App,
    viewer: &Viewer,
    headers: &HeaderMap,
    requirement: Requirement,
    errors: Vec<String>,
) -> Result<SecurityPage> {
    let (people, people_with_second_factor) = second_factor::coverage(&app.db).await?;
    let ways = app.ways_to_sign_in().await?;
    Ok(SecurityPage {
        layout: Layout::new(app, viewer, headers, "Security", "")
            .await?
            .at("settings-security"),
        requirement,
        provider: ways
            .single_sign_on
            .map(|single_sign_on| single_sign_on.policy.provider.name),
        people,
        people_with_second_factor,
        errors,
    })
}

/// `GET /settings/security`
pub(crate) async fn security(
    State(app): State<App>,
    viewer: Viewer,
    headers: HeaderMap,
) -> Result<Response> {
    team_access::require_workspace_admin(&viewer)?;
    let requirement = second_factor::requirement(&app.db).await?;
    page::page(&security_page(&app, &viewer, &headers, requirement, Vec::new()).await?)
}

/// `POST /settings/security`
pub(crate) async fn set_security(
    State(app): State<App>,
    viewer: Viewer,
    headers: HeaderMap,
    fields: Fields,
) -> Result<Response> {
    team_access::require_workspace_admin(&viewer)?;
    viewer.require_session()?;
    let requirement = Requirement {
        is_required: fields.get("required").is_some(),
        provider_is_second_factor: fields.get("exempt").is_some(),
    };
    let session = viewer.proof.token_hash();
    let outcome = app
        .store
        .change(&viewer.actor(), |change, _| {
            Box::pin(second_factor::require(change, session, requirement))
        })
        .await;
    match outcome {
        Ok(_) => Ok(Redirect::to("/settings/security").into_response()),
        Err(Problem::Invalid(errors)) => {
            let errors = errors.into_values().collect();
            let page = security_page(&app, &viewer, &headers, requirement, errors).await?;
            page::with_errors(StatusCode::UNPROCESSABLE_ENTITY, &page)
        }
        Err(problem) => Err(problem),
    }
}
