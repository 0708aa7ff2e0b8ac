//! Passwords: argon2id, off the async threads, a few at a time.

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

/// Shorter ones are guessed; longer ones cost the server without protecting anybody.
pub const LENGTH: std::ops::RangeInclusive<usize> = 10..=200;

/// Each takes 19 MiB while it runs: more at once would let strangers fill the memory.
static TURNS: LazyLock<HashingSlots> = LazyLock::new(|| HashingSlots {
    free: Arc::new(Semaphore::new(4)),
    longest: LONGEST_WAIT,
});

/// Whoever waits longer for a turn is told to come again.
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// What an unknown address is checked against, so that it takes as long as a known one.
static NOBODYS: LazyLock<String> =
    LazyLock::new(|| hash_now("nobody has this password").unwrap_or_default());

/// Hashes a new password, or says what is wrong with it.
pub async fn hash(password: String) -> Result<String> {
    if !LENGTH.contains(&password.chars().count()) {
        return Err(Problem::field(
            "password",
            "A password has 10 to 200 characters.",
        ));
    }
    Ok(TURNS.take(move || hash_now(&password)).await??)
}

/// Whether the password is the one that was hashed. Without a hash it takes the same time and is wrong.
pub async fn verify(password: String, hash: Option<String>) -> Result<bool> {
    let known = hash.is_some();
    let matches = TURNS
        .take(move || {
            // Made by whoever comes first, known or not.
            let nobodys = NOBODYS.clone();
            let hash = hash.unwrap_or(nobodys);
            PasswordHash::new(&hash).is_ok_and(|hash| {
                argon2()
                    .is_ok_and(|argon2| argon2.verify_password(password.as_bytes(), &hash).is_ok())
            })
        })
        .await?;
    Ok(matches && known)
}

/// So many at once, and no more.
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
            .context("no turn for hashing")?;
        let done = tokio::task::spawn_blocking(move || {
            // The work holds it: whoever asked may go away, and the work goes on.
            let _turn = turn;
            work()
        });
        Ok(done.await.context("hashing did not end")?)
    }
}

fn hash_now(password: &str) -> anyhow::Result<String> {
    Ok(argon2()?
        .hash_password(password.as_bytes())
        .map_err(|error| anyhow::anyhow!("hashing: {error}"))?
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
    async fn past_so_many_at_once_one_is_told_to_come_again() {
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
            // it begins, and does not end
            assert!(futures_util::poll!(work.as_mut()).is_pending());
        }
        // Whoever asked goes away, and what they asked for still runs.
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
    async fn four_passwords_are_hashed_or_checked_at_once_and_no_more() {
        let known = hash("correct horse battery".to_owned()).await.unwrap();
        let all = TURNS.free.acquire_many(4).await.unwrap();
        assert!(TURNS.free.try_acquire().is_err(), "there is no fifth turn");
        drop(all);
        // each of the two takes one while it works
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
            let others = TURNS.free.acquire_many(3).await.unwrap();
            assert!(futures_util::poll!(work.as_mut()).is_pending());
            assert!(TURNS.free.try_acquire().is_err(), "the work has the fourth");
            drop(others);
            assert!(work.await);
        }
    }

    /// Case 30.
    #[tokio::test]
    async fn an_unknown_address_is_checked_against_a_hash_like_a_known_one() {
        let known = hash("correct horse battery".to_owned()).await.unwrap();
        assert!(
            verify("correct horse battery".to_owned(), Some(known.clone()))
                .await
                .unwrap()
        );
        assert!(
            !verify("nobody has this password".to_owned(), None)
                .await
                .unwrap()
        );
        // the same work for both
        let cost = |hash: &str| {
            hash.split('$')
                .take(4)
                .map(str::to_owned)
                .collect::<Vec<_>>()
        };
        assert_eq!(cost(&known), cost(&NOBODYS));
        assert_eq!(cost(&known)[1..], ["argon2id", "v=19", "m=19456,t=2,p=1"]);
    }
}
