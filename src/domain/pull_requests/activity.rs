//! Keeps pull requests of strangers from filling a task's activity: anyone can open one in a public repository, and close
//! and reopen it again and again.

use time::Duration;
use uuid::Uuid;

use crate::domain::{
    error::Result,
    events::Change,
    pull_requests::{Forge, found_tasks::FoundTask},
};

/// The time between two entries of a kind.
const BETWEEN_ENTRIES: Duration = Duration::HOUR;

/// What is known of the author of a pull request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Author {
    /// Has rights in the repository.
    Insider,
    /// Has none.
    Outsider,
    /// The forge does not say.
    Unknown,
}

impl Author {
    /// Of a pull request that may move tasks, or not.
    pub(super) fn of(forge: Forge, may_move: bool) -> Self {
        match (forge, may_move) {
            (_, false) => Self::Outsider,
            (Forge::GitHub, true) => Self::Insider,
            (Forge::Forgejo | Forge::GitLab, true) => Self::Unknown,
        }
    }

    /// The kind of an entry, of which there is one an hour; `None`: there may be any number.
    fn kind(self, what: &str) -> Option<&str> {
        match (self, what) {
            // It happens once, and only people with rights merge.
            (Self::Insider, _) | (_, "merged") => None,
            (Self::Unknown, what) => Some(what),
            (Self::Outsider, "linked" | "unlinked") => Some("link"),
            (Self::Outsider, _) => Some("state"),
        }
    }
}

/// Whether what happened may become an entry of the task's activity. If so, it is noted.
pub(super) async fn may_add(
    change: &mut Change,
    author: Author,
    (task, pull_request): (&FoundTask, Uuid),
    what: &str,
) -> Result<bool> {
    let Some(kind) = author.kind(what) else {
        return Ok(true);
    };
    let at = change.at;
    let added = sqlx::query(
        "INSERT INTO pull_request_entries AS e (team_id, task_id, pull_request_id, kind, at) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (team_id, task_id, pull_request_id, kind) DO UPDATE SET at = $5 WHERE e.at <= $6",
    )
    .bind(task.team.id)
    .bind(task.id)
    .bind(pull_request)
    .bind(kind)
    .bind(at)
    .bind(at - BETWEEN_ENTRIES)
    .execute(change.db())
    .await?;
    Ok(added.rows_affected() > 0)
}
