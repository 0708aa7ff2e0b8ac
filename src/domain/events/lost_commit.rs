//! Finds out whether a change was made whose connection was lost during its commit.

use std::{collections::BTreeMap, time::Duration};

use uuid::Uuid;

use crate::{
    db::pool::Pool,
    domain::error::{Problem, Result},
};

/// How long, and how long apart, the database is asked whether a change was made.
const FOUND_OUT_WITHIN: Duration = Duration::from_secs(4);
const APART: Duration = Duration::from_millis(300);

/// A change that was not committed, or perhaps was.
pub(super) struct CommitError {
    pub(super) problem: Problem,
    /// What it wrote, if the connection was lost before Postgres answered.
    pub(super) may_be_made: Option<BTreeMap<Uuid, i64>>,
}

impl CommitError {
    /// Finds out whether the change was made. Returns what it wrote, the newest event of each team.
    pub(super) async fn find_out(self, db: &Pool, change: Uuid) -> Result<BTreeMap<Uuid, i64>> {
        let Some(written) = self.may_be_made else {
            return Err(self.problem);
        };
        // Without events there is nothing to look for.
        if written.is_empty() {
            return Err(Problem::UnknownOutcome);
        }
        let teams: Vec<Uuid> = written.keys().copied().collect();
        let answer = async {
            loop {
                match was_made(db, change, &teams).await {
                    Ok(was_made) => return was_made,
                    Err(error) => tracing::warn!("cannot find out if a change was made: {error}"),
                }
                tokio::time::sleep(APART).await;
            }
        };
        match tokio::time::timeout(FOUND_OUT_WITHIN, answer).await {
            Ok(true) => Ok(written),
            Ok(false) => Err(self.problem),
            Err(_) => Err(Problem::UnknownOutcome),
        }
    }
}

async fn was_made(db: &Pool, change: Uuid, teams: &[Uuid]) -> sqlx::Result<bool> {
    let mut tx = db.begin().await?;
    // The change holds these rows until it has ended.
    sqlx::query("SELECT FROM teams WHERE id = ANY($1) ORDER BY id FOR UPDATE")
        .bind(teams)
        .execute(&mut *tx)
        .await?;
    sqlx::query_scalar("SELECT EXISTS (SELECT FROM events WHERE change_id = $1)")
        .bind(change)
        .fetch_one(&mut *tx)
        .await
}
