//! Registration, invitations and password resets.

use askama::Template;
use axum::{
    extract::{Path, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Redirect, Response},
};

use crate::{
    app::App,
    db::pool::Pool,
    domain::{
        accounts::password_resets,
        auth::passwords,
        clock::Clock,
        error::{Problem, Result},
        policy::{actor::Actor, viewer::Viewer},
        teams::invitations::{self, Newcomer},
        workspace,
    },
    http::{
        extract::form::Fields,
        layout::Layout,
        middleware::client_ip::ClientIp,
        page::{self, theme},
        pages::accounts::sessions::{Proof, count_attempt, start_session},
    },
};

#[derive(Template)]
#[template(path = "accounts/join.html")]
struct JoinPage {
    layout: Layout,
    /// The form's action.
    action: String,
    /// A sentence that names the workspace or team to join.
    to: String,
    /// The name of the signed-in viewer, who joins with their account.
    me: Option<String>,
    /// The name of the provider and the link to it, if newcomers can sign in only there.
    openid: Option<(String, String)>,
    submitted: Fields,
    errors: Vec<String>,
}

fn join_page(
    app: &App,
    headers: &HeaderMap,
    action: String,
    to: String,
    submitted: Fields,
    errors: Vec<String>,
) -> JoinPage {
    let layout = Layout::bare(app, "Join".to_owned(), theme(headers));
    JoinPage {
        layout,
        action,
        to,
        me: None,
        openid: None,
        submitted,
        errors,
    }
}

/// `GET /join/{key}`
pub(crate) async fn join_form(
    State(app): State<App>,
    viewer: Option<Viewer>,
    Path(key): Path<String>,
    headers: HeaderMap,
) -> Result<Response> {
    let to = invited_to(&app.db, &app.clock, &key).await?;
    let page = join_page(
        &app,
        &headers,
        format!("/join/{key}"),
        to,
        Fields::default(),
        Vec::new(),
    );
    let ways = app.ways_to_sign_in().await?;
    let only_there = ways.single_sign_on.filter(|_| !ways.passwords);
    let openid = only_there.filter(|_| viewer.is_none()).map(|only_there| {
        let link = format!("/login/openid?next=/join/{key}");
        (only_there.policy.provider.name, link)
    });
    page::page(&JoinPage {
        me: viewer.map(|viewer| viewer.person.name),
        openid,
        ..page
    })
}

async fn invited_to(db: &Pool, clock: &Clock, key: &str) -> Result<String> {
    let open = invitations::load_open_invitation(db, clock.now(), key).await?;
    let by = open.by.as_deref().unwrap_or("An administrator");
    let name = workspace::name(db).await?;
    Ok(match open.team {
        Some(team) => format!("{by} invited you to join {team} at {name}."),
        None => format!("{by} invited you to join {name}."),
    })
}

/// `POST /join/{key}`: creates an account and signs it in; a signed-in viewer joins the team with
/// their account.
pub(crate) async fn join(
    State(app): State<App>,
    from: ClientIp,
    viewer: Option<Viewer>,
    Path(key): Path<String>,
    headers: HeaderMap,
    fields: Fields,
) -> Result<Response> {
    let to = invited_to(&app.db, &app.clock, &key).await?;
    if let Some(viewer) = viewer {
        viewer.require_session()?;
        let (actor, me) = (viewer.actor(), viewer.person.id);
        let joined = app
            .store
            .change(&actor, |change, _| {
                Box::pin(invitations::accept_as(change, &key, me))
            })
            .await?;
        return Ok(Redirect::to(&format!("/teams/{}", joined.value)).into_response());
    }
    app.ways_to_sign_in().await?.require_passwords()?;
    count_attempt(&app, from, fields.text("email")).await?;
    let created = match newcomer(&fields).await {
        Ok(new) => {
            app.store
                .change(&Actor::system(), |change, _| {
                    Box::pin(invitations::accept(change, &key, &new))
                })
                .await
        }
        Err(problem) => Err(problem),
    };
    match created {
        Ok(created) => {
            let (account, team) = created.value;
            let first_page = team.map_or("/".to_owned(), |slug| format!("/teams/{slug}"));
            let proof = Proof::of(account, "by an invitation");
            start_session(&app, &headers, proof, &first_page).await
        }
        Err(Problem::Invalid(errors)) => {
            let errors = errors.into_values().collect();
            let page = join_page(&app, &headers, format!("/join/{key}"), to, fields, errors);
            page::with_errors(StatusCode::UNPROCESSABLE_ENTITY, &page)
        }
        Err(problem) => Err(problem),
    }
}

