//! The reader's sessions, password, time off and API tokens.

use axum::{
    extract::{Path, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Redirect, Response},
};
use time::Duration;
use uuid::Uuid;

use crate::{
    app::App,
    db::pool::Pool,
    domain::{
        accounts::{
            absences, api_tokens,
            email::change_email,
            end_sessions::{SessionsToEnd, end_sessions_of},
            password_resets,
        },
        auth::passwords,
        clock::Clock,
        dates::parse_date,
        error::{Problem, Result},
        events::EventStore,
        policy::{
            team_access,
            viewer::{Role, Scope, Viewer},
        },
    },
    http::{
        extract::form::{Fields, id},
        middleware::client_ip::ClientIp,
        page,
        pages::accounts::{profile::me_page, signing_browser::redirect_with_session},
    },
};

/// `POST /me/sessions`: ends the named session, or with `others` all but the current one, or `all`.
pub(crate) async fn end_sessions(
    State(app): State<App>,
    viewer: Viewer,
    fields: Fields,
) -> Result<Response> {
    viewer.require_session()?;
    let others = fields.get("others");
    let ended = match others {
        Some("all") => SessionsToEnd::All,
        Some(_) => SessionsToEnd::AllButThis(viewer.proof.token_hash()),
        None => SessionsToEnd::Named(fields.text("session")),
    };
    end_sessions_of(&app.db, app.clock.now(), viewer.person.id, ended).await?;
    if others == Some("all") {
        return redirect_with_session(&app, "/login", "");
    }
    Ok(Redirect::to("/me#sessions").into_response())
}

/// `POST /me/password`
pub(crate) async fn set_password(
    State(app): State<App>,
    viewer: Viewer,
    from: ClientIp,
    headers: HeaderMap,
    fields: Fields,
) -> Result<Response> {
    viewer.require_session()?;
    let (account, own) = (viewer.person.id, viewer.proof.token_hash());
    let actor = viewer.actor();
    // Rate-limited like sign-in: an unlocked computer could be used to guess.
    app.sign_in_limits.count(&viewer.person.handle, from)?;
    app.ways_to_sign_in().await?.require_passwords()?;
    let known = match password_resets::check_password(&app.db, account, fields.text("old")).await {
        Ok(old_hash) => passwords::hash(fields.text("password").to_owned())
            .await
            .map(|hash| (old_hash, hash)),
        Err(problem) => Err(problem),
    };
    let outcome = match &known {
        Ok((old_hash, hash)) => {
            let old_hash = old_hash.as_deref();
            app.store
                .change(&actor, |change, _| {
                    Box::pin(password_resets::change_password(
                        change, account, own, old_hash, hash,
                    ))
                })
                .await
                .map(|_| ())
        }
        Err(_) => known.map(|_| ()),
    };
    match outcome {
        Ok(_) => Ok(Redirect::to("/me").into_response()),
        Err(Problem::Invalid(errors)) => {
            let page = me_page(&app, &viewer, &headers, Fields::default(), errors).await?;
            page::with_errors(StatusCode::UNPROCESSABLE_ENTITY, &page)
        }
        Err(problem) => Err(problem),
    }
}

/// `POST /me/email`: changes the address that the reader signs in with.
pub(crate) async fn set_email(
    State(app): State<App>,
    viewer: Viewer,
    from: ClientIp,
    headers: HeaderMap,
    fields: Fields,
) -> Result<Response> {
    viewer.require_session()?;
    let (account, actor) = (viewer.person.id, viewer.actor());
    let email = fields.text("email").trim();
    app.sign_in_limits.count(&viewer.person.handle, from)?;
    let entered = fields.text("email_password");
    let outcome = match password_resets::check_password(&app.db, account, entered).await {
        Ok(None) => Err(Problem::field(
            "email",
            "Set a password first. Nothing was changed.",
        )),
        Ok(hash) => {
            let (hash, has_mail) = (hash.as_deref(), app.has_mail().await?);
            app.store
                .change(&actor, |change, _| {
                    Box::pin(change_email(change, account, hash, email, has_mail))
                })
                .await
        }
        Err(Problem::Invalid(_)) => Err(Problem::field(
            "email_password",
            "Wrong password. Nothing was changed.",
        )),
        Err(problem) => Err(problem),
    };
    match outcome {
        Ok(_) => Ok(Redirect::to("/me#email-address").into_response()),
        Err(Problem::Invalid(errors)) => {
            let page = me_page(&app, &viewer, &headers, fields, errors).await?;
            page::with_errors(StatusCode::UNPROCESSABLE_ENTITY, &page)
        }
        Err(problem) => Err(problem),
    }
}

