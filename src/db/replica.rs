//! A standby that takes reads off the primary, where it can do so unnoticed.

use std::time::Duration;

use sqlx::postgres::PgConnectOptions;
use tokio::time::{sleep, timeout};

use crate::{db::pool, db::pool::Pool};

/// How long a page may wait for the standby to catch up, and how long it sleeps between two looks.
const CATCH_UP_WITHIN: Duration = Duration::from_millis(200);
const LOOK_EVERY: Duration = Duration::from_millis(5);
const LOOKS: usize = 3;

/// A standby, if there is one.
#[derive(Default)]
pub struct Replica(Option<Pool>);

impl Replica {
    /// Opens connections when they are needed: a standby may be absent.
    pub(crate) fn of(options: Option<PgConnectOptions>) -> Self {
        Self(options.map(pool::open_lazily))
    }

    /// Returns the standby if it has all that anyone may have seen on the primary, so that a reader never misses a write:
    /// a commit is acknowledged and visible only once its log is flushed.
    pub(crate) async fn up_to_date(&self, primary: &Pool) -> Option<Pool> {
        let standby = self.0.as_ref()?;
        match timeout(CATCH_UP_WITHIN, has_caught_up(primary, standby)).await {
            Ok(Ok(has_caught_up)) => has_caught_up.then(|| standby.clone()),
            Ok(Err(error)) => {
                tracing::warn!("cannot read from the standby: {error}");
                None
            }
            Err(_) => {
                tracing::warn!("cannot read from the standby: it does not answer in time");
                None
            }
        }
    }
}

async fn has_caught_up(primary: &Pool, standby: &Pool) -> sqlx::Result<bool> {
    let flushed: String = sqlx::query_scalar("SELECT pg_current_wal_flush_lsn()::text")
        .fetch_one(primary)
        .await?;
    for look in 0..LOOKS {
        if look > 0 {
            sleep(LOOK_EVERY).await;
        }
        // A promoted one has a log of its own, whose positions mean something else.
        let has_caught_up: bool = sqlx::query_scalar(
            "SELECT pg_is_in_recovery() AND coalesce(pg_last_wal_replay_lsn() >= $1::text::pg_lsn, false)",
        )
        .bind(&flushed)
        .fetch_one(standby)
        .await?;
        if has_caught_up {
            return Ok(true);
        }
    }
    Ok(false)
}
