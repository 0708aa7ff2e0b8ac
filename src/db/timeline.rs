//! Notices that another server has taken over. Postgres numbers its timelines: a standby that is promoted begins a new
//! one, in which the last changes of the old primary may be missing, and others have taken their numbers.

use std::sync::Arc;

use sqlx::PgConnection;
use tokio::sync::watch;

/// `NULL` on a standby, which has no timeline of its own.
const NUMBER: &str = "SELECT CASE WHEN NOT pg_is_in_recovery()
         THEN ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::integer END";

/// The timeline of the database, as far as it is known. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Timeline(Arc<watch::Sender<i32>>);

impl Timeline {
    /// Its number; 0 as long as none is known.
    pub(crate) fn current(&self) -> i32 {
        *self.0.borrow()
    }

    /// Changes with the number.
    pub(crate) fn changes(&self) -> watch::Receiver<i32> {
        self.0.subscribe()
    }

    /// Asks for the number on a connection. A server that does not tell has no standby that we know of.
    pub(crate) async fn ask(&self, connection: &mut PgConnection) {
        let answer = sqlx::query_scalar::<_, Option<i32>>(NUMBER)
            .persistent(false)
            .fetch_one(connection)
            .await;
        match answer {
            Ok(Some(number)) => {
                self.0
                    .send_if_modified(|known| std::mem::replace(known, number) != number);
            }
            Ok(None) => {}
            Err(error) => tracing::debug!("the database does not tell its timeline: {error}"),
        }
    }
}
