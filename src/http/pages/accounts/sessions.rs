//! Sign-in, sign-out and the theme.

use askama::Template;
use axum::{
    extract::{Path, Query, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Redirect, Response},
};
use serde::Deserialize;
use uuid::Uuid;

use crate::{
    app::App,
    domain::{
        accounts::{
            api_tokens, queries,
            sign_in::{Browser, SignIn, SignedIn, sign_in, sign_out},
        },
        auth::{passwords, secrets},
        error::{Problem, Result},
        events::audit_log::{self, AuditEntry},
        policy::viewer::{AuthMethod, Credentials, Viewer},
        teams::invitations,
    },
    http::{
        cookies,
        extract::{form::Fields, viewer::credentials},
        layout::Layout,
        local_path::local_path,
        middleware::client_ip::ClientIp,
        page::{self, theme},
    },
};

#[derive(Template)]
#[template(path = "accounts/login.html")]
pub(crate) struct LoginPage {
    layout: Layout,
    next: String,
    email: String,
    error: String,
    /// No accounts yet: the page points to the setup link in the server's output.
    empty: bool,
    /// Whether registration is open.
    open: bool,
    /// Whether a link for a new password can be mailed.
    has_mail: bool,
    /// The name of the OpenID provider, if there is one, and the link to it.
    openid: Option<(String, String)>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Next {
    pub(crate) next: String,
}

/// `GET /login`
pub(crate) async fn login_form(
    State(app): State<App>,
    viewer: Option<Viewer>,
    Query(next): Query<Next>,
    headers: HeaderMap,
) -> Result<Response> {
    if viewer.is_some() {
        return Ok(Redirect::to(local_path(&next.next, "/")).into_response());
    }
    let empty = crate::domain::setup::is_empty(&app.db).await?;
    let page = login_page(&app, &headers, &next.next, "", "").await?;
    page::page(&LoginPage { empty, ..page })
}

/// The sign-in page, with what was entered and why it was refused.
pub(crate) async fn login_page(
    app: &App,
    headers: &HeaderMap,
    next: &str,
    email: &str,
    error: &str,
) -> Result<LoginPage> {
    let (open, _) = invitations::registration(&app.db).await?;
    let openid = app.openid.as_ref().map(|openid| {
        let mut query = form_urlencoded::Serializer::new(String::new());
        let query = query.append_pair("next", next).finish();
        let link = format!("/login/openid?{query}");
        (openid.provider().name.clone(), link)
    });
    Ok(LoginPage {
        layout: Layout::bare(app, "Sign in".to_owned(), theme(headers)),
        next: next.to_owned(),
        email: email.to_owned(),
        error: error.to_owned(),
        empty: false,
        open,
        has_mail: app.mailer.is_some(),
        openid,
    })
}

/// `POST /login`
pub(crate) async fn login(
    State(app): State<App>,
    from: ClientIp,
    headers: HeaderMap,
    fields: Fields,
) -> Result<Response> {
    let (email, password) = (fields.text("email").trim(), fields.text("password"));
    count_attempt(&app, from, email).await?;
    let row = queries::account_to_sign_in(&app.db, email).await?;
    let (account, hash) = row.map_or((None, None), |(account, hash)| (Some(account), hash));
    // Without an account this takes as long as with one, and returns false.
    let password_matches =
        password.len() <= 1000 && passwords::verify(password.to_owned(), hash.clone()).await?;
    if let Some(account) = account.filter(|_| password_matches) {
        let next = local_path(fields.text("next"), "/");
        match start_session(
            &app,
            &headers,
            (account, hash.as_deref()),
            "by password",
            next,
        )
        .await
        {
            // The password was changed while this request waited: answered as a wrong one.
            Err(Problem::SignedOut) => {}
            outcome => return outcome,
        }
    }
    // No e-mail address is longer than 320 characters, so the log keeps no more.
    let about: String = email.chars().take(320).collect();
    let line = AuditEntry {
        kind: "sign-in.failed",
        about: &about,
        ..AuditEntry::default()
    };
    // The connection is released right after this write: the queries below need one too.
    audit_log::write(&mut *app.db.acquire().await?, app.clock.now(), line).await?;
    let (next, error) = (fields.text("next"), "Wrong e-mail or password.");
    let page = login_page(&app, &headers, next, email, error).await?;
    page::with_errors(StatusCode::UNAUTHORIZED, &page)
}

/// Counts an attempt to sign in or to enter a link's password, and fails if there were too many.
/// Refused attempts are written to the audit log once per interval, so that an attacker cannot fill
/// it.
pub(crate) async fn count_attempt(app: &App, from: ClientIp, tried: &str) -> Result<()> {
    let outcome = app.sign_in_limits.count(tried, from);
    if outcome.is_err() && app.sign_in_limits.should_log(from) {
        let line = AuditEntry {
            kind: "sign-in.rate-limited",
            about: "too many tries",
            ..AuditEntry::default()
        };
        audit_log::write(&mut *app.db.acquire().await?, app.clock.now(), line).await?;
    }
    outcome
}

/// The `User-Agent` header, or an empty string.
fn user_agent(headers: &HeaderMap) -> &str {
    headers
        .get(header::USER_AGENT)
        .and_then(|agent| agent.to_str().ok())
        .unwrap_or("")
}

/// The browser that signs in, by its cookies.
pub(crate) struct SigningBrowser {
    user_agent: String,
    /// The secret by which accounts know it.
    device: String,
    device_hash: Vec<u8>,
    previous: Option<Credentials>,
    has_mail: bool,
}

impl SigningBrowser {
    pub(crate) fn of(app: &App, headers: &HeaderMap) -> Result<Self> {
        let known = cookies::cookie(headers, cookies::device_name(app.is_https()));
        let device = match known {
            Some(device) if (1..=100).contains(&device.len()) => device.to_owned(),
            _ => secrets::new_secret()?,
        };
        Ok(Self {
            user_agent: user_agent(headers).to_owned(),
            device_hash: secrets::digest(&device),
            device,
            previous: credentials(headers, app.is_https()).filter(|credentials| credentials.cookie),
            has_mail: app.mailer.is_some(),
        })
    }

