//! What every handler is given.

use std::sync::Arc;

use sqlx::PgPool;

use crate::{activity::live::Live, boards::kept::KeptBoards, clock::Clock, config::Config, web::limits::SignInLimits};

/// The running program; cloning it is cheap.
#[derive(Clone)]
pub struct App {
    pub config: Arc<Config>,
    pub db: PgPool,
    pub clock: Clock,
    pub live: Arc<Live>,
    /// Boards as they were last shown, for those who ask again.
    pub kept: Arc<KeptBoards>,
    pub sign_ins: Arc<SignInLimits>,
}

impl App {
    /// Puts the program together over an open, migrated database.
    pub fn new(config: Config, db: PgPool, clock: Clock) -> Self {
        let live = Live::new(db.clone(), clock.clone());
        Self { config: Arc::new(config), db, clock, live, kept: Arc::default(), sign_ins: Arc::default() }
    }
}
