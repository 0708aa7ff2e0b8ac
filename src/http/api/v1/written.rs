//! The responses to writes, which a client may send again with the same idempotency key.

use uuid::Uuid;

use crate::{
    db::pool::Pool,
    domain::{
        error::{Problem, Result},
        events::{Changed, log},
    },
};

/// Whether the change was made, by this request or by an earlier one with the same key.
pub(crate) fn done<T>(outcome: Result<Changed<T>>) -> Result<()> {
    match outcome {
        Ok(_) | Err(Problem::DoneBefore { .. }) => Ok(()),
        Err(problem) => Err(problem),
    }
}

/// The id of what was created by this request, or by an earlier one with the same key; `field` names it in the event.
pub(crate) async fn created(
    db: &Pool,
    team: Uuid,
    field: &str,
    outcome: Result<Changed<Uuid>>,
) -> Result<Uuid> {
    created_as(db, team, field, outcome, |id| id.parse().ok()).await
}

/// As `created`, for what has a slug.
pub(crate) async fn created_slug(
    db: &Pool,
    team: Uuid,
    field: &str,
    outcome: Result<Changed<String>>,
) -> Result<String> {
    created_as(db, team, field, outcome, Some).await
}

async fn created_as<T>(
    db: &Pool,
    team: Uuid,
    field: &str,
    outcome: Result<Changed<T>>,
    read: impl FnOnce(String) -> Option<T>,
) -> Result<T> {
    match outcome {
        Ok(changed) => Ok(changed.value),
        Err(Problem::DoneBefore { change }) => log::created_by(db, team, change, field)
            .await?
            .and_then(read)
            .ok_or(Problem::DoneBefore { change }),
        Err(problem) => Err(problem),
    }
}
