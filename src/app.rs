//! What every handler is given.

use std::sync::Arc;

use sqlx::PgPool;

use crate::{
    activity::live::Live,
    boards::{door::Doors, kept::KeptBoards},
    clock::Clock,
    web::limits::SignInLimits,
};

/// The running program; cloning it is cheap.
#[derive(Clone)]
pub struct App {
    /// Where people reach it, without a slash at its end.
    pub public_url: Arc<str>,
    pub db: PgPool,
    pub clock: Clock,
    pub live: Arc<Live>,
    /// Those who ask for a board at this moment.
    pub doors: Arc<Doors>,
    /// Boards as they were last shown, for those who ask again.
    pub kept: Arc<KeptBoards>,
    pub sign_ins: Arc<SignInLimits>,
}

impl App {
    /// Puts the program together over an open, migrated database.
    pub fn new(public_url: &str, db: PgPool, clock: Clock) -> Self {
        let live = Live::new(db.clone(), clock.clone());
        Self {
            public_url: public_url.into(),
            db,
            clock,
            live,
            doors: Arc::default(),
            kept: Arc::default(),
            sign_ins: Arc::default(),
        }
    }

    /// Whether people reach it by https: cookies and headers go by that.
    pub fn is_https(&self) -> bool {
        self.public_url.starts_with("https://")
    }
}