/// `POST /me/absences`: adds time off, from one day to another or for one day.
pub(crate) async fn add_away(
    State(app): State<App>,
    viewer: Viewer,
    headers: HeaderMap,
    fields: Fields,
) -> Result<Response> {
    viewer.require_session()?;
    let days = || {
        let from = fields
            .date("from")?
            .ok_or_else(|| Problem::field("from", "Enter the first day off."))?;
        let to = fields.date("to")?.unwrap_or(from);
        match (to - from).whole_days() {
            0..=365 => Ok((from, to)),
            ..0 => Err(Problem::field("to", "The last day is before the first.")),
            _ => Err(Problem::field("to", "Enter at most one year.")),
        }
    };
    let outcome = match days() {
        Ok((from, to)) => {
            let (account, actor) = (viewer.person.id, viewer.actor());
            app.store
                .change(&actor, |change, _| {
                    Box::pin(absences::add_away(change, account, from, to))
                })
                .await
        }
        Err(problem) => Err(problem),
    };
    match outcome {
        Ok(_) => Ok(Redirect::to("/me#absences").into_response()),
        Err(Problem::Invalid(errors)) => {
            let page = me_page(&app, &viewer, &headers, fields, errors).await?;
            page::with_errors(StatusCode::UNPROCESSABLE_ENTITY, &page)
        }
        Err(problem) => Err(problem),
    }
}

/// `POST /me/absences/{day}/remove`
pub(crate) async fn remove_away(
    State(store): State<EventStore>,
    viewer: Viewer,
    Path(day): Path<String>,
) -> Result<Response> {
    viewer.require_session()?;
    let from = parse_date(&day).ok_or(Problem::NotFound)?;
    let (account, actor) = (viewer.person.id, viewer.actor());
    store
        .change(&actor, |change, _| {
            Box::pin(absences::remove_away(change, account, from))
        })
        .await?;
    Ok(Redirect::to("/me#absences").into_response())
}

/// `POST /me/tokens`: creates a token and shows it once.
pub(crate) async fn create_token(
    State(app): State<App>,
    viewer: Viewer,
    headers: HeaderMap,
    fields: Fields,
) -> Result<Response> {
    viewer.require_session()?;
    let scope = match fields.text("scope") {
        "read" | "" => Scope::Read,
        "write" => Scope::Write,
        "admin" if viewer.role == Role::Admin => Scope::Admin,
        _ => {
            return Err(Problem::field("scope", "Choose read, write or admin."));
        }
    };
    let days: Option<i64> = fields.parse("days", "Enter a number of days from 1 to 366.")?;
    if days.is_some_and(|days| !(1..=366).contains(&days)) {
        return Err(Problem::field(
            "days",
            "Enter a number of days from 1 to 366.",
        ));
    }
    let named = fields.all("team");
    let teams: Vec<Uuid> = team_access::seen_teams(&app.db, &viewer)
        .await?
        .into_iter()
        .filter(|team| named.contains(&team.slug))
        .map(|team| team.id)
        .collect();
    // An unknown team would otherwise create a token for all teams.
    if teams.len() != named.len() {
        return Err(Problem::NotFound);
    }
    let agent = match fields.text("agent").trim() {
        "" => None,
        agent => Some(api_tokens::agent_name(agent).ok_or_else(|| {
            let most = api_tokens::AGENT_LENGTH;
            Problem::field(
                "agent",
                format!("An agent's name must have 1 to {most} visible characters."),
            )
        })?),
    };
    let now = app.clock.now();
    let draft = api_tokens::Draft {
        agent,
        account: viewer.person.id,
        name: fields.text("name").trim(),
        scope,
        teams: (!teams.is_empty()).then_some(teams.as_slice()),
        expires_at: days.map(|days| now + Duration::days(days)),
    };
    let actor = viewer.actor();
    let secret = app
        .store
        .change(&actor, |change, _| {
            Box::pin(api_tokens::create_own(change, &draft))
        })
        .await?
        .value;
    let mut page = me_page(
        &app,
        &viewer,
        &headers,
        Fields::default(),
        Default::default(),
    )
    .await?;
    page.created = secret;
    page::page(&page)
}

/// `POST /me/tokens/{id}/revoke`
pub(crate) async fn revoke_token(
    State(db): State<Pool>,
    State(clock): State<Clock>,
    viewer: Viewer,
    Path(token): Path<String>,
) -> Result<Response> {
    viewer.require_session()?;
    api_tokens::revoke(&db, clock.now(), viewer.person.id, id(&token)?).await?;
    Ok(Redirect::to("/me#tokens").into_response())
}
