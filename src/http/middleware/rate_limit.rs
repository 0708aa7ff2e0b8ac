//! Rate limits for sign-ins, wrong secrets, writes and open streams.

use std::{cell::RefCell, num::NonZeroU32, time::Duration};

use axum::{
    http::{HeaderName, HeaderValue},
    response::Response,
};
use governor::{
    DefaultKeyedRateLimiter, NotUntil, Quota, RateLimiter,
    clock::{Clock, DefaultClock},
    middleware::{StateInformationMiddleware, StateSnapshot},
    state::keyed::DefaultKeyedStateStore,
};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::{
    domain::error::{Problem, Result},
    http::middleware::{
        client_ip::ClientIp,
        in_use::{InUse, Share},
    },
};

/// Ten attempts at once, and then one every eighteen seconds.
const BURST: NonZeroU32 = NonZeroU32::new(10).unwrap(); // ten is not zero, and the compiler checks it
const EVERY: Duration = Duration::from_secs(18);

/// Codes of a second factor: ten at once, and then one in five minutes, from whatever network. Three of a million codes
/// are right at any time, so that guessing one takes years on average.
const CODE_EVERY: Duration = Duration::from_secs(300);

/// Links for a new password that are mailed to one address: three at once, and then one in twenty minutes.
const RESETS: NonZeroU32 = NonZeroU32::new(3).unwrap(); // as above
const RESET_EVERY: Duration = Duration::from_secs(1200);

/// Invalid or expired cookies and tokens from one network: an office behind one address may send
/// that many in the morning.
const WRONG_SECRETS_A_MINUTE: NonZeroU32 = NonZeroU32::new(600).unwrap(); // as above

/// More writes than any person or sensible script makes; a runaway program reaches it in minutes.
const WRITES: NonZeroU32 = NonZeroU32::new(120_000).unwrap(); // as above
const WRITES_A_SECOND: NonZeroU32 = NonZeroU32::new(100).unwrap(); // as above

/// Comments, topics and the like of one account: more than anyone writes by hand.
const POSTS: NonZeroU32 = NonZeroU32::new(300).unwrap(); // as above
const POSTS_A_SECOND: NonZeroU32 = NonZeroU32::new(1).unwrap(); // as above

/// Programs that register themselves from one network: ten at once, and then one a minute.
const REGISTRATIONS_A_MINUTE: NonZeroU32 = NonZeroU32::MIN;

/// How the paths end that add a text to a page which everyone can add to.
const POST_PATHS: [&str; 6] = [
    "/comments",
    "/topics",
    "/retro-notes",
    "/actions",
    "/requests",
    "/ask-for-help",
];

/// Rate limits of sign-in attempts.
pub(crate) struct SignInLimits {
    /// Keyed by a digest of the e-mail address, so that long input does not fill the memory.
    pairs: DefaultKeyedRateLimiter<([u8; 32], ClientIp)>,
    networks: DefaultKeyedRateLimiter<ClientIp>,
    /// Codes of a second factor, by account.
    codes: DefaultKeyedRateLimiter<Uuid>,
    /// Links for new passwords, by a digest of the e-mail address.
    resets: DefaultKeyedRateLimiter<[u8; 32]>,
    /// Networks whose refused attempts were logged recently.
    recently_logged: DefaultKeyedRateLimiter<ClientIp>,
}

/// Refused attempts are logged at most once per network in this time.
const LOG_EVERY: Duration = Duration::from_secs(900);

impl Default for SignInLimits {
    fn default() -> Self {
        let quota = Quota::with_period(EVERY)
            .unwrap_or(Quota::per_minute(BURST))
            .allow_burst(BURST);
        // Many people may share one network.
        let many = Quota::per_minute(BURST.saturating_mul(BURST));
        let codes = Quota::with_period(CODE_EVERY)
            .unwrap_or(quota)
            .allow_burst(BURST);
        let resets = Quota::with_period(RESET_EVERY)
            .unwrap_or(quota)
            .allow_burst(RESETS);
        let once = Quota::with_period(LOG_EVERY)
            .unwrap_or(quota)
            .allow_burst(NonZeroU32::MIN);
        Self {
            pairs: RateLimiter::keyed(quota),
            networks: RateLimiter::keyed(many),
            codes: RateLimiter::keyed(codes),
            resets: RateLimiter::keyed(resets),
            recently_logged: RateLimiter::keyed(once),
        }
    }
}

