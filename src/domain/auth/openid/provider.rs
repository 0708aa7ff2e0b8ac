//! Sign-in through an OpenID provider: the authorization code flow with PKCE, state and nonce. All requests to the
//! provider are sent by the guarded client, also those to addresses that its discovery document names.

use std::{future::Future, time::Duration};

use anyhow::{Context, anyhow, bail, ensure};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, Utc};
use openidconnect::{
    AuthorizationCode, ClientId, ClientSecret, CsrfToken, HttpRequest, HttpResponse, IssuerUrl,
    Nonce, OAuth2TokenResponse, PkceCodeChallenge, PkceCodeVerifier, RedirectUrl,
    RequestTokenError, Scope, TokenResponse,
    core::{
        CoreAuthenticationFlow, CoreClient, CoreIdToken, CoreJwsSigningAlgorithm, CoreTokenResponse,
    },
    http,
};
use time::OffsetDateTime;

use crate::{
    config::openid::OpenIdProvider,
    domain::{
        auth::openid::{
            claims::Claims,
            metadata::{Metadata, RecentMetadata},
        },
        outbound::{OutgoingClient, OutgoingError},
    },
};

/// How far the provider's clock may be from ours, in seconds.
pub(super) const CLOCK_SKEW: i64 = 60;

/// How long all requests of one step may take together. It is less than a request of a browser may take.
const STEP: Duration = Duration::from_secs(15);

/// The provider, and the way to it.
#[derive(Clone)]
pub struct OpenId {
    provider: OpenIdProvider,
    recent: RecentMetadata,
    client: OutgoingClient,
    public_url: String,
}

/// A sign-in that was sent to the provider. The browser keeps these until it returns.
pub(crate) struct Started {
    /// Where the browser goes.
    pub(crate) url: String,
    pub(crate) state: String,
    pub(crate) nonce: String,
    pub(crate) verifier: String,
}

/// What the provider says of a person.
#[derive(Clone, Debug)]
pub(crate) struct Identity {
    pub(crate) issuer: String,
    pub(crate) subject: String,
    pub(crate) claims: Claims,
    /// The provider's own session.
    pub(crate) sid: Option<String>,
    /// Where the browser goes to sign out at the provider, if it offers that.
    pub(crate) sign_out_at: Option<String>,
}

impl OpenId {
    /// Sign-in through a provider, for the installation with this public address.
    pub(crate) fn new(provider: OpenIdProvider, client: OutgoingClient, public_url: &str) -> Self {
        Self {
            provider,
            recent: RecentMetadata::default(),
            client,
            public_url: public_url.to_owned(),
        }
    }

    /// Uses the keys that this program read last.
    pub(crate) fn with_recent(self, recent: RecentMetadata) -> Self {
        Self { recent, ..self }
    }

    /// Where the provider sends browsers back to, as it has to be registered there.
    pub(crate) fn redirect(&self) -> String {
        format!("{}/login/openid/callback", self.public_url)
    }

    /// Where the provider may send browsers back to after they signed out there.
    pub(crate) fn signed_out_redirect(&self) -> String {
        format!("{}/login", self.public_url)
    }

    /// Where the provider tells this server that someone has signed out.
    pub(crate) fn logout_address(&self) -> String {
        format!("{}/login/openid/logout", self.public_url)
    }

    /// The client ID that this installation has at the provider.
    pub(super) fn client_id(&self) -> &str {
        &self.provider.client_id
    }

    /// Reads the provider's discovery document and keys. An issuer differs from what people type most often by a slash
    /// at its end, so that is tried both ways; what the document says has to match exactly.
    pub(crate) async fn discover(&self) -> anyhow::Result<Metadata> {
        let typed = self.provider.issuer.as_str();
        let other = match typed.strip_suffix('/') {
            Some(bare) => bare.to_owned(),
            None => format!("{typed}/"),
        };
        match self.discover_as(typed).await {
            Ok(found) => Ok(found),
            // not reached, which the other form would not be either
            Err(first) if first.chain().any(|cause| cause.is::<OutgoingError>()) => Err(first),
            Err(first) => self.discover_as(&other).await.map_err(|_| first),
        }
    }

    /// As [`OpenId::discover`], given up after some seconds.
    pub(crate) async fn discover_in_time(&self) -> anyhow::Result<Metadata> {
        in_time(self.discover()).await
    }

    /// The discovery document, at most a minute old.
    pub(super) async fn recent(&self, now: OffsetDateTime) -> anyhow::Result<Metadata> {
        let read = self.discover_in_time();
        self.recent.get(&self.provider.issuer, now, read).await
    }