async fn newcomer(fields: &Fields) -> Result<Newcomer> {
    Ok(Newcomer {
        email: fields.text("email").trim().to_owned(),
        name: fields.text("name").trim().to_owned(),
        password_hash: passwords::hash(fields.text("password").to_owned()).await?,
        time_zone: fields.text("time_zone").to_owned(),
    })
}

/// `GET /register`, if registration is open.
pub(crate) async fn register_form(State(app): State<App>, headers: HeaderMap) -> Result<Response> {
    app.ways_to_sign_in().await?.require_passwords()?;
    let to = open_to(&app.db).await?;
    page::page(&join_page(
        &app,
        &headers,
        "/register".to_owned(),
        to,
        Fields::default(),
        Vec::new(),
    ))
}

async fn open_to(db: &Pool) -> Result<String> {
    let (open, domains) = invitations::registration(db).await?;
    if !open {
        return Err(Problem::Forbidden(
            "Registration is closed. Ask an administrator for an invitation.".into(),
        ));
    }
    let name = workspace::name(db).await?;
    Ok(match domains.as_slice() {
        [] => format!("Anyone can join {name}."),
        domains => format!(
            "Anyone with an e-mail address at {} can join {name}.",
            domains.join(" or ")
        ),
    })
}

/// `POST /register`
pub(crate) async fn register(
    State(app): State<App>,
    from: ClientIp,
    headers: HeaderMap,
    fields: Fields,
) -> Result<Response> {
    app.ways_to_sign_in().await?.require_passwords()?;
    let to = open_to(&app.db).await?;
    count_attempt(&app, from, fields.text("email")).await?;
    let created = match newcomer(&fields).await {
        Ok(new) => {
            app.store
                .change(&Actor::system(), |change, _| {
                    Box::pin(invitations::register(change, &new))
                })
                .await
        }
        Err(problem) => Err(problem),
    };
    match created {
        Ok(created) => {
            let proof = Proof::of(created.value, "by registering");
            start_session(&app, &headers, proof, "/").await
        }
        Err(Problem::Invalid(errors)) => {
            let errors = errors.into_values().collect();
            page::with_errors(
                StatusCode::UNPROCESSABLE_ENTITY,
                &join_page(&app, &headers, "/register".to_owned(), to, fields, errors),
            )
        }
        Err(problem) => Err(problem),
    }
}

#[derive(Template)]
#[template(path = "accounts/reset.html")]
struct ResetPage {
    layout: Layout,
    key: String,
    name: String,
    error: String,
}

/// `GET /reset/{key}`
pub(crate) async fn reset_form(
    State(app): State<App>,
    Path(key): Path<String>,
    headers: HeaderMap,
) -> Result<Response> {
    let name = password_resets::account_name(&app.db, app.clock.now(), &key).await?;
    let layout = Layout::bare(&app, "New password".to_owned(), theme(&headers));
    page::page(&ResetPage {
        layout,
        key,
        name,
        error: String::new(),
    })
}

/// `POST /reset/{key}`: sets the password and signs in; every other session ends.
pub(crate) async fn reset(
    State(app): State<App>,
    from: ClientIp,
    Path(key): Path<String>,
    headers: HeaderMap,
    fields: Fields,
) -> Result<Response> {
    app.sign_in_limits.count("", from)?;
    let name = password_resets::account_name(&app.db, app.clock.now(), &key).await?;
    // Hashed first, so that a refused password does not use up the link.
    let set = match passwords::hash(fields.text("password").to_owned()).await {
        Ok(hash) => app
            .store
            .change(&Actor::system(), |change, _| {
                Box::pin(password_resets::use_link(change, &key, &hash))
            })
            .await
            .map(|done| (done.value, hash)),
        Err(problem) => Err(problem),
    };
    match set {
        Ok((account, hash)) => {
            // It confirms that an account is theirs, when they sign in through the provider next.
            if !app.ways_to_sign_in().await?.passwords {
                return Ok(Redirect::to("/login").into_response());
            }
            let proof = Proof {
                password_hash: Some(&hash),
                ..Proof::of(account, "by a link for a new password")
            };
            start_session(&app, &headers, proof, "/").await
        }
        Err(Problem::Invalid(errors)) => {
            let layout = Layout::bare(&app, "New password".to_owned(), theme(&headers));
            let error = errors.into_values().next().unwrap_or_default();
            page::with_errors(
                StatusCode::UNPROCESSABLE_ENTITY,
                &ResetPage {
                    layout,
                    key,
                    name,
                    error,
                },
            )
        }
        Err(problem) => Err(problem),
    }
}
