//! Sends a message to a receiver, signed after Standard Webhooks 1.0, and reads what the answer means.

use reqwest::{
    Method, Request, StatusCode, Url,
    header::{self, HeaderName, HeaderValue},
};
use time::{Duration, OffsetDateTime};

use crate::domain::{
    auth::standard_webhooks::sign,
    outbound::{OutgoingClient, webhook_url::WebhookUrl},
};

/// How much of an answer is kept.
const ANSWER_KEPT: usize = 1024;

/// How an attempt went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Attempt {
    pub(crate) status: Option<u16>,
    /// The beginning of the answer.
    pub(crate) answer: String,
    /// Why it failed, in words that may be shown; empty if the message was accepted.
    pub(crate) error: String,
    /// How long the receiver wants us to wait.
    pub(crate) wait: Option<Duration>,
}

impl Attempt {
    pub(crate) fn is_accepted(&self) -> bool {
        self.error.is_empty()
    }

    /// Whether the receiver wants no more messages.
    pub(crate) fn is_gone(&self) -> bool {
        self.status == Some(StatusCode::GONE.as_u16())
    }

    /// Whether the receiver has too much to do.
    pub(crate) fn is_overloaded(&self) -> bool {
        let status = self
            .status
            .and_then(|status| StatusCode::from_u16(status).ok());
        self.wait.is_some()
            || matches!(
                status,
                Some(
                    StatusCode::TOO_MANY_REQUESTS
                        | StatusCode::BAD_GATEWAY
                        | StatusCode::GATEWAY_TIMEOUT
                )
            )
    }

    fn failed(error: impl Into<String>) -> Self {
        Self {
            status: None,
            answer: String::new(),
            error: error.into(),
            wait: None,
        }
    }
}

/// Sends a body. `secrets`: each signs it.
pub(crate) async fn send(
    client: &OutgoingClient,
    url: &WebhookUrl,
    secrets: &[String],
    (id, body): (&str, &str),
    now: OffsetDateTime,
) -> Attempt {
    let Some(request) = request(url, secrets, (id, body), now) else {
        return Attempt::failed("The URL or the secret of the webhook cannot be used");
    };
    let answer = match client.send_for_status(request, ANSWER_KEPT).await {
        Ok(answer) => answer,
        Err(error) => return Attempt::failed(error.to_string()),
    };
    let error = if answer.status.is_success() {
        String::new()
    } else if answer.status.is_redirection() {
        format!(
            "{} answered {}, and redirects are not followed",
            url.host(),
            answer.status
        )
    } else {
        format!("{} answered {}", url.host(), answer.status)
    };
    Attempt {
        status: Some(answer.status.as_u16()),
        answer: beginning(&answer.body),
        wait: answer.retry_after(now).filter(|_| !error.is_empty()),
        error,
    }
}

fn request(
    url: &WebhookUrl,
    secrets: &[String],
    (id, body): (&str, &str),
    now: OffsetDateTime,
) -> Option<Request> {
    let timestamp = now.unix_timestamp().to_string();
    let signatures: Option<Vec<String>> = secrets
        .iter()
        .map(|secret| sign(secret, id, &timestamp, body.as_bytes()))
        .collect();
    let signatures = signatures?.join(" ");
    let mut request = Request::new(Method::POST, Url::parse(url.secret()).ok()?);
    for (name, value) in [
        (header::CONTENT_TYPE, "application/json"),
        (HeaderName::from_static("webhook-id"), id),
        (HeaderName::from_static("webhook-timestamp"), &timestamp),
        (HeaderName::from_static("webhook-signature"), &signatures),
    ] {
        let value = HeaderValue::from_str(value).ok()?;
        request.headers_mut().insert(name, value);
    }
    *request.body_mut() = Some(body.to_owned().into());
    Some(request)
}

/// The first kilobyte as text that can be stored.
fn beginning(body: &[u8]) -> String {
    let kept = &body[..body.len().min(ANSWER_KEPT)];
    let text = String::from_utf8_lossy(kept).replace('\0', "\u{fffd}");
    text.chars().take(ANSWER_KEPT).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn beginning_of_any_answer_can_be_stored() {
        assert_eq!(beginning(b"ok"), "ok");
        assert_eq!(beginning(b"a\0b\xff"), "a\u{fffd}b\u{fffd}");
        assert_eq!(beginning(&[b'x'; 5000]).len(), 1024);
        assert_eq!(beginning(&[0xff; 5000]).chars().count(), 1024);
    }
}
