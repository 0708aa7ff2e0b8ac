//! Secrets of session cookies, API tokens and one-time links. The database stores only their
//! SHA-256.

use anyhow::Context;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use sha2::{Digest, Sha256};

/// Returns 256 random bits, as text for a URL or a cookie.
pub(crate) fn new_secret() -> anyhow::Result<String> {
    let mut bits = [0; 32];
    getrandom::fill(&mut bits).context("system random number generator failed")?;
    Ok(URL_SAFE_NO_PAD.encode(bits))
}

/// The digest that is stored instead of the secret.
pub(crate) fn digest(secret: &str) -> Vec<u8> {
    Sha256::digest(secret.as_bytes()).to_vec()
}

/// The digest of a session's secret. Behind a proxy that says who its user is, the session belongs to that user: with
/// another one the same cookie is no session.
pub(crate) fn session_digest(secret: &str, proxy_user: Option<&str>) -> Vec<u8> {
    match proxy_user {
        None => digest(secret),
        // no secret contains a line break
        Some(user) => digest(&format!("{secret}\n{}", user.to_lowercase())),
    }
}
