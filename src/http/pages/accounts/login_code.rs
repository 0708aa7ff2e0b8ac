//! The second step of a sign-in: the code of an account with a second factor.

use askama::Template;
use axum::{
    extract::State,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Redirect, Response},
};

use crate::{
    app::App,
    domain::{
        accounts::sign_in::{self, CodeEntered, SignedIn},
        auth::pending_sign_ins::{self, PendingSignIn},
        error::Result,
        events::audit_log::{self, AuditEntry},
    },
    http::{
        cookies,
        extract::form::Fields,
        layout::Layout,
        local_path::local_path,
        middleware::client_ip::ClientIp,
        page::{self, theme},
        pages::accounts::{sessions::login_page, signing_browser::SigningBrowser},
    },
};

#[derive(Template)]
#[template(path = "accounts/login_code.html")]
struct CodePage {
    layout: Layout,
    handle: String,
    error: &'static str,
}

impl CodePage {
    fn of(app: &App, headers: &HeaderMap, pending: &PendingSignIn, error: &'static str) -> Self {
        Self {
            layout: Layout::bare(app, "Enter a code".to_owned(), theme(headers)),
            handle: pending.handle.clone(),
            error,
        }
    }
}

/// `GET /login/code`
pub(crate) async fn code_form(State(app): State<App>, headers: HeaderMap) -> Result<Response> {
    let secret = cookies::cookie(&headers, cookies::pending_name(app.is_https())).unwrap_or("");
    match pending_sign_ins::find(&app.db, app.clock.now(), secret).await? {
        Some(pending) => page::page(&CodePage::of(&app, &headers, &pending, "")),
        None => Ok(Redirect::to("/login").into_response()),
    }
}

/// `POST /login/code`
pub(crate) async fn enter_code(
    State(app): State<App>,
    from: ClientIp,
    headers: HeaderMap,
    fields: Fields,
) -> Result<Response> {
    let (now, https) = (app.clock.now(), app.is_https());
    let secret = cookies::cookie(&headers, cookies::pending_name(https)).unwrap_or("");
    let Some(pending) = pending_sign_ins::find(&app.db, now, secret).await? else {
        return start_again(&app, &headers, "/").await;
    };
    if let Err(problem) = app.sign_in_limits.count_code(pending.account_id) {
        if app.sign_in_limits.should_log(from) {
            let line = AuditEntry {
                actor: Some(pending.account_id),
                kind: "sign-in.rate-limited",
                about: "too many codes",
                ..AuditEntry::default()
            };
            audit_log::write(&mut *app.db.acquire().await?, now, line).await?;
        }
        return Err(problem);
    }
    let browser = SigningBrowser::of(&app, &headers).await?;
    let code = fields.text("code");
    match sign_in::enter_code(&app.db, now, secret, code, &browser.browser()).await? {
        CodeEntered::Session { session, next } => {
            let next = local_path(&next, "/");
            let mut response = browser.redirect(&app, next, &SignedIn::Session(session))?;
            cookies::set(response.headers_mut(), &cookies::pending(https, ""))?;
            Ok(response)
        }
        CodeEntered::Wrong => {
            let error =
                "This code is wrong, or was used before. Enter the next one that your app shows.";
            let page = CodePage::of(&app, &headers, &pending, error);
            page::with_errors(StatusCode::UNAUTHORIZED, &page)
        }
        CodeEntered::Ended => start_again(&app, &headers, &pending.next).await,
    }
}

async fn start_again(app: &App, headers: &HeaderMap, next: &str) -> Result<Response> {
    let error = "You were not signed in: ten minutes have passed, or too many codes were wrong. Sign in again.";
    let page = login_page(app, headers, next, "", error).await?;
    page::with_errors(StatusCode::UNAUTHORIZED, &page)
}
