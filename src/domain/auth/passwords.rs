//! Passwords: hashed with argon2id, outside of the async threads, a few at a time.

use std::{
    sync::{Arc, LazyLock, Mutex, OnceLock, PoisonError},
    time::Duration,
};

use anyhow::Context;
use argon2::{
    Algorithm, Argon2, Block, Params, Version,
    password_hash::phc::{Output, ParamsString, PasswordHash, Salt},
};
use tokio::sync::Semaphore;

use crate::domain::error::{Problem, Result};

/// Shorter passwords can be guessed; longer ones cost time without adding security.
pub(crate) const LENGTH: std::ops::RangeInclusive<usize> = 10..=200;

/// Each hash takes 19 MiB; without a limit, anonymous requests could exhaust the memory.
static SLOTS: LazyLock<HashingSlots> = LazyLock::new(|| HashingSlots {
    free: Arc::new(Semaphore::new(4)),
    longest: LONGEST_WAIT,
    memory: Arc::default(),
});

/// Requests that wait longer for a slot are refused as busy.
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// The hash that passwords of unknown addresses are checked against, so that the response takes as
/// long as for known ones. Computed by the first request, whether its address is known or not.
static DUMMY_HASH: OnceLock<String> = OnceLock::new();

/// Hashes a new password, or returns what is wrong with it.
pub async fn hash(password: String) -> Result<String> {
    if !LENGTH.contains(&password.chars().count()) {
        return Err(Problem::field(
            "password",
            "A password must have 10 to 200 characters.",
        ));
    }
    Ok(SLOTS
        .take(move |memory| hash_now(&password, memory))
        .await??)
}

/// Whether this is a hash as `hash` makes it now. One of another cost could take any time and memory to verify.
pub(crate) fn is_current_hash(hash: &str) -> bool {
    let (Ok(hash), Ok(cost)) = (PasswordHash::new(hash), cost()) else {
        return false;
    };
    hash.algorithm == Algorithm::Argon2id.ident()
        && hash.version == Some(Version::V0x13.into())
        && ParamsString::try_from(&cost).is_ok_and(|params| hash.params == params)
        && hash.salt.is_some()
        && hash.hash.is_some()
}

/// Whether the password matches the hash. Without a hash it takes the same time and returns false.
pub(crate) async fn verify(password: String, hash: Option<String>) -> Result<bool> {
    let known = hash.is_some();
    let matches = SLOTS
        .take(move |memory| {
            let dummy_hash = DUMMY_HASH.get_or_init(|| {
                hash_now("no account has this password", memory).unwrap_or_default()
            });
            matches(&password, hash.as_ref().unwrap_or(dummy_hash), memory)
        })
        .await?;
    Ok(matches && known)
}

/// Limits how many hashes run at once, and reuses their memory: given back after each hash, it fragmented the heaps of
/// as many threads as there had been.
struct HashingSlots {
    free: Arc<Semaphore>,
    longest: Duration,
    memory: Arc<Mutex<Vec<Vec<Block>>>>,
}

impl HashingSlots {
    async fn take<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Vec<Block>) -> T + Send + 'static,
    ) -> Result<T> {
        let turn = tokio::time::timeout(self.longest, Arc::clone(&self.free).acquire_owned());
        let turn = turn
            .await
            .map_err(|_| Problem::Busy)?
            .context("password hashing queue closed")?;
        let unused = Arc::clone(&self.memory);
        let done = tokio::task::spawn_blocking(move || {
            let lock = || unused.lock().unwrap_or_else(PoisonError::into_inner);
            let mut memory = lock().pop().unwrap_or_default();
            let done = work(&mut memory);
            lock().push(memory);
            // The running task holds the slot, because it continues even if the request is
            // cancelled.
            drop(turn);
            done
        });
        Ok(done.await.context("password hashing task failed")?)
    }
}

/// The cost of new hashes: OWASP's first choice for argon2id, 19 MiB, two passes, one lane.
fn cost() -> anyhow::Result<Params> {
    Params::new(19_456, 2, 1, None).map_err(|error| anyhow::anyhow!("argon2: {error}"))
}