    async fn discover_as(&self, issuer: &str) -> anyhow::Result<Metadata> {
        let http = |request| send(self.client.clone(), request);
        let url = IssuerUrl::new(issuer.to_owned())?;
        Metadata::discover_async(url, &http)
            .await
            .with_context(|| format!("cannot use the provider {issuer}"))
    }

    /// Starts a sign-in. `groups` is the claim that people's groups are read from.
    pub(crate) async fn start(&self, groups: &str) -> anyhow::Result<Started> {
        in_time(self.start_sign_in(groups)).await
    }

    async fn start_sign_in(&self, groups: &str) -> anyhow::Result<Started> {
        let metadata = self.discover().await?;
        // Some providers send the groups only if they are asked for, and refuse scopes that they do not know.
        let scopes = metadata.scopes_supported().into_iter().flatten();
        let groups: Vec<Scope> = scopes
            .filter(|scope| scope.as_str() == groups)
            .cloned()
            .collect();
        let client = CoreClient::from_provider_metadata(metadata, self.id(), self.secret())
            .set_redirect_uri(RedirectUrl::new(self.redirect())?);
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let (url, state, nonce) = client
            .authorize_url(
                CoreAuthenticationFlow::AuthorizationCode,
                CsrfToken::new_random,
                Nonce::new_random,
            )
            .add_scope(Scope::new("email".to_owned()))
            .add_scope(Scope::new("profile".to_owned()))
            .add_scopes(groups)
            .set_pkce_challenge(challenge)
            .url();
        ensure!(
            matches!(url.scheme(), "http" | "https"),
            "the provider's sign-in page has the address {url}"
        );
        Ok(Started {
            url: url.into(),
            state: state.into_secret(),
            nonce: nonce.secret().clone(),
            verifier: verifier.into_secret(),
        })
    }

    /// Exchanges a code for what the provider says of the person, and checks it: signature, issuer, audience, nonce and
    /// times. Claims that are not in the ID token are asked for at the provider's userinfo endpoint.
    pub(crate) async fn finish(
        &self,
        now: OffsetDateTime,
        code: &str,
        started: (&str, &str),
        groups: &str,
    ) -> anyhow::Result<Identity> {
        in_time(self.finish_sign_in(now, code, started, groups)).await
    }

    async fn finish_sign_in(
        &self,
        now: OffsetDateTime,
        code: &str,
        (nonce, verifier): (&str, &str),
        groups: &str,
    ) -> anyhow::Result<Identity> {
        let metadata = self.discover().await?;
        let issuer = metadata.issuer().as_str().to_owned();
        let userinfo = metadata.userinfo_endpoint().cloned();
        let end_session = metadata.additional_metadata().end_session();
        let client = CoreClient::from_provider_metadata(metadata, self.id(), self.secret())
            .set_redirect_uri(RedirectUrl::new(self.redirect())?);
        let http = |request| send(self.client.clone(), request);
        let tokens: CoreTokenResponse = client
            .exchange_code(AuthorizationCode::new(code.to_owned()))
            .context("the provider has no token endpoint")?
            .set_pkce_verifier(PkceCodeVerifier::new(verifier.to_owned()))
            .request_async(&http)
            .await
            .map_err(|error| match error {
                RequestTokenError::ServerResponse(refusal) => {
                    anyhow!("the provider refused the code: {}", refusal.error())
                }
                // What it sent may contain tokens, and goes into no log.
                RequestTokenError::Parse(..) => {
                    anyhow!("the provider's token endpoint sent something unreadable")
                }
                error => anyhow::Error::from(error),
            })?;
        let token = tokens
            .id_token()
            .context("the provider sent no ID token: is the scope openid allowed?")?;
        let now = now.unix_timestamp();
        let earliest = DateTime::<Utc>::from_timestamp(now - CLOCK_SKEW, 0).unwrap_or_default();
        let latest = DateTime::<Utc>::from_timestamp(now + CLOCK_SKEW, 0).unwrap_or_default();
        let verifier = client
            .id_token_verifier()
            .set_allowed_algs([
                CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256,
                CoreJwsSigningAlgorithm::EcdsaP256Sha256,
            ])
            .set_time_fn(move || earliest)
            .set_issue_time_verifier_fn(move |issued| match issued <= latest {
                true => Ok(()),
                false => Err("it was issued in the future".to_owned()),
            });
        let claims = token
            .claims(&verifier, &Nonce::new(nonce.to_owned()))
            .context("the provider's ID token is not valid")?;
        let subject = claims.subject().as_str();
        ensure!(
            (1..=255).contains(&subject.chars().count()) && !subject.contains('\0'),
            "the subject in the provider's ID token has not 1 to 255 characters"
        );
        let subject = subject.to_owned();
        let mut claims = claims_of(token)?;
        let is_complete = claims.has("email") && claims.has(groups);
        if let Some(userinfo) = userinfo.filter(|_| !is_complete) {
            let access = tokens.access_token().secret();
            let more = self.userinfo(userinfo.as_str(), access, &subject);
            claims.complete_with(more.await?);
        }
        let sid = claims.text("sid").filter(|sid| sid.len() <= 255);
        Ok(Identity {
            issuer,
            subject,
            sid: sid.map(ToOwned::to_owned),
            sign_out_at: end_session.and_then(|url| self.sign_out_at(&url, &token.to_string())),
            claims,
        })
    }

