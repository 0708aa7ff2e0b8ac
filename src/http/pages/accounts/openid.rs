//! Sign-in through an OpenID provider.

use askama::Template;
use axum::{
    extract::{Query, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Redirect, Response},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::Deserialize;

use crate::{
    app::App,
    domain::{
        accounts::identities::{self, Owner},
        auth::{
            openid::{OpenId, Started},
            passwords, secrets,
        },
        error::{Problem, Result},
        events::audit_log::{self, AuditEntry},
        policy::actor::Actor,
    },
    http::{
        cookies,
        extract::form::Fields,
        layout::Layout,
        local_path::local_path,
        middleware::client_ip::ClientIp,
        page::{self, theme},
        pages::accounts::sessions::{Next, count_attempt, login_page, start_session_by_provider},
    },
};

/// A longer path to return to is forgotten: cookies are at most 4 kB.
const LONGEST_PATH: usize = 2000;

#[derive(Template)]
#[template(path = "accounts/confirm_identity.html")]
struct ConfirmPage {
    layout: Layout,
    /// The provider's name.
    provider: String,
    email: String,
    key: String,
    next: String,
    /// Whether the account has a second factor, so that a code is asked for too.
    asks_code: bool,
    error: String,
}

/// A sign-in that has begun: the browser has it in a cookie while it is at the provider.
struct PendingSignIn {
    state: String,
    nonce: String,
    verifier: String,
    next: String,
}

impl PendingSignIn {
    fn cookie(started: &Started, next: &str) -> String {
        let next = Some(next).filter(|next| next.len() <= LONGEST_PATH);
        let next = URL_SAFE_NO_PAD.encode(next.unwrap_or("/"));
        let Started {
            state,
            nonce,
            verifier,
            ..
        } = started;
        format!("{state}.{nonce}.{verifier}.{next}")
    }

    fn read(headers: &HeaderMap, https: bool) -> Option<Self> {
        let cookie = cookies::cookie(headers, cookies::openid_name(https))?;
        let parts: Vec<&str> = cookie.split('.').collect();
        let [state, nonce, verifier, next] = parts.as_slice() else {
            return None;
        };
        let next = String::from_utf8(URL_SAFE_NO_PAD.decode(next).ok()?).ok()?;
        Some(Self {
            state: (*state).to_owned(),
            nonce: (*nonce).to_owned(),
            verifier: (*verifier).to_owned(),
            next,
        })
    }
}

fn openid(app: &App) -> Result<&OpenId> {
    app.openid.as_ref().ok_or(Problem::NotFound)
}

/// `GET /login/openid`: sends the browser to the provider.
pub(crate) async fn start_openid(
    State(app): State<App>,
    from: ClientIp,
    Query(next): Query<Next>,
    headers: HeaderMap,
) -> Result<Response> {
    let openid = openid(&app)?;
    // Each makes this server send requests. What was tried is not known yet, so only the network counts.
    count_attempt(&app, from, &secrets::new_secret()?).await?;
    match openid.start().await {
        Ok(started) => {
            let mut response = Redirect::to(&started.url).into_response();
            let pending = PendingSignIn::cookie(&started, local_path(&next.next, "/"));
            cookies::set(
                response.headers_mut(),
                &cookies::openid(app.is_https(), &pending),
            )?;
            Ok(response)
        }
        Err(error) => failed(&app, &headers, &next.next, &error).await,
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct CallbackQuery {
    code: String,
    state: String,
    error: String,
}

/// `GET /login/openid/callback`: the browser returns from the provider.
pub(crate) async fn finish_openid(
    State(app): State<App>,
    from: ClientIp,
    Query(returned): Query<CallbackQuery>,
    headers: HeaderMap,
) -> Result<Response> {
    let openid = openid(&app)?;
    count_attempt(&app, from, &secrets::new_secret()?).await?;
    let pending = PendingSignIn::read(&headers, app.is_https());
    let next = pending
        .as_ref()
        .map_or("/", |pending| pending.next.as_str());
    let identity = match &pending {
        Some(pending) if pending.state == returned.state && returned.error.is_empty() => {
            let (code, now) = (&returned.code, app.clock.now());
            let finished = openid.finish(now, code, &pending.nonce, &pending.verifier);
            finished.await
        }
        Some(pending) if pending.state == returned.state => {
            let error: String = returned.error.chars().take(100).collect();
            Err(anyhow::anyhow!("the provider refused to sign in: {error}"))
        }
        _ => Err(anyhow::anyhow!(
            "the browser did not start this sign-in, or more than ten minutes ago"
        )),
    };
    let mut response = match identity {
        Err(error) => failed(&app, &headers, next, &error).await,
        Ok(identity) => {
            let provider = openid.provider();
            let owner = app
                .store
                .change(&Actor::system(), |change, _| {
                    Box::pin(identities::owner(change, &identity, provider))
                })
                .await?;
            admit(&app, &headers, openid, owner.value, next).await
        }
    }?;
    // once only
    cookies::set(response.headers_mut(), &cookies::openid(app.is_https(), ""))?;
    Ok(response)
}

async fn admit(
    app: &App,
    headers: &HeaderMap,
    openid: &OpenId,
    owner: Owner,
    next: &str,
) -> Result<Response> {
    match owner {
        Owner::Account(account) => {
            let next = local_path(next, "/");
            let by = format!("with {}", openid.provider().name);
            match start_session_by_provider(app, headers, (account, None), &by, next, false).await {
                Err(Problem::SignedOut) => {
                    let reason = "Your account is deactivated. Ask your administrator.";
                    refused(app, headers, next, reason.to_owned()).await
                }
                outcome => outcome,
            }
        }
        Owner::AfterPassword { email, secret } => page::page(&ConfirmPage {
            layout: Layout::bare(app, "Confirm your account".to_owned(), theme(headers)),
            provider: openid.provider().name.clone(),
            email,
            asks_code: identities::unconfirmed(&app.db, app.clock.now(), &secret)
                .await?
                .has_second_factor,
            key: secret,
            next: next.to_owned(),
            error: String::new(),
        }),
        Owner::Nobody(reason) => refused(app, headers, next, reason).await,
    }
}

/// Shows the sign-in page again. The reason is for administrators, in the audit log: it may name internal hosts.
async fn failed(
    app: &App,
    headers: &HeaderMap,
    next: &str,
    error: &anyhow::Error,
) -> Result<Response> {
    tracing::warn!("sign-in through the OpenID provider failed: {error:#}");
    note_failure(app, &format!("{error:#}")).await?;
    let message = "That did not work, and you are not signed in. Try again. If it fails again, your administrator \
                   finds the reason in the audit log.";
    let page = login_page(app, headers, next, "", message).await?;
    page::with_errors(StatusCode::UNAUTHORIZED, &page)
}

async fn refused(app: &App, headers: &HeaderMap, next: &str, reason: String) -> Result<Response> {
    note_failure(app, &reason).await?;
    let page = login_page(app, headers, next, "", &reason).await?;
    page::with_errors(StatusCode::FORBIDDEN, &page)
}

async fn note_failure(app: &App, about: &str) -> Result<()> {
    let line = AuditEntry {
        kind: "sign-in.failed",
        about,
        ..AuditEntry::default()
    };
    audit_log::write(&mut *app.db.acquire().await?, app.clock.now(), line).await
}

/// `POST /login/openid/confirm`: the password of an existing account, so that its owner can sign in through the provider
/// from now on.
pub(crate) async fn confirm_openid(
    State(app): State<App>,
    from: ClientIp,
    headers: HeaderMap,
    fields: Fields,
) -> Result<Response> {
    let openid = openid(&app)?;
    let (key, password) = (fields.text("key"), fields.text("password"));
    let found = identities::unconfirmed(&app.db, app.clock.now(), key).await?;
    count_attempt(&app, from, &found.email).await?;
    let hash = found.password_hash;
    let password_matches =
        password.len() <= 1000 && passwords::verify(password.to_owned(), hash.clone()).await?;
    // Whoever knows the password only must not be able to connect a way round the code.
    let (account, code) = (found.account, fields.text("code"));
    let confirmed = match (password_matches, found.has_second_factor) {
        (false, _) => false,
        (true, has_second_factor) => {
            if has_second_factor {
                app.sign_in_limits.count_code(account)?;
            }
            let code = has_second_factor.then_some(code);
            let outcome = app
                .store
                .change(&Actor::system(), |change, _| {
                    Box::pin(identities::confirm(change, key, code))
                })
                .await?;
            outcome.value
        }
    };
    if !confirmed {
        note_failure(&app, &found.email).await?;
        let page = ConfirmPage {
            layout: Layout::bare(&app, "Confirm your account".to_owned(), theme(&headers)),
            provider: openid.provider().name.clone(),
            email: found.email,
            key: key.to_owned(),
            next: fields.text("next").to_owned(),
            asks_code: found.has_second_factor,
            error: match found.has_second_factor {
                true => "Wrong password or code. Nothing was changed.".to_owned(),
                false => "Wrong password. Nothing was changed.".to_owned(),
            },
        };
        return page::with_errors(StatusCode::UNAUTHORIZED, &page);
    }
    let by = format!("by password, and with {}", openid.provider().name);
    let next = local_path(fields.text("next"), "/");
    let account = (account, hash.as_deref());
    start_session_by_provider(&app, &headers, account, &by, next, true).await
}
