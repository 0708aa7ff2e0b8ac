//! Sign-in through an OpenID provider.

use askama::Template;
use axum::{
    extract::{Query, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Deserialize;

use crate::{
    app::{App, SingleSignOn},
    domain::{
        auth::{openid::provider::Identity, passwords, secrets, sessions::SessionIdentity},
        error::{Problem, Result},
        policy::{actor::Actor, viewer::Viewer},
        single_sign_on::{
            identities::{self, Owner},
            proxy, sessions,
            settings::UNNAMED,
        },
    },
    http::{
        cookies,
        extract::form::Fields,
        layout::Layout,
        local_path::local_path,
        middleware::{auth_proxy, client_ip::ClientIp},
        page::{self, theme},
        pages::accounts::{
            provider_visit::{PendingSignIn, Purpose, send_to_provider, single_sign_on},
            sessions::{
                Next, Proof, count_attempt, login_page, note_failure, refused, start_session,
            },
            sign_in::show_trial,
        },
    },
};

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

/// `GET /login/openid`: sends the browser to the provider.
pub(crate) async fn start_openid(
    State(app): State<App>,
    from: ClientIp,
    Query(next): Query<Next>,
    headers: HeaderMap,
) -> Result<Response> {
    let single_sign_on = single_sign_on(&app).await?;
    let next = local_path(&next.next, "/");
    match send_to_provider(&app, from, &single_sign_on, next, Purpose::SignIn).await? {
        Ok(response) => Ok(response),
        Err(error) => failed(&app, &headers, next, &error).await,
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct CallbackQuery {
    code: String,
    state: String,
    error: String,
    error_description: String,
}

/// `GET /login/openid/callback`: the browser returns from the provider.
pub(crate) async fn finish_openid(
    State(app): State<App>,
    from: ClientIp,
    viewer: Option<Viewer>,
    Query(returned): Query<CallbackQuery>,
    headers: HeaderMap,
) -> Result<Response> {
    let single_sign_on = single_sign_on(&app).await?;
    count_attempt(&app, from, &secrets::new_secret()?).await?;
    let pending = PendingSignIn::read(&headers, app.is_https());
    let identity = identify(&app, &single_sign_on, pending.as_ref(), &returned).await;
    let next = pending
        .as_ref()
        .map_or("/", |pending| pending.next.as_str());
    let is_trial = pending
        .as_ref()
        .is_some_and(|pending| pending.purpose == Purpose::Trial);
    let mut response = match identity {
        identity if is_trial => {
            let viewer = viewer.ok_or(Problem::SignedOut)?;
            show_trial(&app, &viewer, &headers, &single_sign_on, identity).await
        }
        Err(error) => failed(&app, &headers, next, &error).await,
        Ok(identity) => admit(&app, &headers, &single_sign_on, &identity, next).await,
    }?;
    // once only
    cookies::set(response.headers_mut(), &cookies::openid(app.is_https(), ""))?;
    Ok(response)
}

async fn identify(
    app: &App,
    SingleSignOn { openid, policy }: &SingleSignOn,
    pending: Option<&PendingSignIn>,
    returned: &CallbackQuery,
) -> anyhow::Result<Identity> {
    let Some(pending) = pending.filter(|pending| pending.state == returned.state) else {
        anyhow::bail!("the browser did not start this sign-in, or more than ten minutes ago");
    };
    if !returned.error.is_empty() {
        let said = format!("{} {}", returned.error, returned.error_description);
        let said: String = said.trim().chars().take(200).collect();
        anyhow::bail!("the provider refused to sign in: {said}");
    }
    let (code, now) = (&returned.code, app.clock.now());
    let started = (pending.nonce.as_str(), pending.verifier.as_str());
    openid
        .finish(now, code, started, &policy.groups_claim)
        .await
}

async fn admit(
    app: &App,
    headers: &HeaderMap,
    single_sign_on: &SingleSignOn,
    identity: &Identity,
    next: &str,
) -> Result<Response> {
    let policy = &single_sign_on.policy;
    let verdict = app
        .store
        .change(&Actor::system(), |change, _| {
            Box::pin(identities::judge(change, identity, policy, None))
        })
        .await?;
    let said = SessionIdentity {
        issuer: identity.issuer.clone(),
        subject: identity.subject.clone(),
        sid: identity.sid.clone(),
        sign_out_at: identity.sign_out_at.clone(),
    };
    let name = &policy.provider.name;
    let_in(app, headers, verdict.value.owner, Some(said), name, next).await
}

/// `GET /login/proxy`: signs in the person a trusted proxy has named.
pub(crate) async fn sign_in_from_proxy(
    State(app): State<App>,
    Query(next): Query<Next>,
    headers: HeaderMap,
) -> Result<Response> {
    let user = auth_proxy::user(&headers).ok_or(Problem::NotFound)?;
    let owner = app
        .store
        .change(&Actor::system(), |change, _| {
            Box::pin(proxy::owner(change, user))
        })
        .await?;
    let next = local_path(&next.next, "/");
    let_in(&app, &headers, owner.value, None, UNNAMED, next).await
}

/// Starts the person's session, or asks them to confirm that an account is theirs.
async fn let_in(
    app: &App,
    headers: &HeaderMap,
    owner: Owner,
    identity: Option<SessionIdentity>,
    name: &str,
    next: &str,
) -> Result<Response> {
    match owner {
        Owner::Account(account) => {
            let next = local_path(next, "/");
            let by = format!("with {name}");
            let proof = Proof {
                is_by_provider: true,
                identity,
                ..Proof::of(account, &by)
            };
            match start_session(app, headers, proof, next).await {
                Err(Problem::SignedOut) => {
                    let reason = "Your account is deactivated. Ask your administrator.";
                    refused(app, headers, next, reason.to_owned()).await
                }
                outcome => outcome,
            }
        }
        Owner::AfterPassword { email, secret, .. } => page::page(&ConfirmPage {
            layout: Layout::bare(app, "Confirm your account".to_owned(), theme(headers)),
            provider: name.to_owned(),
            email,
            asks_code: identities::unconfirmed(&app.db, app.clock.now(), &secret)
                .await?
                .has_second_factor,
            key: secret,
            next: next.to_owned(),
            error: String::new(),
        }),
        Owner::NoOne(reason) => refused(app, headers, next, reason).await,
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

/// `POST /login/openid/confirm`: the password of an existing account, so that its owner can sign in through the provider
/// from now on.
pub(crate) async fn confirm_openid(
    State(app): State<App>,
    from: ClientIp,
    headers: HeaderMap,
    fields: Fields,
) -> Result<Response> {
    let provider = match auth_proxy::user(&headers) {
        Some(_) => UNNAMED.to_owned(),
        None => single_sign_on(&app).await?.policy.provider.name,
    };
    let (key, password) = (fields.text("key"), fields.text("password"));
    let found = identities::unconfirmed(&app.db, app.clock.now(), key).await?;
    count_attempt(&app, from, &found.email).await?;
    let hash = found.password_hash;
    let password_matches =
        password.len() <= 1000 && passwords::verify(password.to_owned(), hash.clone()).await?;
    // Knowing the password alone must not be enough to connect a way round the code.
    let (account, has_second_factor) = (found.account, found.has_second_factor);
    let confirmed = if password_matches {
        if has_second_factor {
            app.sign_in_limits.count_code(account)?;
        }
        let code = has_second_factor.then(|| fields.text("code"));
        let outcome = app
            .store
            .change(&Actor::system(), |change, _| {
                Box::pin(identities::confirm(change, key, code))
            })
            .await?;
        outcome.value
    } else {
        None
    };
    let Some(identity) = confirmed else {
        note_failure(&app, &found.email).await?;
        let page = ConfirmPage {
            layout: Layout::bare(&app, "Confirm your account".to_owned(), theme(&headers)),
            provider,
            email: found.email,
            key: key.to_owned(),
            next: fields.text("next").to_owned(),
            asks_code: has_second_factor,
            error: match has_second_factor {
                true => "Wrong password or code. Nothing was changed.".to_owned(),
                false => "Wrong password. Nothing was changed.".to_owned(),
            },
        };
        return page::with_errors(StatusCode::UNAUTHORIZED, &page);
    };
    let by = format!("by password, and with {provider}");
    let proof = Proof {
        password_hash: hash.as_deref(),
        is_by_provider: true,
        has_entered_code: true,
        identity: Some(identity),
        ..Proof::of(account, &by)
    };
    let next = local_path(fields.text("next"), "/");
    start_session(&app, &headers, proof, next).await
}

/// `POST /login/openid/logout`: the provider says that someone has signed out there, and all their sessions end.
pub(crate) async fn end_by_provider(State(app): State<App>, fields: Fields) -> Result<Response> {
    let openid = single_sign_on(&app).await?.openid;
    let now = app.clock.now();
    match openid.signed_out(now, fields.text("logout_token")).await {
        Ok(who) => {
            sessions::end(&app.db, now, &who).await?;
            Ok((StatusCode::OK, [(header::CACHE_CONTROL, "no-store")]).into_response())
        }
        Err(error) => {
            tracing::warn!("the OpenID provider's sign-out was refused: {error:#}");
            Err(Problem::BadRequest(
                "This logout token is not valid. No session was ended.".into(),
            ))
        }
    }
}
