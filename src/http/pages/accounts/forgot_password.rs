//! "Forgot your password?": a link by mail, where mail is set up.

use askama::Template;
use axum::{extract::State, http::HeaderMap, response::Response};

use crate::{
    app::App,
    domain::{
        accounts::password_resets,
        error::{Problem, Result},
    },
    http::{
        extract::form::Fields,
        layout::Layout,
        middleware::client_ip::ClientIp,
        page::{self, theme},
        pages::accounts::sessions::count_attempt,
    },
};

#[derive(Template)]
#[template(path = "accounts/forgot_password.html")]
struct ForgotPage {
    layout: Layout,
    /// Whether the form was sent.
    is_sent: bool,
}

fn forgot_page(app: &App, headers: &HeaderMap, is_sent: bool) -> Result<Response> {
    page::page(&ForgotPage {
        layout: Layout::bare(app, "Forgot your password?".to_owned(), theme(headers)),
        is_sent,
    })
}

async fn require_mail(app: &App) -> Result<()> {
    if app.has_mail().await? {
        return Ok(());
    }
    Err(Problem::NotFound)
}

/// `GET /login/forgot`
pub(crate) async fn forgot_form(State(app): State<App>, headers: HeaderMap) -> Result<Response> {
    require_mail(&app).await?;
    app.ways_to_sign_in().await?.require_passwords()?;
    forgot_page(&app, &headers, false)
}

/// `POST /login/forgot`: mails a link for a new password. The answer says nothing about whether there is such an account.
pub(crate) async fn send_reset(
    State(app): State<App>,
    from: ClientIp,
    headers: HeaderMap,
    fields: Fields,
) -> Result<Response> {
    require_mail(&app).await?;
    app.ways_to_sign_in().await?.require_passwords()?;
    let email: String = fields.text("email").trim().chars().take(320).collect();
    count_attempt(&app, from, &email).await?;
    app.sign_in_limits.count_reset(&email)?;
    password_resets::request(&app.db, app.clock.now(), &email).await?;
    forgot_page(&app, &headers, true)
}