    pub(crate) fn browser(&self) -> Browser<'_> {
        Browser {
            user_agent: &self.user_agent,
            device: &self.device_hash,
            previous: self
                .previous
                .as_ref()
                .map(|previous| previous.token_hash.as_slice()),
            has_mail: self.has_mail,
        }
    }

    /// Redirects to `next` with the new session, or to the page that asks for a code.
    pub(crate) fn redirect(&self, app: &App, next: &str, signed_in: &SignedIn) -> Result<Response> {
        let https = app.is_https();
        match signed_in {
            SignedIn::Session(session) => {
                let mut response = redirect_with_session(app, next, session)?;
                let device = cookies::device(https, &self.device);
                cookies::set(response.headers_mut(), &device)?;
                Ok(response)
            }
            SignedIn::NeedsCode(secret) => {
                let mut response = Redirect::to("/login/code").into_response();
                cookies::set(response.headers_mut(), &cookies::pending(https, secret))?;
                Ok(response)
            }
        }
    }
}

/// Starts a session and redirects, or asks for a code first if the account has a second factor. For a password sign-in,
/// `hash` is the password hash that matched.
///
/// # Errors
/// `SignedOut` if the password was changed or the account deactivated meanwhile.
pub(crate) async fn start_session(
    app: &App,
    headers: &HeaderMap,
    (account, hash): (Uuid, Option<&str>),
    by: &str,
    next: &str,
) -> Result<Response> {
    start(app, headers, (account, hash), by, next, (false, false)).await
}

/// As [`start_session`], for a person whom an OpenID provider vouched for. `has_entered_code`: with the password that
/// confirmed the identity.
pub(crate) async fn start_session_by_provider(
    app: &App,
    headers: &HeaderMap,
    (account, hash): (Uuid, Option<&str>),
    by: &str,
    next: &str,
    has_entered_code: bool,
) -> Result<Response> {
    let account = (account, hash);
    start(app, headers, account, by, next, (true, has_entered_code)).await
}

async fn start(
    app: &App,
    headers: &HeaderMap,
    (account, password_hash): (Uuid, Option<&str>),
    by: &str,
    next: &str,
    (is_by_provider, has_entered_code): (bool, bool),
) -> Result<Response> {
    let browser = SigningBrowser::of(app, headers)?;
    let mut tx = app.db.begin().await?;
    let request = SignIn {
        account,
        password_hash,
        by,
        is_by_provider,
        has_entered_code,
        browser: browser.browser(),
        next,
    };
    let signed_in = sign_in(&mut tx, app.clock.now(), &request).await?;
    tx.commit().await?;
    browser.redirect(app, next, &signed_in)
}

/// Redirects, with the session's cookie; an empty one signs out.
pub(crate) fn redirect_with_session(app: &App, to: &str, session: &str) -> Result<Response> {
    let mut response = Redirect::to(to).into_response();
    cookies::set(
        response.headers_mut(),
        &cookies::session(app.is_https(), session),
    )?;
    Ok(response)
}

/// `POST /logout`
pub(crate) async fn logout(State(app): State<App>, viewer: Option<Viewer>) -> Result<Response> {
    if let Some(Viewer {
        proof: AuthMethod::Session { token_hash },
        person,
        ..
    }) = viewer
    {
        sign_out(&app.db, app.clock.now(), person.id, &token_hash).await?;
    }
    redirect_with_session(&app, "/login", "")
}

/// `GET /enter/{key}`: signs in a visitor of the demo. Only the demo creates such links; they
/// expire after a day.
pub(crate) async fn enter(
    State(app): State<App>,
    Path(key): Path<String>,
    headers: HeaderMap,
) -> Result<Response> {
    let account = api_tokens::account_of_link(&app.db, app.clock.now(), &key).await?;
    start_session(
        &app,
        &headers,
        (account.ok_or(Problem::NotFound)?, None),
        "with a demo link",
        "/",
    )
    .await
}

/// `POST /me/theme`: light, dark, or the system's.
pub(crate) async fn set_theme(State(app): State<App>, fields: Fields) -> Result<Response> {
    let theme = match fields.text("theme") {
        theme @ ("light" | "dark") => theme,
        _ => "",
    };
    let mut response = Redirect::to(local_path(fields.text("back"), "/")).into_response();
    cookies::set(
        response.headers_mut(),
        &cookies::theme(app.is_https(), theme),
    )?;
    Ok(response)
}
