//! How often a sign-in may be tried: per address of the account, and per network it comes from.

use std::{net::IpAddr, num::NonZeroU32, time::Duration};

use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter, clock::Clock};

use super::error::{Problem, Result};

/// Ten tries in three minutes, and then one every eighteen seconds.
const BURST: NonZeroU32 = NonZeroU32::new(10).unwrap(); // ten is not zero, and the compiler checks it
const EVERY: Duration = Duration::from_secs(18);

/// Who has tried lately.
pub struct SignInLimits {
    pairs: DefaultKeyedRateLimiter<(String, Option<IpAddr>)>,
    networks: DefaultKeyedRateLimiter<Option<IpAddr>>,
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
    pub fn count(&self, email: &str, from: Option<IpAddr>) -> Result<()> {
        let clock = governor::clock::DefaultClock::default();
        let wait =
            self.networks.check_key(&from).and_then(|()| self.pairs.check_key(&(email.trim().to_lowercase(), from)));
        // Forgotten keys would fill the memory.
        if self.pairs.len() > 10_000 {
            self.pairs.retain_recent();
            self.networks.retain_recent();
        }
        wait.map_err(|not_until| Problem::TooMany {
            retry_after_seconds: not_until.wait_time_from(clock.now()).as_secs() + 1,
        })
    }
}
