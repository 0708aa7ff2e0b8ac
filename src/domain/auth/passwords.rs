//! Passwords: hashed with argon2id, outside of the async threads, a few at a time.

use std::{
    sync::{Arc, LazyLock},
    time::Duration,
};

use anyhow::Context;
use argon2::{
    Algorithm, Argon2, Params, PasswordHasher, PasswordVerifier, Version,
    password_hash::phc::PasswordHash,
};
use tokio::sync::Semaphore;

use crate::domain::error::{Problem, Result};

/// Shorter passwords can be guessed; longer ones cost time without adding security.
pub(crate) const LENGTH: std::ops::RangeInclusive<usize> = 10..=200;

/// Each hash takes 19 MiB; without a limit, anonymous requests could exhaust the memory.
static SLOTS: LazyLock<HashingSlots> = LazyLock::new(|| HashingSlots {
    free: Arc::new(Semaphore::new(4)),
    longest: LONGEST_WAIT,
});

/// Requests that wait longer for a slot are refused as busy.
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// The hash that passwords of unknown addresses are checked against, so that the response takes as
/// long as for known ones.
static DUMMY_HASH: LazyLock<String> =
    LazyLock::new(|| hash_now("no account has this password").unwrap_or_default());

/// Hashes a new password, or returns what is wrong with it.
pub async fn hash(password: String) -> Result<String> {
    if !LENGTH.contains(&password.chars().count()) {
        return Err(Problem::field(
            "password",
            "A password must have 10 to 200 characters.",
        ));
    }
    Ok(SLOTS.take(move || hash_now(&password)).await??)
}

/// Whether the password matches the hash. Without a hash it takes the same time and returns false.
pub(crate) async fn verify(password: String, hash: Option<String>) -> Result<bool> {
    let known = hash.is_some();
    let matches = SLOTS
        .take(move || {
            // Computed by the first request, whether its address is known or not.
            let dummy_hash = DUMMY_HASH.clone();
            let hash = hash.unwrap_or(dummy_hash);
            PasswordHash::new(&hash).is_ok_and(|hash| {
                argon2()
                    .is_ok_and(|argon2| argon2.verify_password(password.as_bytes(), &hash).is_ok())
            })
        })
        .await?;
    Ok(matches && known)
}

/// Limits how many hashes run at once.
struct HashingSlots {
    free: Arc<Semaphore>,
    longest: Duration,
}

impl HashingSlots {
    async fn take<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T> {
        let turn = tokio::time::timeout(self.longest, Arc::clone(&self.free).acquire_owned());
        let turn = turn
            .await
            .map_err(|_| Problem::Busy)?
            .context("password hashing queue closed")?;
        let done = tokio::task::spawn_blocking(move || {
            // The running task holds the slot, because it continues even if the request is
            // cancelled.
            let _turn = turn;
            work()
        });
        Ok(done.await.context("password hashing task failed")?)
    }
}

fn hash_now(password: &str) -> anyhow::Result<String> {
    Ok(argon2()?
        .hash_password(password.as_bytes())
        .map_err(|error| anyhow::anyhow!("password hashing failed: {error}"))?
        .to_string())
}

fn argon2() -> anyhow::Result<Argon2<'static>> {
    // OWASP's first choice for argon2id: 19 MiB, two passes, one lane.
    let params =
        Params::new(19_456, 2, 1, None).map_err(|error| anyhow::anyhow!("argon2: {error}"))?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[tokio::test]
    async fn requests_beyond_the_hashing_queue_are_refused() {
        let turns = HashingSlots {
            free: Arc::new(Semaphore::new(2)),
            longest: Duration::from_millis(50),
        };
        let (end, ended) = mpsc::channel::<()>();
        let ended = Arc::new(std::sync::Mutex::new(ended));
        let mut working = Vec::new();
        for _ in 0..2 {
            let ended = Arc::clone(&ended);
            working.push(Box::pin(
                turns.take(move || ended.lock().unwrap().recv().is_err()),
            ));
        }
        for work in &mut working {
            // It has started and not finished.
            assert!(futures_util::poll!(work.as_mut()).is_pending());
        }
        // The request is cancelled, but its hash keeps running.
        drop(working);
        assert!(matches!(turns.take(|| ()).await, Err(Problem::Busy)));
        drop(end);
        assert!(
            HashingSlots {
                longest: Duration::from_secs(30),
                ..turns
            }
            .take(|| true)
            .await
            .unwrap()
        );
    }

    #[tokio::test]
    async fn at_most_four_passwords_are_hashed_at_once() {
        let known = hash("correct horse battery".to_owned()).await.unwrap();
        let all = SLOTS.free.acquire_many(4).await.unwrap();
        assert!(SLOTS.free.try_acquire().is_err(), "there is no fifth turn");
        drop(all);
        // Each of the two takes one slot while it runs.
        let right = "correct horse battery".to_owned();
        let works: [std::pin::Pin<Box<dyn Future<Output = bool>>>; 2] = [
            Box::pin(async { hash("another long one".to_owned()).await.is_ok() }),
            Box::pin(async {
                verify(right, Some(known))
                    .await
                    .is_ok_and(|is_right| is_right)
            }),
        ];
        for mut work in works {
            let others = SLOTS.free.acquire_many(3).await.unwrap();
            assert!(futures_util::poll!(work.as_mut()).is_pending());
            assert!(SLOTS.free.try_acquire().is_err(), "the work has the fourth");
            drop(others);
            assert!(work.await);
        }
    }

    /// Case 30.
    #[tokio::test]
    async fn unknown_address_costs_as_much_as_a_known_one() {
        let known = hash("correct horse battery".to_owned()).await.unwrap();
        assert!(
            verify("correct horse battery".to_owned(), Some(known.clone()))
                .await
                .unwrap()
        );
        assert!(
            !verify("no account has this password".to_owned(), None)
                .await
                .unwrap()
        );
        // Both cost the same.
        let cost = |hash: &str| {
            hash.split('$')
                .take(4)
                .map(str::to_owned)
                .collect::<Vec<_>>()
        };
        assert_eq!(cost(&known), cost(&DUMMY_HASH));
        assert_eq!(cost(&known)[1..], ["argon2id", "v=19", "m=19456,t=2,p=1"]);
    }
}
