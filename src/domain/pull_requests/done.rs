//! What a delivery did to a task, as the log tells it.

use time::OffsetDateTime;
use uuid::Uuid;

use crate::domain::pull_requests::deliveries::TaskResult;

/// What was done to a task, or why nothing was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Done {
    pub(super) result: TaskResult,
    pub(super) words: String,
    /// The person whose move counts for more, and when that was: the beginning of the words, as the reader may see it.
    pub(super) mover: Option<(Uuid, OffsetDateTime)>,
}

impl Done {
    pub(super) fn new(result: TaskResult, words: impl Into<String>) -> Self {
        Self {
            result,
            words: words.into(),
            mover: None,
        }
    }

    pub(super) fn left_alone(why: impl Into<String>) -> Self {
        Self::new(TaskResult::LeftAlone, why)
    }

    /// Left alone because a person has moved the task.
    pub(super) fn moved_by(person: Uuid, at: OffsetDateTime, words: String) -> Self {
        Self {
            mover: Some((person, at)),
            ..Self::left_alone(words)
        }
    }
}
