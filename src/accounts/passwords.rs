//! Passwords: argon2id, off the async threads, a few at a time.

use std::sync::{Arc, LazyLock};

use anyhow::Context;
use argon2::{Algorithm, Argon2, Params, PasswordHasher, PasswordVerifier, Version, password_hash::phc::PasswordHash};
use tokio::sync::Semaphore;

use crate::web::error::{Problem, Result};

/// Shorter ones are guessed; longer ones cost the server without protecting anybody.
pub const LENGTH: std::ops::RangeInclusive<usize> = 10..=200;

/// Each takes 19 MiB while it runs: more at once would let strangers fill the memory.
static AT_ONCE: LazyLock<Arc<Semaphore>> = LazyLock::new(|| Arc::new(Semaphore::new(4)));

/// What an unknown address is checked against, so that it takes as long as a known one.
static NOBODYS: LazyLock<String> = LazyLock::new(|| hash_now("nobody has this password").unwrap_or_default());

/// Hashes a new password, or says what is wrong with it.
pub async fn hash(password: String) -> Result<String> {
    if !LENGTH.contains(&password.chars().count()) {
        return Err(Problem::field("password", "A password has 10 to 200 characters."));
    }
    Ok(blocking(move || hash_now(&password)).await??)
}

/// Whether the password is the one that was hashed. Without a hash it takes the same time and is wrong.
pub async fn verify(password: String, hash: Option<String>) -> Result<bool> {
    let known = hash.is_some();
    let matches = blocking(move || {
        let hash = hash.unwrap_or_else(|| NOBODYS.clone());
        PasswordHash::new(&hash)
            .is_ok_and(|hash| argon2().is_ok_and(|argon2| argon2.verify_password(password.as_bytes(), &hash).is_ok()))
    })
    .await?;
    Ok(matches && known)
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> anyhow::Result<T> {
    let _turn = AT_ONCE.clone().acquire_owned().await.context("no turn for hashing")?;
    tokio::task::spawn_blocking(work).await.context("hashing did not end")
}

fn hash_now(password: &str) -> anyhow::Result<String> {
    Ok(argon2()?.hash_password(password.as_bytes()).map_err(|error| anyhow::anyhow!("hashing: {error}"))?.to_string())
}

fn argon2() -> anyhow::Result<Argon2<'static>> {
    // OWASP's first choice for argon2id: 19 MiB, two passes, one lane.
    let params = Params::new(19_456, 2, 1, None).map_err(|error| anyhow::anyhow!("argon2: {error}"))?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}
