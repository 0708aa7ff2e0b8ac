//! A domain error as a response: which status it has, and the body that middleware turns into a page or problem+json.

use std::{borrow::Cow, collections::BTreeMap};

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::domain::error::{Problem, Result};

/// Marks a response to a write that had been made before, as a response extension.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Repeated {
    /// What it did.
    pub(crate) change: Uuid,
}

/// Marks a response to someone who has to set up a second factor first, as a response extension.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SetUpFirst;

impl Problem {
    /// Returns the reasons by field for a form to show; a conflict's message goes to `field`. Every
    /// other problem is returned as an error.
    pub(crate) fn in_form(
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
    pub(crate) fn in_words(self) -> Result<(StatusCode, String)> {
        let (status, errors) = self.in_form("")?;
        Ok((status, errors.into_values().collect::<Vec<_>>().join(" ")))
    }

    fn status(&self) -> StatusCode {
        match self {
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::SignedOut => StatusCode::UNAUTHORIZED,
            Self::Gone(_) => StatusCode::GONE,
            Self::Forbidden(_) | Self::SecondFactorMissing => StatusCode::FORBIDDEN,
            Self::Invalid(_) => StatusCode::UNPROCESSABLE_ENTITY,
            Self::BadRequest(_) => StatusCode::BAD_REQUEST,
            Self::Conflict(_) | Self::DoneBefore { .. } => StatusCode::CONFLICT,
            Self::TooMany { .. } => StatusCode::TOO_MANY_REQUESTS,
            Self::Busy | Self::Retry | Self::Unavailable(_) | Self::UnknownOutcome => {
                StatusCode::SERVICE_UNAVAILABLE
            }
            Self::InternalError(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

/// The body of an error response. The outermost middleware turns it into a page or problem+json.
#[derive(Clone, Debug)]
pub(crate) struct ProblemBody {
    pub(crate) title: Cow<'static, str>,
    pub(crate) detail: String,
    pub(crate) errors: BTreeMap<&'static str, String>,
    pub(crate) current: Value,
    pub(crate) sent: Value,
}

/// The title of a refused form.
pub(crate) const NOT_SAVED: &str = "Not saved";

/// Internal error details for the log; never shown to the reader.
#[derive(Clone, Debug)]
pub(crate) struct InternalError(pub String);

impl ProblemBody {
    /// Default texts for a status that no handler explained.
    pub(crate) fn of(status: StatusCode) -> Self {
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
            StatusCode::MISDIRECTED_REQUEST => (
                "Wrong address",
                "This server has another address. Nothing was changed.",
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
    pub(crate) fn as_json(&self, status: StatusCode, request_id: &str) -> Value {
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
        let (mut retry_after, mut internal, mut repeated) = (None, None, None);
        match self {
            Self::SignedOut => {
                body.title = "Sign in first".into();
                body.detail = "Sign in, or send a valid API token.".into();
            }
            Self::Gone(reason) => {
                body.title = "This link no longer works".into();
                body.detail = reason.into_owned();
            }
            Self::SecondFactorMissing => {
                body.title = "Second factor required".into();
                body.detail = "Your workspace requires a second factor. Set one up at /me/second-factor. Nothing was \
                               changed."
                    .into();
                let mut response = status.into_response();
                response.extensions_mut().insert(body);
                response.extensions_mut().insert(SetUpFirst);
                return response;
            }
            Self::Forbidden(reason) => {
                body.title = "Not allowed".into();
                body.detail = reason.into_owned();
            }
            Self::BadRequest(reason) => body.detail = reason.into_owned(),
            Self::Invalid(errors) => {
                body.title = NOT_SAVED.into();
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
            Self::Busy | Self::Retry => {
                retry_after = Some(1);
                internal = Some(InternalError(
                    "busy: a connection, a lock or a query took too long".to_owned(),
                ));
            }
            Self::Unavailable(outage) => {
                body.title = "Not available".into();
                body.detail = format!(
                    "{}. Nothing was changed. Please try again later.",
                    outage.reason()
                );
                retry_after = Some(5);
                internal = Some(InternalError(outage.reason().to_owned()));
            }
            Self::UnknownOutcome => {
                body.title = "Perhaps not saved".into();
                body.detail = "The connection to the database was lost while your change was saved. Reload the page to see whether it is there, before you try again.".into();
                retry_after = Some(5);
                internal = Some(InternalError(
                    "the connection was lost during a commit, which may have been made".to_owned(),
                ));
            }
            Self::DoneBefore { change } => {
                body.detail = "This request was already processed.".into();
                repeated = Some(Repeated { change });
            }
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
        if let Some(repeated) = repeated {
            response.extensions_mut().insert(repeated);
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::error::Outage;

    /// H10. An operator who reads the log must learn why.
    #[test]
    fn unavailable_says_why_to_the_log_and_when_to_the_client() {
        for problem in [
            Problem::Busy,
            Problem::Retry,
            Problem::UnknownOutcome,
            Problem::Unavailable(Outage::Unreachable),
            Problem::Unavailable(Outage::ReadOnly),
            Problem::Unavailable(Outage::Full),
        ] {
            let name = format!("{problem:?}");
            let response = problem.into_response();
            assert_eq!(response.status(), 503, "{name}");
            assert!(response.headers().contains_key("retry-after"), "{name}");
            let reason = response.extensions().get::<InternalError>();
            assert!(
                reason.is_some_and(|InternalError(reason)| reason.len() > 10),
                "{name}"
            );
        }
    }
}
