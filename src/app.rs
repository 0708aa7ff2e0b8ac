//! What every handler is given.

use std::{ops::Deref, sync::Arc};

use axum::extract::FromRef;
use sqlx::PgPool;

use crate::{
    config::trusted_proxies::TrustedProxies,
    domain::{boards::board_auth::AuthBatcher, clock::Clock, events::EventStore},
    http::{
        cache::page_cache::PageCache,
        live::broadcaster::Live,
        middleware::rate_limit::{RequestLimits, SignInLimits, StreamLimiter},
    },
};

/// The running program. Every request holds it several times over, so cloning it is one count.
#[derive(Clone)]
pub struct App(Arc<Parts>);

/// What the program is made of.
pub struct Parts {
    /// Where people reach it, without a slash at its end.
    pub public_url: String,
    pub db: PgPool,
    pub clock: Clock,
    /// Where every change is made.
    pub store: EventStore,
    pub live: Arc<Live>,
    /// Those who ask for a board at this moment.
    pub doors: AuthBatcher,
    /// Boards as they were last shown, for those who ask again.
    pub kept: PageCache,
    pub sign_ins: SignInLimits,
    pub requests: RequestLimits,
    /// Guests who have a stream open.
    pub crowd: StreamLimiter,
    /// The proxies that say where a request comes from.
    pub trusted: TrustedProxies,
}

impl Deref for App {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}

impl App {
    /// Puts the program together over an open, migrated database.
    pub fn new(public_url: &str, db: PgPool, clock: Clock) -> Self {
        Self::behind(TrustedProxies::default(), public_url, db, clock)
    }

    /// The same behind proxies.
    pub fn behind(trusted: TrustedProxies, public_url: &str, db: PgPool, clock: Clock) -> Self {
        let (store, commits) = EventStore::new(db.clone(), clock.clone());
        let live = Live::new(commits);
        let doors = AuthBatcher::new(db.clone(), clock.clone());
        Self(Arc::new(Parts {
            public_url: public_url.to_owned(),
            db,
            clock,
            store,
            live,
            doors,
            kept: PageCache::default(),
            sign_ins: SignInLimits::default(),
            requests: RequestLimits::default(),
            crowd: StreamLimiter::default(),
            trusted,
        }))
    }

    /// Whether people reach it by https: cookies and headers go by that.
    pub fn is_https(&self) -> bool {
        self.public_url.starts_with("https://")
    }
}

impl FromRef<App> for TrustedProxies {
    fn from_ref(app: &App) -> Self {
        app.trusted.clone()
    }
}