    async fn userinfo(&self, url: &str, access: &str, subject: &str) -> anyhow::Result<Claims> {
        let request = http::Request::get(url)
            .header(http::header::AUTHORIZATION, format!("Bearer {access}"))
            .header(http::header::ACCEPT, "application/json")
            .body(Vec::new())?;
        let answer = send(self.client.clone(), request).await?;
        let status = answer.status();
        ensure!(
            status.is_success(),
            "the provider's userinfo endpoint answered with {status}"
        );
        let Ok(claims) = serde_json::from_slice(answer.body()) else {
            bail!("the provider's userinfo endpoint sent something unreadable");
        };
        let claims = Claims::of(claims);
        ensure!(
            claims.text("sub") == Some(subject),
            "the provider's userinfo endpoint spoke of someone else"
        );
        Ok(claims)
    }

    /// Where the browser signs out at the provider, with what the provider needs to know for that.
    fn sign_out_at(&self, endpoint: &str, token: &str) -> Option<String> {
        let back = self.signed_out_redirect();
        let url = url::Url::parse(endpoint).ok();
        let mut url = url.filter(|url| matches!(url.scheme(), "http" | "https"))?;
        url.query_pairs_mut()
            .append_pair("client_id", self.client_id())
            .append_pair("post_logout_redirect_uri", &back);
        // The longest URL that servers commonly accept. The token is only a hint.
        if url.as_str().len() + token.len() < 8000 {
            url.query_pairs_mut().append_pair("id_token_hint", token);
        }
        Some(url.to_string()).filter(|url| url.len() < 8100)
    }

    fn id(&self) -> ClientId {
        ClientId::new(self.provider.client_id.clone())
    }

    fn secret(&self) -> Option<ClientSecret> {
        self.provider.client_secret.clone().map(ClientSecret::new)
    }
}

/// Everything in an ID token that was checked.
fn claims_of(token: &CoreIdToken) -> anyhow::Result<Claims> {
    let token = token.to_string();
    let payload = token
        .split('.')
        .nth(1)
        .context("an ID token has no claims")?;
    let payload = URL_SAFE_NO_PAD.decode(payload)?;
    Ok(Claims::of(serde_json::from_slice(&payload)?))
}

async fn in_time<T>(step: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    within(STEP, step).await
}

async fn within<T>(
    longest: Duration,
    step: impl Future<Output = anyhow::Result<T>>,
) -> anyhow::Result<T> {
    let outcome = tokio::time::timeout(longest, step).await;
    outcome.unwrap_or_else(|_| {
        let seconds = longest.as_secs();
        Err(anyhow!("the provider took more than {seconds} seconds"))
    })
}

/// Sends a request of the protocol's implementation through the guarded client.
async fn send(client: OutgoingClient, request: HttpRequest) -> Result<HttpResponse, OutgoingError> {
    let failed = |error: &dyn std::fmt::Display| OutgoingError::Failed {
        host: "the provider".to_owned(),
        reason: error.to_string(),
    };
    let request = reqwest::Request::try_from(request).map_err(|error| failed(&error))?;
    let answer = client.send(request).await?;
    let mut response = http::Response::new(answer.body);
    *response.status_mut() = answer.status;
    *response.headers_mut() = answer.headers;
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn slow_provider_is_given_up() {
        let never = std::future::pending::<anyhow::Result<()>>();
        let reason = within(Duration::ZERO, never).await.unwrap_err();
        assert_eq!(reason.to_string(), "the provider took more than 0 seconds");
    }
}
