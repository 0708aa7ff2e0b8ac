//! What went wrong, in words for the reader. Everything that fails in a request becomes one of these.

use std::{borrow::Cow, collections::BTreeMap};

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};

/// The result of everything that a request asks for.
pub type Result<T, E = Problem> = std::result::Result<T, E>;

/// A refusal or failure. It carries sentences that a reader may see, and nothing else that they may.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    /// Missing, or hidden from this reader: nobody can tell which.
    #[error("not found")]
    NotFound,
    #[error("sign in first")]
    SignedOut,
    #[error("{0}")]
    Forbidden(Cow<'static, str>),
    /// Fields and why they were refused.
    #[error("refused: {0:?}")]
    Invalid(BTreeMap<&'static str, String>),
    /// The request makes no sense as it stands.
    #[error("{0}")]
    BadRequest(Cow<'static, str>),
    /// Somebody was quicker. What stands now is told beside what was sent.
    #[error("conflict: {}", .0.detail)]
    Conflict(Box<Conflict>),
    #[error("too many tries")]
    TooMany { retry_after_seconds: u64 },
    #[error("busy")]
    Busy,
    /// What was locked is not what was meant any more: the whole change is tried again.
    #[error("changed under way")]
    Again,
    /// An idempotency key that was used before: what it did then is known by its change.
    #[error("done before")]
    DoneBefore { change: uuid::Uuid },
    #[error(transparent)]
    InternalError(#[from] anyhow::Error),
}

/// Who was quicker, and both versions.
#[derive(Debug, Default)]
pub struct Conflict {
    /// Who did what and when, in a sentence.
    pub detail: String,
    pub current: Value,
    pub sent: Value,
}

impl Problem {
    /// One field and why it was refused.
    pub fn field(name: &'static str, why: impl Into<String>) -> Self {
        Self::Invalid(BTreeMap::from([(name, why.into())]))
    }

    /// A conflict with nothing to set side by side.
    pub fn conflict(detail: impl Into<String>) -> Self {
        Self::Conflict(Box::new(Conflict {
            detail: detail.into(),
            ..Conflict::default()
        }))
    }

    /// What a form shows of it: the reasons by field, a conflict's at the field that is named. Every other problem stays one.
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

    /// The same for a form with one place for all that is wrong in it.
    pub fn in_words(self) -> Result<(StatusCode, String)> {
        let (status, errors) = self.in_form("")?;
        Ok((status, errors.into_values().collect::<Vec<_>>().join(" ")))
    }

    /// Whether the database asks to try the same transaction again.
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
                        "The text has a character that cannot be kept.".into(),
                    );
                }
                // two at once wanted the same place in the order: whoever comes second takes the next
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
                        .and_then(crate::domain::constraints::broken)
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

/// What a reader is told; the outermost layer turns it into a page or into problem+json.
#[derive(Clone, Debug)]
pub struct ProblemBody {
    pub title: Cow<'static, str>,
    pub detail: String,
    pub errors: BTreeMap<&'static str, String>,
    pub current: Value,
    pub sent: Value,
}

/// What went wrong inside, for the log and nobody else.
#[derive(Clone, Debug)]
pub struct InternalError(pub String);

impl ProblemBody {
    /// Words for a status that no handler explained.
    pub fn of(status: StatusCode) -> Self {
        let (title, detail) = match status {
            StatusCode::NOT_FOUND => (
                "Not found",
                "There is nothing at this address, or it is not for you to see.",
            ),
            StatusCode::METHOD_NOT_ALLOWED => (
                "Not possible here",
                "This address does not take that method.",
            ),
            StatusCode::PAYLOAD_TOO_LARGE => (
                "Too large",
                "That was more than this address takes. Nothing was saved.",
            ),
            StatusCode::UNSUPPORTED_MEDIA_TYPE => (
                "Wrong kind",
                "The body is not of a kind that this address reads.",
            ),
            StatusCode::BAD_REQUEST => (
                "Not understood",
                "The request could not be read. Nothing was changed.",
            ),
            StatusCode::UNPROCESSABLE_ENTITY => (
                "Not understood",
                "The request could not be read. Nothing was changed.",
            ),
            StatusCode::REQUEST_TIMEOUT => (
                "Too slow",
                "The request took too long to arrive. Nothing was changed.",
            ),
            StatusCode::SERVICE_UNAVAILABLE => (
                "Busy",
                "The server is busy. Nothing was changed; please try again in a moment.",
            ),
            _ => (
                "Something went wrong",
                "That is our fault. Nothing was changed; please try again.",
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

    /// RFC 9457.
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
        let mut told = ProblemBody::of(status);
        let (mut retry_after, mut inside) = (None, None);
        match self {
            Self::SignedOut => {
                told.title = "Sign in first".into();
                told.detail = "This needs somebody who is signed in, or a valid token.".into();
            }
            Self::Forbidden(why) => {
                told.title = "Not allowed".into();
                told.detail = why.into_owned();
            }
            Self::BadRequest(why) => told.detail = why.into_owned(),
            Self::Invalid(errors) => {
                told.title = "Not saved".into();
                told.detail = errors.values().cloned().collect::<Vec<_>>().join(" ");
                told.errors = errors;
            }
            Self::Conflict(conflict) => {
                // where nothing stands beside it, nobody was: it cannot be done as things are
                let quicker = !conflict.current.is_null();
                told.title = if quicker {
                    "Somebody was quicker"
                } else {
                    "Not as things stand"
                }
                .into();
                told.detail = conflict.detail;
                told.current = conflict.current;
                told.sent = conflict.sent;
            }
            Self::TooMany {
                retry_after_seconds,
            } => {
                told.title = "Too many tries".into();
                told.detail = format!(
                    "Please wait {retry_after_seconds} seconds and try again. Nothing was changed."
                );
                retry_after = Some(retry_after_seconds);
            }
            Self::Busy | Self::Again => retry_after = Some(1),
            Self::DoneBefore { .. } => told.detail = "This was done before.".into(),
            Self::InternalError(error) => inside = Some(InternalError(format!("{error:#}"))),
            Self::NotFound => {}
        }
        let mut response = status.into_response();
        if let Some(seconds) = retry_after {
            response
                .headers_mut()
                .insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response.extensions_mut().insert(told);
        if let Some(inside) = inside {
            response.extensions_mut().insert(inside);
        }
        response
    }
}
