//! Sends a message to a webhook, and reads what the answer means.

use reqwest::{Method, Request, StatusCode, Url, header};
use time::OffsetDateTime;

use crate::domain::{
    chat::{message::Message, webhooks::Webhook},
    outbound::{Answer, OutgoingClient, OutgoingError},
    outbox::Again,
};

/// Why a message was not sent. The text names the host at most, never the URL.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct SendError {
    pub(crate) message: String,
    pub(crate) again: Again,
    /// Whether the chat does not know the webhook any more, or forbids it.
    pub(crate) is_refused: bool,
}

/// Sends a message; returns once the chat has accepted it.
pub(crate) async fn send(
    client: &OutgoingClient,
    webhook: &Webhook,
    message: &Message,
    now: OffsetDateTime,
) -> Result<(), SendError> {
    let host = webhook.url.host();
    let never = |message: String| SendError {
        message,
        again: Again::Never,
        is_refused: false,
    };
    let url = Url::parse(webhook.url.secret())
        .map_err(|_| never("the address of the webhook is not a URL".to_owned()))?;
    let mut request = Request::new(Method::POST, url);
    let json = header::HeaderValue::from_static("application/json");
    request.headers_mut().insert(header::CONTENT_TYPE, json);
    let body = webhook.product.body(message);
    *request.body_mut() = Some(body.to_string().into());
    match client.send(request).await {
        Ok(answer) => read(&host, &answer, now),
        Err(error) => Err(match error {
            OutgoingError::NotAnAddress(_)
            | OutgoingError::NotAHost(_)
            | OutgoingError::NotEncrypted
            | OutgoingError::NotEncryptedMail(_)
            | OutgoingError::Forbidden { .. } => never(error.to_string()),
            OutgoingError::UnknownHost(_)
            | OutgoingError::TooSlow { .. }
            | OutgoingError::TooLarge { .. }
            | OutgoingError::Failed { .. } => SendError {
                message: error.to_string(),
                again: Again::Later,
                is_refused: false,
            },
        }),
    }
}

/// What the answer of a chat means. Its body is not repeated: it is the text of a stranger, and might contain the URL.
fn read(host: &str, answer: &Answer, now: OffsetDateTime) -> Result<(), SendError> {
    let status = answer.status;
    if status.is_success() {
        return Ok(());
    }
    let again = match status {
        StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_EARLY => Again::Later,
        _ if status == StatusCode::TOO_MANY_REQUESTS || status.is_server_error() => {
            answer.retry_after(now).map_or(Again::Later, Again::After)
        }
        _ => Again::Never,
    };
    Err(SendError {
        message: format!("{host} answered {status}"),
        again,
        is_refused: matches!(
            status,
            StatusCode::UNAUTHORIZED
                | StatusCode::FORBIDDEN
                | StatusCode::NOT_FOUND
                | StatusCode::GONE
        ),
    })
}
