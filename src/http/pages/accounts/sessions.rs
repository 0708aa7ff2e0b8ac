//! Sign-in, sign-out and the theme.

use askama::Template;
use axum::{
    extract::{Path, Query, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Redirect, Response},
};
use serde::Deserialize;
use uuid::Uuid;

use crate::{
    app::App,
    domain::{
        accounts::{
            api_tokens, queries,
            sign_in::{SignIn, sign_in, sign_out},
        },
        auth::{passwords, sessions::SessionIdentity},
        error::{Problem, Result},
        events::audit_log::{self, AuditEntry},
        policy::viewer::{AuthMethod, Viewer},
        single_sign_on::sessions::sign_out_at,
        teams::invitations,
    },
    http::{
        cookies,
        extract::form::Fields,
        layout::Layout,
        local_path::local_path,
        middleware::{auth_proxy, client_ip::ClientIp},
        page::{self, theme},
        pages::accounts::signing_browser::{SigningBrowser, redirect_with_session},
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
    /// Whether people can sign in by password.
    passwords: bool,
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
    if auth_proxy::user(&headers).is_some() {
        let query = form_urlencoded::Serializer::new(String::new())
            .append_pair("next", &next.next)
            .finish();
        return Ok(Redirect::to(&format!("/login/proxy?{query}")).into_response());
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
    let ways = app.ways_to_sign_in().await?;
    let openid = ways.single_sign_on.map(|single_sign_on| {
        let mut query = form_urlencoded::Serializer::new(String::new());
        let query = query.append_pair("next", next).finish();
        let link = format!("/login/openid?{query}");
        (single_sign_on.policy.provider.name, link)
    });
    Ok(LoginPage {
        layout: Layout::bare(app, "Sign in".to_owned(), theme(headers)),
        next: next.to_owned(),
        email: email.to_owned(),
        error: error.to_owned(),
        empty: false,
        open: open && ways.passwords,
        has_mail: ways.passwords && app.has_mail().await?,
        openid,
        passwords: ways.passwords,
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
    app.ways_to_sign_in().await?.require_passwords()?;
    let row = queries::account_to_sign_in(&app.db, email).await?;
    let (account, hash) = row.map_or((None, None), |(account, hash)| (Some(account), hash));
    // Without an account this takes as long as with one, and returns false.
    let password_matches =
        password.len() <= 1000 && passwords::verify(password.to_owned(), hash.clone()).await?;
    if let Some(account) = account.filter(|_| password_matches) {
        let next = local_path(fields.text("next"), "/");
        let proof = Proof {
            password_hash: hash.as_deref(),
            ..Proof::of(account, "by password")
        };
        match start_session(&app, &headers, proof, next).await {
            // The password was changed while this request waited: answered as a wrong one.
            Err(Problem::SignedOut) => {}
            outcome => return outcome,
        }
    }
    // No e-mail address is longer than 320 characters, so the log keeps no more.
    let about: String = email.chars().take(320).collect();
    note_failure(&app, &about).await?;
    let (next, error) = (fields.text("next"), "Wrong e-mail or password.");
    let page = login_page(&app, &headers, next, email, error).await?;
    page::with_errors(StatusCode::UNAUTHORIZED, &page)
}

/// Shows the sign-in page again, with the reason.
pub(crate) async fn refused(
    app: &App,
    headers: &HeaderMap,
    next: &str,
    reason: String,
) -> Result<Response> {
    note_failure(app, &reason).await?;
    let page = login_page(app, headers, next, "", &reason).await?;
    page::with_errors(StatusCode::FORBIDDEN, &page)
}

/// Writes a failed sign-in to the audit log.
pub(crate) async fn note_failure(app: &App, about: &str) -> Result<()> {
    let line = AuditEntry {
        kind: "sign-in.failed",
        about,
        ..AuditEntry::default()
    };
    // The connection is released right after this write: the page needs one too.
    audit_log::write(&mut *app.db.acquire().await?, app.clock.now(), line).await
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

/// Why a session may start.
pub(crate) struct Proof<'p> {
    pub(crate) account: Uuid,
    /// The password hash that matched, if a password was entered.
    pub(crate) password_hash: Option<&'p str>,
    /// Whether an OpenID provider, or a proxy in front, vouched for the person.
    pub(crate) is_by_provider: bool,
    /// What the provider said.
    pub(crate) identity: Option<SessionIdentity>,
    /// Whether a code was entered already, with the rest.
    pub(crate) has_entered_code: bool,
    /// How the person signed in, for the audit log.
    pub(crate) by: &'p str,
}

impl<'p> Proof<'p> {
    /// A sign-in by something else than a password or the provider.
    pub(crate) fn of(account: Uuid, by: &'p str) -> Self {
        Self {
            account,
            password_hash: None,
            is_by_provider: false,
            identity: None,
            has_entered_code: false,
            by,
        }
    }
}

/// Starts a session and redirects, or asks for a code first if the account has a second factor.
///
/// # Errors
/// `SignedOut` if the password was changed or the account deactivated meanwhile.
pub(crate) async fn start_session(
    app: &App,
    headers: &HeaderMap,
    proof: Proof<'_>,
    next: &str,
) -> Result<Response> {
    let browser = SigningBrowser::of(app, headers).await?;
    let mut tx = app.db.begin().await?;
    let request = SignIn {
        account: proof.account,
        password_hash: proof.password_hash,
        by: proof.by,
        is_by_provider: proof.is_by_provider,
        identity: proof.identity.as_ref(),
        has_entered_code: proof.has_entered_code,
        browser: browser.browser(),
        next,
    };
    let signed_in = sign_in(&mut tx, app.clock.now(), &request).await?;
    tx.commit().await?;
    browser.redirect(app, next, &signed_in)
}

#[derive(Template)]
#[template(path = "accounts/signed_out.html")]
struct SignedOutPage {
    layout: Layout,
    /// Where to sign out at the provider.
    url: String,
}

/// `POST /logout`: ends the session, and leads to the provider's own sign-out if the session began there.
pub(crate) async fn logout(
    State(app): State<App>,
    viewer: Option<Viewer>,
    headers: HeaderMap,
) -> Result<Response> {
    let mut at_provider = None;
    if let Some(Viewer {
        proof: AuthMethod::Session { token_hash },
        person,
        ..
    }) = viewer
    {
        at_provider = sign_out_at(&app.db, &token_hash).await?;
        sign_out(&app.db, app.clock.now(), person.id, &token_hash).await?;
    }
    let Some(url) = at_provider else {
        return redirect_with_session(&app, "/login", "");
    };
    // A page, because browsers do not follow a redirect from a form to another site: `form-action`.
    let layout = Layout::bare(&app, "Signed out".to_owned(), theme(&headers));
    let mut response = page::page(&SignedOutPage { layout, url })?;
    cookies::set(
        response.headers_mut(),
        &cookies::session(app.is_https(), ""),
    )?;
    Ok(response)
}

/// `GET /enter/{key}`: signs in a visitor of the demo. Only the demo creates such links; they
/// expire after a day.
pub(crate) async fn enter(
    State(app): State<App>,
    Path(key): Path<String>,
    headers: HeaderMap,
) -> Result<Response> {
    let account = api_tokens::account_of_link(&app.db, app.clock.now(), &key).await?;
    let account = account.ok_or(Problem::NotFound)?;
    start_session(&app, &headers, Proof::of(account, "with a demo link"), "/").await
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
