//! A browser's visit to the OpenID provider, and what it brings back.

use axum::{
    http::HeaderMap,
    response::{IntoResponse, Redirect, Response},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

use crate::{
    app::{App, SingleSignOn},
    domain::{
        auth::{openid::provider::Started, secrets},
        error::{Problem, Result},
    },
    http::{cookies, middleware::client_ip::ClientIp, pages::accounts::sessions::count_attempt},
};

/// A longer path to return to is forgotten: cookies are at most 4 kB.
const LONGEST_PATH: usize = 2000;

/// What a browser that was sent to the provider is to do when it returns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    SignIn,
    /// An administrator tries a sign-in, which changes nothing.
    Trial,
}

impl Purpose {
    fn as_str(self) -> &'static str {
        match self {
            Self::SignIn => "s",
            Self::Trial => "t",
        }
    }
}

/// A sign-in that was started: the browser has it in a cookie while it is at the provider.
pub(crate) struct PendingSignIn {
    pub(crate) state: String,
    pub(crate) nonce: String,
    pub(crate) verifier: String,
    pub(crate) next: String,
    pub(crate) purpose: Purpose,
}

impl PendingSignIn {
    fn cookie(started: &Started, next: &str, purpose: Purpose) -> String {
        let next = Some(next).filter(|next| next.len() <= LONGEST_PATH);
        let next = URL_SAFE_NO_PAD.encode(next.unwrap_or("/"));
        let Started {
            state,
            nonce,
            verifier,
            ..
        } = started;
        let purpose = purpose.as_str();
        format!("{state}.{nonce}.{verifier}.{next}.{purpose}")
    }

    /// Reads it from a request.
    pub(crate) fn read(headers: &HeaderMap, https: bool) -> Option<Self> {
        let cookie = cookies::cookie(headers, cookies::openid_name(https))?;
        let parts: Vec<&str> = cookie.split('.').collect();
        let [state, nonce, verifier, next, purpose] = parts.as_slice() else {
            return None;
        };
        let next = String::from_utf8(URL_SAFE_NO_PAD.decode(next).ok()?).ok()?;
        Some(Self {
            state: (*state).to_owned(),
            nonce: (*nonce).to_owned(),
            verifier: (*verifier).to_owned(),
            next,
            purpose: match *purpose {
                "t" => Purpose::Trial,
                _ => Purpose::SignIn,
            },
        })
    }
}

/// Sign-in through the provider.
///
/// # Errors
/// `NotFound` if there is no provider.
pub(crate) async fn single_sign_on(app: &App) -> Result<SingleSignOn> {
    let ways = app.ways_to_sign_in().await?;
    ways.single_sign_on.ok_or(Problem::NotFound)
}

/// The response that sends a browser to the provider; the inner error says why that is not possible.
pub(crate) async fn send_to_provider(
    app: &App,
    from: ClientIp,
    single_sign_on: &SingleSignOn,
    next: &str,
    purpose: Purpose,
) -> Result<anyhow::Result<Response>> {
    // Each makes this server send requests. What was tried is not known yet, so only the network counts.
    count_attempt(app, from, &secrets::new_secret()?).await?;
    let SingleSignOn { openid, policy } = single_sign_on;
    Ok(match openid.start(&policy.groups_claim).await {
        Ok(started) => {
            let mut response = Redirect::to(&started.url).into_response();
            let pending = PendingSignIn::cookie(&started, next, purpose);
            cookies::set(
                response.headers_mut(),
                &cookies::openid(app.is_https(), &pending),
            )?;
            Ok(response)
        }
        Err(error) => Err(error),
    })
}