impl SignInLimits {
    /// Counts an attempt. Attempts from one network do not lock out the account's owner on another.
    pub(crate) fn count(&self, email: &str, from: ClientIp) -> Result<()> {
        let from = from.counted();
        let email = Sha256::digest(email.trim().to_lowercase()).into();
        let outcome = self
            .networks
            .check_key(&from)
            .and_then(|()| self.pairs.check_key(&(email, from)));
        // Old keys would fill the memory.
        if self.pairs.len().max(self.networks.len()) > 10_000 {
            self.pairs.retain_recent();
            self.networks.retain_recent();
            self.recently_logged.retain_recent();
        }
        outcome.map_err(too_many)
    }

    /// Counts a code that is entered for an account.
    pub(crate) fn count_code(&self, account: Uuid) -> Result<()> {
        let outcome = self.codes.check_key(&account);
        if self.codes.len() > 10_000 {
            self.codes.retain_recent();
        }
        outcome.map_err(too_many)
    }

    /// Counts a link for a new password that is asked for, whether the address has an account or not.
    pub(crate) fn count_reset(&self, email: &str) -> Result<()> {
        let email = Sha256::digest(email.trim().to_lowercase()).into();
        let outcome = self.resets.check_key(&email);
        if self.resets.len() > 10_000 {
            self.resets.retain_recent();
        }
        outcome.map_err(too_many)
    }

    /// Whether to log a refused attempt; false if one from this network was logged recently.
    pub(crate) fn should_log(&self, from: ClientIp) -> bool {
        self.recently_logged.check_key(&from.counted()).is_ok()
    }
}

/// A limit that says how much of it is left.
type CountingLimiter =
    RateLimiter<Uuid, DefaultKeyedStateStore<Uuid>, DefaultClock, StateInformationMiddleware>;

/// Rate limits of requests. Reads are not counted: counting would cost more than it saves.
pub struct RequestLimits {
    writes: CountingLimiter,
    posts: CountingLimiter,
    wrong_secrets: DefaultKeyedRateLimiter<ClientIp>,
    registrations: DefaultKeyedRateLimiter<ClientIp>,
}

impl Default for RequestLimits {
    fn default() -> Self {
        Self {
            writes: RateLimiter::keyed(Quota::per_second(WRITES_A_SECOND).allow_burst(WRITES))
                .with_middleware(),
            posts: RateLimiter::keyed(Quota::per_second(POSTS_A_SECOND).allow_burst(POSTS))
                .with_middleware(),
            wrong_secrets: RateLimiter::keyed(Quota::per_minute(WRONG_SECRETS_A_MINUTE)),
            registrations: RateLimiter::keyed(
                Quota::per_minute(REGISTRATIONS_A_MINUTE).allow_burst(BURST),
            ),
        }
    }
}

impl RequestLimits {
    /// Counts a write of an account, over all its sessions and tokens.
    pub fn count_write(&self, account: Uuid) -> Result<()> {
        note_left("writes", self.writes.check_key(&account))
    }

    /// Counts a write to this path if it adds a text.
    pub(crate) fn count_post(&self, account: Uuid, path: &str) -> Result<()> {
        if POST_PATHS.iter().any(|end| path.ends_with(end)) {
            note_left("texts", self.posts.check_key(&account))?;
        }
        Ok(())
    }

    /// Counts a program that registers itself.
    pub(crate) fn count_registration(&self, from: ClientIp) -> Result<()> {
        let outcome = self.registrations.check_key(&from.counted());
        if self.registrations.len() > 10_000 {
            self.registrations.retain_recent();
        }
        outcome.map_err(too_many)
    }

