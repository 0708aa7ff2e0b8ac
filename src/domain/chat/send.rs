//! Sends a message to a webhook, and reads what the answer means.

use reqwest::{Method, Request, StatusCode, Url, header};
use time::{Duration, OffsetDateTime, format_description::well_known::Rfc2822};

use crate::domain::{
    chat::{message::Message, webhooks::Webhook},
    outbound::{Answer, OutgoingClient, OutgoingError},
    outbox::Again,
};

/// The longest time that a chat may ask us to wait.
const LONGEST_WAIT: Duration = Duration::hours(24);

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
        StatusCode::TOO_MANY_REQUESTS => {
            retry_after(answer, now).map_or(Again::Later, Again::After)
        }
        StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_EARLY => Again::Later,
        _ if status.is_server_error() => {
            retry_after(answer, now).map_or(Again::Later, Again::After)
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

/// How long the chat wants us to wait: seconds, with or without a fraction, or a date.
fn retry_after(answer: &Answer, now: OffsetDateTime) -> Option<Duration> {
    let text = answer.headers.get(header::RETRY_AFTER)?.to_str().ok()?;
    let wait = match text.trim().parse::<f64>() {
        Ok(seconds) if (0.0..1e9).contains(&seconds) => Duration::seconds_f64(seconds.ceil()),
        Ok(_) => return None,
        Err(_) => OffsetDateTime::parse(text.trim(), &Rfc2822).ok()? - now,
    };
    Some(wait.clamp(Duration::SECOND, LONGEST_WAIT))
}

#[cfg(test)]
mod tests {
    use reqwest::header::{HeaderMap, HeaderValue};
    use time::macros::datetime;

    use super::*;

    #[test]
    fn wait_is_read_as_seconds_or_as_a_date() {
        let now = datetime!(2026-11-24 10:00 UTC);
        let wait = |text: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static(text));
            let answer = Answer {
                status: StatusCode::TOO_MANY_REQUESTS,
                headers,
                body: Vec::new(),
            };
            retry_after(&answer, now).map(Duration::whole_seconds)
        };
        assert_eq!(wait("30"), Some(30));
        assert_eq!(wait("1.337"), Some(2));
        assert_eq!(wait("0"), Some(1));
        assert_eq!(wait("Tue, 24 Nov 2026 10:05:00 GMT"), Some(300));
        assert_eq!(wait("Mon, 23 Nov 2026 10:05:00 GMT"), Some(1));
        assert_eq!(wait("99999999"), Some(86_400));
        assert_eq!(wait("NaN"), None);
        assert_eq!(wait("soon"), None);
    }
}