fn hash_now(password: &str, memory: &mut Vec<Block>) -> anyhow::Result<String> {
    let mut salt = [0; 16];
    getrandom::fill(&mut salt).context("system random number generator failed")?;
    let (params, algorithm, version) = (cost()?, Algorithm::Argon2id, Version::V0x13);
    let failed = |error| anyhow::anyhow!("password hashing failed: {error}");
    let hash = PasswordHash {
        algorithm: algorithm.ident(),
        version: Some(version.into()),
        params: ParamsString::try_from(&params).map_err(|error| anyhow::anyhow!("{error}"))?,
        salt: Some(Salt::new(&salt).map_err(|error| anyhow::anyhow!("{error}"))?),
        hash: Some(
            digest(
                &Argon2::new(algorithm, version, params),
                password,
                &salt,
                memory,
            )
            .map_err(failed)?,
        ),
    };
    Ok(hash.to_string())
}

fn matches(password: &str, hash: &str, memory: &mut Vec<Block>) -> bool {
    let Ok(hash) = PasswordHash::new(hash) else {
        return false;
    };
    let (Some(salt), Some(expected)) = (&hash.salt, &hash.hash) else {
        return false;
    };
    let algorithm = Algorithm::try_from(hash.algorithm.as_str());
    let version = Version::try_from(hash.version.unwrap_or_default());
    let params = Params::try_from(&hash);
    let (Ok(algorithm), Ok(version), Ok(params)) = (algorithm, version, params) else {
        return false;
    };
    // Outputs are compared in constant time.
    digest(
        &Argon2::new(algorithm, version, params),
        password,
        salt,
        memory,
    )
    .is_ok_and(|digest| digest == *expected)
}

fn digest(
    argon2: &Argon2<'_>,
    password: &str,
    salt: &[u8],
    memory: &mut Vec<Block>,
) -> Result<Output, argon2::Error> {
    memory.resize(argon2.params().block_count(), Block::default());
    let mut digest = [0; Params::DEFAULT_OUTPUT_LEN];
    argon2.hash_password_into_with_memory(password.as_bytes(), salt, &mut digest, memory)?;
    Output::new(&digest).map_err(|_| argon2::Error::OutputTooShort)
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
            memory: Arc::default(),
        };
        let (end, ended) = mpsc::channel::<()>();
        let ended = Arc::new(std::sync::Mutex::new(ended));
        let mut working = Vec::new();
        for _ in 0..2 {
            let ended = Arc::clone(&ended);
            working.push(Box::pin(
                turns.take(move |_| ended.lock().unwrap().recv().is_err()),
            ));
        }
        for work in &mut working {
            // It has started and not finished.
            assert!(futures_util::poll!(work.as_mut()).is_pending());
        }
        // The request is cancelled, but its hash keeps running.
        drop(working);
        assert!(matches!(turns.take(|_| ()).await, Err(Problem::Busy)));
        drop(end);
        assert!(
            HashingSlots {
                longest: Duration::from_secs(30),
                ..turns
            }
            .take(|_| true)
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

    /// Case 55.
    #[tokio::test]
    async fn memory_of_hashes_is_reused() {
        let hashes = (0..12).map(|_| hash("correct horse battery".to_owned()));
        let hashes = futures_util::future::join_all(hashes).await;
        let [first, second, ..] = &hashes[..] else {
            unreachable!()
        };
        let (first, second) = (first.as_ref().unwrap(), second.as_ref().unwrap());
        assert_ne!(first, second, "each has its own salt");
        for hash in [first, second] {
            let right = verify("correct horse battery".to_owned(), Some(hash.clone()));
            assert!(right.await.unwrap());
            let wrong = verify("correct horse batterz".to_owned(), Some(hash.clone()));
            assert!(!wrong.await.unwrap());
        }
        assert!(SLOTS.memory.lock().unwrap().len() <= 4);
    }

    /// Hashes of earlier versions, and of other programs, remain valid.
    #[tokio::test]
    async fn known_hash_is_verified() {
        let hash =
            "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4";
        for (password, is_right) in [("password", true), ("passwore", false)] {
            let matches = verify(password.to_owned(), Some(hash.to_owned()));
            assert_eq!(matches.await.unwrap(), is_right);
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
        assert_eq!(cost(&known), cost(DUMMY_HASH.get().unwrap()));
        assert_eq!(cost(&known)[1..], ["argon2id", "v=19", "m=19456,t=2,p=1"]);
    }
}