    /// Counts an unknown cookie or token.
    pub(crate) fn count_wrong_secret(&self, from: ClientIp) -> Result<()> {
        let outcome = self.wrong_secrets.check_key(&from.counted());
        if self.wrong_secrets.len() > 10_000 {
            self.wrong_secrets.retain_recent();
        }
        outcome.map_err(too_many)
    }
}

tokio::task_local! {
    /// What is left of the limits that counted this request, as the header `RateLimit` has it.
    static LEFT: RefCell<Vec<String>>;
}

/// The limits of writes: the requests of a burst, and the seconds after which all of them are possible again.
static POLICY: HeaderValue =
    HeaderValue::from_static("\"writes\";q=120000;w=1200, \"texts\";q=300;w=300");

/// Adds the headers `RateLimit-Policy` and `RateLimit` of draft-ietf-httpapi-ratelimit-headers to a response of the API.
pub(crate) async fn with_headers(respond: impl Future<Output = Response>) -> Response {
    LEFT.scope(RefCell::default(), async {
        let mut response = respond.await;
        let headers = response.headers_mut();
        headers.insert(HeaderName::from_static("ratelimit-policy"), POLICY.clone());
        let left = LEFT.with(|left| left.borrow().join(", "));
        if let (false, Ok(left)) = (left.is_empty(), HeaderValue::from_str(&left)) {
            headers.insert(HeaderName::from_static("ratelimit"), left);
        }
        response
    })
    .await
}

/// Notes what a limit says about this request, if the response has headers for it.
fn note_left(
    name: &str,
    outcome: Result<StateSnapshot, NotUntil<<DefaultClock as Clock>::Instant>>,
) -> Result<()> {
    let (left, seconds) = match &outcome {
        Ok(state) => {
            let most = state.quota().burst_size().get();
            let left = state.remaining_burst_capacity();
            let used = f64::from(most.saturating_sub(left));
            let wait = used * state.quota().replenish_interval().as_secs_f64();
            (left, wait.ceil() as u64)
        }
        Err(not_until) => (0, seconds_until(not_until)),
    };
    // Other requests have no such headers.
    let _ = LEFT.try_with(|noted| {
        noted
            .borrow_mut()
            .push(format!("\"{name}\";r={left};t={seconds}"));
    });
    outcome.map(|_| ()).map_err(too_many)
}

/// Streams that guests of one network may have open. Guests have no account to count by.
const STREAMS_OF_GUESTS: usize = 200;

/// Streams that one account may have open: a tenth of the server's capacity.
const STREAMS_OF_ACCOUNT: usize = 2_000;

/// The account or network that a stream counts towards.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StreamOwner {
    Account(Uuid),
    Guests(ClientIp),
}

/// The open streams of each account and network.
#[derive(Clone, Default)]
pub struct StreamLimiter(InUse<StreamOwner>);

impl StreamLimiter {
    /// Counts a stream until the permit is dropped.
    pub fn acquire(&self, owner: StreamOwner) -> Result<Share<StreamOwner>> {
        let (owner, most) = match owner {
            StreamOwner::Account(_) => (owner, STREAMS_OF_ACCOUNT),
            StreamOwner::Guests(from) => (StreamOwner::Guests(from.counted()), STREAMS_OF_GUESTS),
        };
        self.0.take(owner, 1, most).ok_or(Problem::TooMany {
            retry_after_seconds: 60,
        })
    }
}

fn too_many(not_until: NotUntil<<DefaultClock as Clock>::Instant>) -> Problem {
    Problem::TooMany {
        retry_after_seconds: seconds_until(&not_until),
    }
}

fn seconds_until(not_until: &NotUntil<<DefaultClock as Clock>::Instant>) -> u64 {
    let wait = not_until.wait_time_from(DefaultClock::default().now());
    wait.as_secs() + 1
}
