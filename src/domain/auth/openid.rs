//! Sign-in through an OpenID provider: the authorization code flow with PKCE, state and nonce. All requests to the
//! provider are sent by the guarded client, also those to addresses that its discovery document names.

use anyhow::{Context, anyhow, ensure};
use chrono::{DateTime, Utc};
use openidconnect::{
    AuthorizationCode, ClientId, ClientSecret, CsrfToken, HttpRequest, HttpResponse, IssuerUrl,
    Nonce, PkceCodeChallenge, PkceCodeVerifier, RedirectUrl, RequestTokenError, Scope,
    TokenResponse,
    core::{
        CoreAuthenticationFlow, CoreClient, CoreJwsSigningAlgorithm, CoreProviderMetadata,
        CoreTokenResponse,
    },
    http,
};
use time::OffsetDateTime;

use crate::{
    config::openid::OpenIdProvider,
    domain::outbound::{OutgoingClient, OutgoingError},
};

/// How far the provider's clock may be from ours, in seconds.
const CLOCK_SKEW: i64 = 60;

/// The provider, and the way to it.
#[derive(Clone)]
pub struct OpenId {
    provider: OpenIdProvider,
    client: OutgoingClient,
    redirect: String,
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
    /// Only one that the provider has verified.
    pub(crate) email: Option<String>,
    pub(crate) name: Option<String>,
}

impl OpenId {
    /// Sign-in through a provider, for the installation with this public address.
    pub(crate) fn new(provider: OpenIdProvider, client: OutgoingClient, public_url: &str) -> Self {
        Self {
            provider,
            client,
            redirect: format!("{public_url}/login/openid/callback"),
        }
    }

    /// The provider.
    pub(crate) fn provider(&self) -> &OpenIdProvider {
        &self.provider
    }

    /// Where the provider sends browsers back to, as it has to be registered there.
    pub(crate) fn redirect(&self) -> &str {
        &self.redirect
    }

    /// Reads the provider's discovery document and keys. An issuer differs from what people type most often by a slash
    /// at its end, so that is tried both ways; what the document says has to match exactly.
    pub(crate) async fn discover(&self) -> anyhow::Result<CoreProviderMetadata> {
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

    async fn discover_as(&self, issuer: &str) -> anyhow::Result<CoreProviderMetadata> {
        let http = |request| send(self.client.clone(), request);
        let url = IssuerUrl::new(issuer.to_owned())?;
        CoreProviderMetadata::discover_async(url, &http)
            .await
            .with_context(|| format!("cannot use the provider {issuer}"))
    }

    /// Starts a sign-in.
    pub(crate) async fn start(&self) -> anyhow::Result<Started> {
        let metadata = self.discover().await?;
        let client = CoreClient::from_provider_metadata(metadata, self.id(), self.secret())
            .set_redirect_uri(RedirectUrl::new(self.redirect.clone())?);
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let (url, state, nonce) = client
            .authorize_url(
                CoreAuthenticationFlow::AuthorizationCode,
                CsrfToken::new_random,
                Nonce::new_random,
            )
            .add_scope(Scope::new("email".to_owned()))
            .add_scope(Scope::new("profile".to_owned()))
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
    /// times.
    pub(crate) async fn finish(
        &self,
        now: OffsetDateTime,
        code: &str,
        nonce: &str,
        verifier: &str,
    ) -> anyhow::Result<Identity> {
        let metadata = self.discover().await?;
        let issuer = metadata.issuer().as_str().to_owned();
        let client = CoreClient::from_provider_metadata(metadata, self.id(), self.secret())
            .set_redirect_uri(RedirectUrl::new(self.redirect.clone())?);
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
        let is_verified = claims.email_verified() == Some(true);
        let email = claims.email().filter(|_| is_verified);
        let name = claims.name().and_then(|name| name.get(None));
        Ok(Identity {
            issuer,
            subject: subject.to_owned(),
            email: email.map(|email| email.trim().to_owned()),
            name: name.map(|name| name.trim().to_owned()),
        })
    }

    fn id(&self) -> ClientId {
        ClientId::new(self.provider.client_id.clone())
    }

    fn secret(&self) -> Option<ClientSecret> {
        self.provider.client_secret.clone().map(ClientSecret::new)
    }
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
