//! How often things may be tried: a sign-in, a secret that may be guessed, a write.

use std::{num::NonZeroU32, time::Duration};

use governor::{
    DefaultKeyedRateLimiter, NotUntil, Quota, RateLimiter,
    clock::{Clock, DefaultClock},
};
use uuid::Uuid;

use super::{
    error::{Problem, Result},
    network::Network,
};

/// Ten tries in three minutes, and then one every eighteen seconds.
const BURST: NonZeroU32 = NonZeroU32::new(10).unwrap(); // ten is not zero, and the compiler checks it
const EVERY: Duration = Duration::from_secs(18);

/// Wrong or ended cookies and tokens from one network: a crowd behind one address may have that many after a night.
const STRANGERS: NonZeroU32 = NonZeroU32::new(600).unwrap();

/// What no person and no sensible script does by one account; a program that has gone wild reaches it in a minute.
const WRITES: NonZeroU32 = NonZeroU32::new(12_000).unwrap();
const WRITES_A_SECOND: NonZeroU32 = NonZeroU32::new(20).unwrap();

/// Who has tried to sign in lately.
pub struct SignInLimits {
    pairs: DefaultKeyedRateLimiter<(String, Network)>,
    networks: DefaultKeyedRateLimiter<Network>,
}

impl Default for SignInLimits {
    fn default() -> Self {
        let quota = Quota::with_period(EVERY).unwrap_or(Quota::per_minute(BURST)).allow_burst(BURST);
        // Many people may share a network.
        let many = Quota::per_minute(BURST.saturating_mul(BURST));
        Self { pairs: RateLimiter::keyed(quota), networks: RateLimiter::keyed(many) }
    }
}

impl SignInLimits {
    /// Counts a try. The account's owner, coming from elsewhere, is not kept out by a stranger's tries.
    pub fn count(&self, email: &str, from: Network) -> Result<()> {
        let from = from.counted();
        let email = email.trim().to_lowercase();
        let outcome = self.networks.check_key(&from).and_then(|()| self.pairs.check_key(&(email, from)));
        // Forgotten keys would fill the memory.
        if self.pairs.len() > 10_000 {
            self.pairs.retain_recent();
            self.networks.retain_recent();
        }
        outcome.map_err(too_many)
    }
}

/// Who has asked for much lately. What is only read is not counted: it costs less than counting saves.
pub struct RequestLimits {
    writes: DefaultKeyedRateLimiter<Uuid>,
    strangers: DefaultKeyedRateLimiter<Network>,
}

impl Default for RequestLimits {
    fn default() -> Self {
        Self {
            writes: RateLimiter::keyed(Quota::per_second(WRITES_A_SECOND).allow_burst(WRITES)),
            strangers: RateLimiter::keyed(Quota::per_minute(STRANGERS)),
        }
    }
}

impl RequestLimits {
    /// Counts a write of an account's, whichever of its sessions and tokens it came by.
    pub fn count_write(&self, account: Uuid) -> Result<()> {
        self.writes.check_key(&account).map_err(too_many)
    }

    /// Counts a cookie or token that nobody has.
    pub fn count_wrong_secret(&self, from: Network) -> Result<()> {
        let outcome = self.strangers.check_key(&from.counted());
        if self.strangers.len() > 10_000 {
            self.strangers.retain_recent();
        }
        outcome.map_err(too_many)
    }
}

fn too_many(not_until: NotUntil<<DefaultClock as Clock>::Instant>) -> Problem {
    let wait = not_until.wait_time_from(DefaultClock::default().now());
    Problem::TooMany { retry_after_seconds: wait.as_secs() + 1 }
}
