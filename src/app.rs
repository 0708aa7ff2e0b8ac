//! What every handler shares.

use sqlx::PgPool;
use tokio::sync::watch;

/// The running program, cheap to clone.
#[derive(Clone, Debug)]
pub struct App {
    /// Where everything is kept.
    pub db: PgPool,
    /// Turns true when the program is about to end, for streams to end first.
    pub stopping: watch::Receiver<bool>,
}
