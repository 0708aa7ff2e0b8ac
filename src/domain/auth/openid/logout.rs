//! Sign-out at the provider, which tells this server with a signed token (OpenID Connect Back-Channel Logout 1.0).

use anyhow::{Context, bail, ensure};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use openidconnect::{
    JsonWebKey,
    core::{CoreJsonWebKey, CoreJwsSigningAlgorithm},
};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Map, Value};
use time::OffsetDateTime;

use crate::domain::auth::openid::provider::{CLOCK_SKEW, OpenId};

/// The event that a logout token is about.
const EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";

/// A token without an end is too old after this many seconds.
const LONGEST_AGE: i64 = 120;

/// Whose sessions to end: those of one session at the provider, or all of a person.
#[derive(Debug)]
pub(crate) struct SignedOut {
    pub(crate) issuer: String,
    pub(crate) subject: Option<String>,
    pub(crate) sid: Option<String>,
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
}

/// The audience: one, or several.
#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Several(Vec<String>),
}

#[derive(Deserialize)]
struct LogoutClaims {
    iss: String,
    aud: Audience,
    iat: i64,
    exp: Option<i64>,
    events: Map<String, Value>,
    sub: Option<String>,
    sid: Option<String>,
    nonce: Option<Value>,
}

impl OpenId {
    /// Checks a logout token: signature, issuer, audience, times and purpose.
    pub(crate) async fn signed_out(
        &self,
        now: OffsetDateTime,
        token: &str,
    ) -> anyhow::Result<SignedOut> {
        let mut parts = token.split('.');
        let (Some(header), Some(claims), Some(signature), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            bail!("the logout token does not have three parts");
        };
        let signed = &token[..header.len() + 1 + claims.len()];
        let signature = URL_SAFE_NO_PAD.decode(signature)?;
        let (header, claims): (Header, LogoutClaims) = (part(header)?, part(claims)?);
        let metadata = self.recent(now).await?;
        let keys = metadata.jwks().keys();
        ensure!(
            is_signed(keys, &header, signed.as_bytes(), &signature),
            "the logout token is not signed by the provider"
        );
        check(&claims, metadata.issuer().as_str(), self.client_id(), now)?;
        Ok(SignedOut {
            issuer: claims.iss,
            subject: claims.sub,
            sid: claims.sid,
        })
    }
}

fn part<T: DeserializeOwned>(text: &str) -> anyhow::Result<T> {
    let bytes = URL_SAFE_NO_PAD.decode(text)?;
    serde_json::from_slice(&bytes).context("the logout token cannot be read")
}

fn is_signed(keys: &[CoreJsonWebKey], header: &Header, signed: &[u8], signature: &[u8]) -> bool {
    let algorithm = match header.alg.as_str() {
        "RS256" => CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256,
        "ES256" => CoreJwsSigningAlgorithm::EcdsaP256Sha256,
        _ => return false,
    };
    let is_named = |key: &&CoreJsonWebKey| match (&header.kid, key.key_id()) {
        (Some(wanted), Some(id)) => id.as_str() == wanted,
        (Some(_), None) => false,
        (None, _) => true,
    };
    let mut named = keys.iter().filter(is_named);
    named.any(|key| key.verify_signature(&algorithm, signed, signature).is_ok())
}

fn check(
    claims: &LogoutClaims,
    issuer: &str,
    client: &str,
    now: OffsetDateTime,
) -> anyhow::Result<()> {
    let now = now.unix_timestamp();
    ensure!(
        claims.iss == issuer,
        "the logout token is of another issuer"
    );
    let is_for_us = match &claims.aud {
        Audience::One(one) => one == client,
        Audience::Several(several) => several.iter().any(|one| one == client),
    };
    ensure!(is_for_us, "the logout token is for another client");
    ensure!(
        claims.iat <= now + CLOCK_SKEW,
        "the logout token was issued in the future"
    );
    let ends = claims
        .exp
        .unwrap_or_else(|| claims.iat.saturating_add(LONGEST_AGE));
    ensure!(
        ends.saturating_add(CLOCK_SKEW) > now,
        "the logout token has expired"
    );
    // An ID token would have a nonce, and must not end sessions.
    ensure!(
        claims.nonce.is_none() && claims.events.contains_key(EVENT),
        "the token is no logout token"
    );
    ensure!(
        claims.sub.is_some() || claims.sid.is_some(),
        "the logout token names no one"
    );
    Ok(())
}
