//! How often things may be tried: a sign-in, a secret that may be guessed, a write.

use std::{
    collections::{HashMap, hash_map::Entry},
    num::NonZeroU32,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use governor::{
    DefaultKeyedRateLimiter, NotUntil, Quota, RateLimiter,
    clock::{Clock, DefaultClock},
};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::{
    domain::error::{Problem, Result},
    http::middleware::client_ip::ClientIp,
};

/// Ten tries in three minutes, and then one every eighteen seconds.
const BURST: NonZeroU32 = NonZeroU32::new(10).unwrap(); // ten is not zero, and the compiler checks it
const EVERY: Duration = Duration::from_secs(18);

/// Wrong or ended cookies and tokens from one network: a crowd behind one address may have that many after a night.
const STRANGERS: NonZeroU32 = NonZeroU32::new(600).unwrap(); // as above

/// What no person and no sensible script does by one account; a program that has gone wild reaches it in minutes.
const WRITES: NonZeroU32 = NonZeroU32::new(120_000).unwrap(); // as above
const WRITES_A_SECOND: NonZeroU32 = NonZeroU32::new(100).unwrap(); // as above

/// Who has tried to sign in lately.
pub struct SignInLimits {
    /// By the digest of an address: who writes a megabyte there fills no memory.
    pairs: DefaultKeyedRateLimiter<([u8; 32], ClientIp)>,
    networks: DefaultKeyedRateLimiter<ClientIp>,
    /// Whose tries past the limit were written down lately.
    noted: DefaultKeyedRateLimiter<ClientIp>,
}

/// How often tries past the limit are written down: the first of a quarter of an hour stands for all.
const NOTED_EVERY: Duration = Duration::from_secs(900);

impl Default for SignInLimits {
    fn default() -> Self {
        let quota = Quota::with_period(EVERY)
            .unwrap_or(Quota::per_minute(BURST))
            .allow_burst(BURST);
        // Many people may share a network.
        let many = Quota::per_minute(BURST.saturating_mul(BURST));
        let once = Quota::with_period(NOTED_EVERY)
            .unwrap_or(quota)
            .allow_burst(NonZeroU32::MIN);
        Self {
            pairs: RateLimiter::keyed(quota),
            networks: RateLimiter::keyed(many),
            noted: RateLimiter::keyed(once),
        }
    }
}

impl SignInLimits {
    /// Counts a try. The account's owner, coming from elsewhere, is not kept out by a stranger's tries.
    pub fn count(&self, email: &str, from: ClientIp) -> Result<()> {
        let from = from.counted();
        let email = Sha256::digest(email.trim().to_lowercase()).into();
        let outcome = self
            .networks
            .check_key(&from)
            .and_then(|()| self.pairs.check_key(&(email, from)));
        // Forgotten keys would fill the memory.
        if self.pairs.len().max(self.networks.len()) > 10_000 {
            self.pairs.retain_recent();
            self.networks.retain_recent();
            self.noted.retain_recent();
        }
        outcome.map_err(too_many)
    }

    /// Whether a refused try is to be written down, or one like it just was.
    pub fn is_news(&self, from: ClientIp) -> bool {
        self.noted.check_key(&from.counted()).is_ok()
    }
}

/// Who has asked for much lately. What is only read is not counted: it costs less than counting saves.
pub struct RequestLimits {
    writes: DefaultKeyedRateLimiter<Uuid>,
    strangers: DefaultKeyedRateLimiter<ClientIp>,
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
    pub fn count_wrong_secret(&self, from: ClientIp) -> Result<()> {
        let outcome = self.strangers.check_key(&from.counted());
        if self.strangers.len() > 10_000 {
            self.strangers.retain_recent();
        }
        outcome.map_err(too_many)
    }
}

/// Streams that guests of one network may have open: who has no account is known by nothing else, and there is an end to
/// how many can be open here.
const STREAMS_OF_GUESTS: usize = 200;

/// And those of one account, by all its sessions and tokens: a tenth of what there is room for.
const STREAMS_OF_ACCOUNT: usize = 2_000;

/// Who has streams open: an account, or the guests of a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StreamOwner {
    Account(Uuid),
    Guests(ClientIp),
}

/// How many streams each has open here.
#[derive(Clone, Default)]
pub struct StreamLimiter(Arc<Mutex<HashMap<StreamOwner, usize>>>);

/// A place for a stream, for as long as it is held.
pub struct StreamPermit {
    crowd: StreamLimiter,
    whose: StreamOwner,
}

impl StreamLimiter {
    /// Takes a place, until it is dropped.
    pub fn enter(&self, whose: StreamOwner) -> Result<StreamPermit> {
        let (whose, most) = match whose {
            StreamOwner::Account(_) => (whose, STREAMS_OF_ACCOUNT),
            StreamOwner::Guests(from) => (StreamOwner::Guests(from.counted()), STREAMS_OF_GUESTS),
        };
        let mut here = self.here();
        let count = here.entry(whose).or_default();
        if *count >= most {
            return Err(Problem::TooMany {
                retry_after_seconds: 60,
            });
        }
        *count += 1;
        Ok(StreamPermit {
            crowd: self.clone(),
            whose,
        })
    }

    fn here(&self) -> MutexGuard<'_, HashMap<StreamOwner, usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for StreamPermit {
    fn drop(&mut self) {
        let mut here = self.crowd.here();
        if let Entry::Occupied(mut count) = here.entry(self.whose) {
            *count.get_mut() -= 1;
            if *count.get() == 0 {
                count.remove();
            }
        }
    }
}

fn too_many(not_until: NotUntil<<DefaultClock as Clock>::Instant>) -> Problem {
    let wait = not_until.wait_time_from(DefaultClock::default().now());
    Problem::TooMany {
        retry_after_seconds: wait.as_secs() + 1,
    }
}
