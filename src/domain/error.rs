//! Errors of the domain, with messages for the reader. Every failed request ends in one of these.

use std::{borrow::Cow, collections::BTreeMap};

use serde_json::Value;

/// The result of every operation that a request asks for.
pub(crate) type Result<T, E = Problem> = std::result::Result<T, E>;

/// A refused or failed request. Its messages may be shown to the reader; internal details may not.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    /// Missing, or hidden from this reader: both look the same.
    #[error("not found")]
    NotFound,
    #[error("not signed in")]
    SignedOut,
    /// A link that was valid once, with the reason why it is not any more.
    #[error("{0}")]
    Gone(Cow<'static, str>),
    #[error("{0}")]
    Forbidden(Cow<'static, str>),
    /// Field names with the reason why each value was refused.
    #[error("refused: {0:?}")]
    Invalid(BTreeMap<&'static str, String>),
    /// The request cannot be understood.
    #[error("{0}")]
    BadRequest(Cow<'static, str>),
    /// Another change came first. The current version is returned beside the one that was sent.
    #[error("conflict: {}", .0.detail)]
    Conflict(Box<Conflict>),
    #[error("too many attempts")]
    TooMany { retry_after_seconds: u64 },
    #[error("busy")]
    Busy,
    /// A locked row changed between lookup and lock; the whole transaction is retried.
    #[error("changed concurrently")]
    Retry,
    /// This idempotency key was used before; the change it made then identifies the result.
    #[error("already processed")]
    DoneBefore { change: uuid::Uuid },
    #[error(transparent)]
    InternalError(#[from] anyhow::Error),
}

/// An edit conflict: a sentence about it, and both versions.
#[derive(Debug, Default)]
pub struct Conflict {
    /// A sentence that says who changed what, and when.
    pub(crate) detail: String,
    pub(crate) current: Value,
    pub(crate) sent: Value,
}

impl Problem {
    /// Refuses one field, with the reason.
    pub(crate) fn field(name: &'static str, message: impl Into<String>) -> Self {
        Self::Invalid(BTreeMap::from([(name, message.into())]))
    }

    /// A conflict without versions to compare.
    pub(crate) fn conflict(detail: impl Into<String>) -> Self {
        Self::Conflict(Box::new(Conflict {
            detail: detail.into(),
            ..Conflict::default()
        }))
    }

    /// Whether the transaction can be retried: a serialization failure or a deadlock.
    pub(crate) fn is_transient(&self) -> bool {
        let Self::InternalError(error) = self else {
            return matches!(self, Self::Retry);
        };
        let Some(sqlx::Error::Database(error)) = error.downcast_ref::<sqlx::Error>() else {
            return false;
        };
        matches!(error.code().as_deref(), Some("40001" | "40P01"))
    }
}

impl From<sqlx::Error> for Problem {
    fn from(error: sqlx::Error) -> Self {
        match &error {
            sqlx::Error::RowNotFound => return Self::NotFound,
            sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed => return Self::Busy,
            sqlx::Error::Database(database) => match database.code().as_deref() {
                // lock_timeout, statement_timeout, too many connections, shutting down
                Some("55P03" | "57014" | "53300" | "57P01" | "57P03") => return Self::Busy,
                // a NUL byte, or text that is not UTF-8
                Some("22021" | "22P05") => {
                    return Self::BadRequest(
                        "The text contains a character that can't be stored.".into(),
                    );
                }
                // Two requests claimed the same position at once; the second retries and takes the
                // next one.
                Some("23505")
                    if matches!(
                        database.constraint(),
                        Some("goal_position" | "milestone_position")
                    ) =>
                {
                    return Self::Retry;
                }
                Some("23514" | "23505" | "23503" | "23P01") => {
                    if let Some((field, message)) = database
                        .constraint()
                        .and_then(crate::domain::constraints::constraint_message)
                    {
                        return Self::field(field, message);
                    }
                }
                _ => {}
            },
            sqlx::Error::Io(_) => return Self::Busy,
            _ => {}
        }
        Self::InternalError(error.into())
    }
}
