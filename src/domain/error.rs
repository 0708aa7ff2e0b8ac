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
    /// The workspace requires a second factor, and this person has none.
    #[error("no second factor")]
    SecondFactorMissing,
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
    /// The database cannot be used; nothing was changed.
    #[error("{}", .0.reason())]
    Unavailable(Outage),
    /// The connection was lost while a change was committed, and it could not be found out whether it was made.
    #[error("the connection was lost during a commit")]
    UnknownOutcome,
    /// A locked row changed between lookup and lock; the whole transaction is retried.
    #[error("changed concurrently")]
    Retry,
    /// This idempotency key was used before; the change it made then identifies the result.
    #[error("already processed")]
    DoneBefore { change: uuid::Uuid },
    #[error(transparent)]
    InternalError(#[from] anyhow::Error),
}

/// Why the database cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outage {
    Unreachable,
    /// A standby, or set to read-only by its administrator.
    ReadOnly,
    /// Its disk is full.
    Full,
}

impl Outage {
    /// The reason, as the start of a sentence.
    pub(crate) fn reason(self) -> &'static str {
        match self {
            Self::Unreachable => "The database cannot be reached",
            Self::ReadOnly => "The database is read-only at the moment",
            Self::Full => "The disk of the database is full",
        }
    }

    /// The outage that an error means, if it means one.
    pub(crate) fn of(error: &sqlx::Error) -> Option<Self> {
        match error {
            sqlx::Error::Database(database) => match database.code().as_deref()? {
                "25006" => Some(Self::ReadOnly),
                "53100" => Some(Self::Full),
                // shutting down, crashed, starting; errors of the connection and of the machine
                "57P01" | "57P02" | "57P03" => Some(Self::Unreachable),
                code if code.starts_with("08") || code.starts_with("58") => Some(Self::Unreachable),
                _ => None,
            },
            sqlx::Error::Io(_)
            | sqlx::Error::Tls(_)
            | sqlx::Error::Protocol(_)
            | sqlx::Error::PoolClosed
            | sqlx::Error::WorkerCrashed => Some(Self::Unreachable),
            _ => None,
        }
    }
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
        if let Some(outage) = Outage::of(&error) {
            return Self::Unavailable(outage);
        }
        match &error {
            sqlx::Error::RowNotFound => return Self::NotFound,
            sqlx::Error::PoolTimedOut => return Self::Busy,
            sqlx::Error::Database(database) => match database.code().as_deref() {
                // lock_timeout, statement_timeout, out of memory, too many connections
                Some("55P03" | "57014" | "53200" | "53300") => return Self::Busy,
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
            _ => {}
        }
        Self::InternalError(error.into())
    }
}
