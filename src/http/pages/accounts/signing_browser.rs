//! The browser that signs in, and the cookies that it gets.

use axum::{
    http::{HeaderMap, header},
    response::{IntoResponse, Redirect, Response},
};

use crate::{
    app::App,
    domain::{
        accounts::sign_in::{Browser, SignedIn},
        auth::secrets,
        error::Result,
        policy::viewer::Credentials,
    },
    http::{cookies, extract::viewer::credentials, middleware::auth_proxy},
};

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
    proxy_user: Option<String>,
    has_mail: bool,
}

impl SigningBrowser {
    pub(crate) async fn of(app: &App, headers: &HeaderMap) -> Result<Self> {
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
            proxy_user: auth_proxy::user(headers).map(ToOwned::to_owned),
            has_mail: app.has_mail().await?,
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
            proxy_user: self.proxy_user.as_deref(),
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

/// Redirects, with the session's cookie; an empty one signs out.
pub(crate) fn redirect_with_session(app: &App, to: &str, session: &str) -> Result<Response> {
    let mut response = Redirect::to(to).into_response();
    cookies::set(
        response.headers_mut(),
        &cookies::session(app.is_https(), session),
    )?;
    Ok(response)
}
