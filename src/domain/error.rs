//! Errors of the domain, with messages for the reader. Every failed request ends in one of these.

use std::{borrow::Cow, collections::BTreeMap};

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};

/// The result of every operation that a request asks for.
pub type Result<T, E = Problem> = std::result::Result<T, E>;

/// A refused or failed request. Its messages may be shown to the reader; internal details may not.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    /// Missing, or hidden from this reader: both look the same.
    #[error("not found")]
    NotFound,
    #[error("not signed in")]
    SignedOut,
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
    Again,
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
    pub detail: String,
    pub current: Value,
    pub sent: Value,
}

impl Problem {
    /// Refuses one field, with the reason.
    pub fn field(name: &'static str, why: impl Into<String>) -> Self {
        Self::Invalid(BTreeMap::from([(name, why.into())]))
    }

    /// A conflict without versions to compare.
    pub fn conflict(detail: impl Into<String>) -> Self {
        Self::Conflict(Box::new(Conflict {
            detail: detail.into(),
            ..Conflict::default()
        }))
    }

    /// Returns the reasons by field for a form to show; a conflict's message goes to `field`. Every
    /// other problem is returned as an error.
    pub fn in_form(
        self,
        field: &'static str,
    ) -> Result<(StatusCode, BTreeMap<&'static str, String>)> {
        let status = self.status();
        match self {
            Self::Invalid(errors) => Ok((status, errors)),
            Self::Conflict(conflict) => Ok((status, BTreeMap::from([(field, conflict.detail)]))),
            other => Err(other),
        }
    }

    /// Like `in_form`, joined to one message for forms with a single place for errors.
    pub fn in_words(self) -> Result<(StatusCode, String)> {
        let (status, errors) = self.in_form("")?;
        Ok((status, errors.into_values().collect::<Vec<_>>().join(" ")))
    }

    /// Whether the transaction can be retried: a serialization failure or a deadlock.
    pub fn is_transient(&self) -> bool {
        let Self::InternalError(error) = self else {
            return matches!(self, Self::Again);
        };
        let Some(sqlx::Error::Database(error)) = error.downcast_ref::<sqlx::Error>() else {
            return false;
        };
        matches!(error.code().as_deref(), Some("40001" | "40P01"))
    }

    fn status(&self) -> StatusCode {
        match self {
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::SignedOut => StatusCode::UNAUTHORIZED,
            Self::Forbidden(_) => StatusCode::FORBIDDEN,
            Self::Invalid(_) => StatusCode::UNPROCESSABLE_ENTITY,
            Self::BadRequest(_) => StatusCode::BAD_REQUEST,
            Self::Conflict(_) | Self::DoneBefore { .. } => StatusCode::CONFLICT,
            Self::TooMany { .. } => StatusCode::TOO_MANY_REQUESTS,
            Self::Busy | Self::Again => StatusCode::SERVICE_UNAVAILABLE,
            Self::InternalError(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
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
                    return Self::Again;
                }
                Some("23514" | "23505" | "23503" | "23P01") => {
                    if let Some((field, why)) = database
                        .constraint()
                        .and_then(crate::domain::constraints::constraint_message)
                    {
                        return Self::field(field, why);
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

/// The body of an error response. The outermost middleware turns it into a page or problem+json.
#[derive(Clone, Debug)]
pub struct ProblemBody {
    pub title: Cow<'static, str>,
    pub detail: String,
    pub errors: BTreeMap<&'static str, String>,
    pub current: Value,
    pub sent: Value,
}

/// Internal error details for the log; never shown to the reader.
#[derive(Clone, Debug)]
pub struct InternalError(pub String);

impl ProblemBody {
    /// Default texts for a status that no handler explained.
    pub fn of(status: StatusCode) -> Self {
        let (title, detail) = match status {
            StatusCode::NOT_FOUND => (
                "Not found",
                "This page does not exist, or you do not have access to it.",
            ),
            StatusCode::METHOD_NOT_ALLOWED => (
                "Method not allowed",
                "This address does not support that method.",
            ),
            StatusCode::PAYLOAD_TOO_LARGE => (
                "Too large",
                "The request is larger than this address accepts. Nothing was saved.",
            ),
            StatusCode::UNSUPPORTED_MEDIA_TYPE => (
                "Unsupported content type",
                "This address does not accept this content type.",
            ),
            StatusCode::BAD_REQUEST => (
                "Invalid request",
                "The request could not be read. Nothing was changed.",
            ),
            StatusCode::UNPROCESSABLE_ENTITY => (
                "Invalid request",
                "The request could not be read. Nothing was changed.",
            ),
            StatusCode::REQUEST_TIMEOUT => (
                "Request timed out",
                "The request took too long to arrive. Nothing was changed.",
            ),
            StatusCode::SERVICE_UNAVAILABLE => (
                "Busy",
                "The server is busy. Nothing was changed. Please try again in a moment.",
            ),
            _ => (
                "Something went wrong",
                "The server failed. Nothing was changed. Please try again.",
            ),
        };
        Self {
            title: title.into(),
            detail: detail.into(),
            errors: BTreeMap::new(),
            current: Value::Null,
            sent: Value::Null,
        }
    }

    /// The body as problem+json (RFC 9457).
    pub fn as_json(&self, status: StatusCode, request_id: &str) -> Value {
        let mut body = json!({ "type": "about:blank", "title": self.title, "status": status.as_u16(), "detail": self.detail });
        if !self.errors.is_empty() {
            body["errors"] = json!(self.errors);
        }
        if !self.current.is_null() {
            body["current"] = self.current.clone();
        }
        if !self.sent.is_null() {
            body["sent"] = self.sent.clone();
        }
        if status.is_server_error() {
            body["request_id"] = json!(request_id);
        }
        body
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = self.status();
        let mut body = ProblemBody::of(status);
        let (mut retry_after, mut internal) = (None, None);
        match self {
            Self::SignedOut => {
                body.title = "Sign in first".into();
                body.detail = "Sign in, or send a valid API token.".into();
            }
            Self::Forbidden(why) => {
                body.title = "Not allowed".into();
                body.detail = why.into_owned();
            }
            Self::BadRequest(why) => body.detail = why.into_owned(),
            Self::Invalid(errors) => {
                body.title = "Not saved".into();
                body.detail = errors.values().cloned().collect::<Vec<_>>().join(" ");
                body.errors = errors;
            }
            Self::Conflict(conflict) => {
                // Without a current version nothing was edited concurrently: the current state
                // forbids the change.
                let is_edit_conflict = !conflict.current.is_null();
                body.title = if is_edit_conflict {
                    "Edit conflict"
                } else {
                    "Conflict"
                }
                .into();
                body.detail = conflict.detail;
                body.current = conflict.current;
                body.sent = conflict.sent;
            }
            Self::TooMany {
                retry_after_seconds,
            } => {
                body.title = "Too many attempts".into();
                body.detail = format!(
                    "Wait {retry_after_seconds} seconds and try again. Nothing was changed."
                );
                retry_after = Some(retry_after_seconds);
            }
            Self::Busy | Self::Again => retry_after = Some(1),
            Self::DoneBefore { .. } => body.detail = "This request was already processed.".into(),
            Self::InternalError(error) => internal = Some(InternalError(format!("{error:#}"))),
            Self::NotFound => {}
        }
        let mut response = status.into_response();
        if let Some(seconds) = retry_after {
            response
                .headers_mut()
                .insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response.extensions_mut().insert(body);
        if let Some(internal) = internal {
            response.extensions_mut().insert(internal);
        }
        response
    }
}
