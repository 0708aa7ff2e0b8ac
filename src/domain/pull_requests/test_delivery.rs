//! A delivery that Fortnight sends to the public address of a connection, signed as the forge signs. It tries the whole
//! road: the name of the server, the proxy in front of it, the secret and the log.

use reqwest::{
    Method, Request, Url,
    header::{self, HeaderName, HeaderValue},
};
use serde_json::{Value, json};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{
    db::pool::Pool,
    domain::{
        auth::standard_webhooks,
        error::{Problem, Result},
        outbound::{Answer, OutgoingClient, OutgoingError},
        pull_requests::{Forge, connections, deliveries, signature},
    },
};

/// What begins the id of a test.
const PREFIX: &str = "fortnight-test-";

/// The field of a body that repeats the id: it is signed, and the header with the id is not at every forge.
const FIELD: &str = "fortnight_test";

/// How much of an answer is read.
const ANSWER_READ: usize = 4096;

/// How a test went, in words: either that it arrived, or why not and what to do.
pub(crate) type TestOutcome = std::result::Result<String, String>;

/// Whether a signed delivery is a test.
pub(crate) fn is_test(delivery: &str, body: &[u8]) -> bool {
    delivery.starts_with(PREFIX)
        && serde_json::from_slice::<Value>(body).is_ok_and(|body| body[FIELD] == delivery)
}

/// Sends a test to the address of a connection, and says what came of it.
///
/// # Errors
/// `Conflict` if it is disconnected.
pub(crate) async fn try_address(
    db: &Pool,
    client: &OutgoingClient,
    (connection, address): (Uuid, &str),
    now: OffsetDateTime,
) -> Result<TestOutcome> {
    let known = connections::secrets_of(db, connection, now).await?;
    let Some((forge, secrets)) = known else {
        return Err(Problem::conflict(
            "This connection was disconnected. Nothing was sent.",
        ));
    };
    // The secret that is used now comes first.
    let secret = secrets.first().map_or("", String::as_str);
    let id = format!("{PREFIX}{}", Uuid::new_v4().simple());
    let Some(request) = request(forge, address, secret, &id, now) else {
        return Ok(Err(
            "Nothing was sent: the public address of this server is not an address that starts with https:// or http://. \
             The operator sets it with --public-url."
                .to_owned(),
        ));
    };
    let answer = client.send_for_status(request, ANSWER_READ).await;
    let has_arrived = deliveries::has_arrived(db, connection, &id).await?;
    Ok(read(&answer, has_arrived))
}

/// The request, in the form of the forge: a ping, or the push of a tag at GitLab, which has none.
fn request(
    forge: Forge,
    address: &str,
    secret: &str,
    id: &str,
    now: OffsetDateTime,
) -> Option<Request> {
    let body = match forge {
        Forge::GitHub | Forge::Forgejo => json!({
            "zen": "A test of this connection, sent by Fortnight.",
            "hook_id": 0,
            FIELD: id,
        }),
        Forge::GitLab => json!({
            "object_kind": "tag_push",
            "event_name": "tag_push",
            "ref": "refs/tags/fortnight-test",
            FIELD: id,
        }),
    };
    let body = body.to_string();
    let headers: Vec<(&'static str, String)> = match forge {
        Forge::GitHub => vec![
            ("x-github-event", "ping".to_owned()),
            ("x-github-delivery", id.to_owned()),
            (
                "x-hub-signature-256",
                format!("sha256={}", signature::hex(secret, body.as_bytes())?),
            ),
        ],
        Forge::Forgejo => vec![
            ("x-forgejo-event", "ping".to_owned()),
            ("x-forgejo-delivery", id.to_owned()),
            (
                "x-forgejo-signature",
                signature::hex(secret, body.as_bytes())?,
            ),
        ],
        // Signed, rather than with the token, which would be the secret itself.
        Forge::GitLab => {
            let timestamp = now.unix_timestamp().to_string();
            let signature = standard_webhooks::sign(secret, id, &timestamp, body.as_bytes())?;
            vec![
                ("x-gitlab-event", "Tag Push Hook".to_owned()),
                ("idempotency-key", id.to_owned()),
                ("webhook-id", id.to_owned()),
                ("webhook-timestamp", timestamp),
                ("webhook-signature", signature),
            ]
        }
    };
    let mut request = Request::new(Method::POST, Url::parse(address).ok()?);
    let json = HeaderValue::from_static("application/json");
    request.headers_mut().insert(header::CONTENT_TYPE, json);
    for (name, value) in headers {
        let value = HeaderValue::from_str(&value).ok()?;
        let name = HeaderName::from_static(name);
        request.headers_mut().insert(name, value);
    }
    *request.body_mut() = Some(body.into());
    Some(request)
}

/// What an answer means, or that there is none.
fn read(answer: &std::result::Result<Answer, OutgoingError>, has_arrived: bool) -> TestOutcome {
    match answer {
        Ok(answer) if has_arrived && answer.status.is_success() => Ok(
            "The test arrived at the public address, and its signature matches. It is in the log below.".to_owned(),
        ),
        Ok(answer) if has_arrived => Err(format!(
            "The test arrived and its signature matches, but the answer was {}. A proxy in front of this server has changed \
             it, and the forge takes such a delivery for failed.",
            answer.status
        )),
        Err(error) if has_arrived => Err(format!(
            "The test arrived and its signature matches, but there was no answer: {error}. The forge takes such a \
             delivery for failed."
        )),
        Ok(answer) => Err(not_arrived(answer)),
        Err(error) => Err(not_sent(error)),
    }
}

/// What the answer of another server, or of a proxy in front of this one, means.
fn not_arrived(answer: &Answer) -> String {
    let status = answer.status;
    let what = if refusal(answer) {
        "The test arrived, but was refused, because its signature does not match. The log below has the reason. A proxy in \
         front of this server changes bodies or removes headers: let it pass requests to /hooks/forge/ unchanged."
    } else if status.is_success() {
        "but nothing arrived here. The public address leads to another server."
    } else if status.is_redirection() {
        "which redirects elsewhere, and forges send deliveries to the first address only. Enter the address that it \
         redirects to as --public-url, or let the proxy answer under this one."
    } else {
        match status.as_u16() {
            401 | 403 | 407 => {
                "so a proxy in front of this server lets nobody in who has not signed in there. Let it pass requests to \
                 /hooks/forge/."
            }
            404 | 405 => {
                "so the public address leads to another server, or a proxy in front of this one does not pass on requests \
                 to /hooks/forge/."
            }
            413 => "so a proxy in front of this server limits bodies. Let it pass up to 1 MB.",
            429 => "because there were too many requests. Try again in a minute.",
            _ if status.is_server_error() => {
                "so a proxy in front of this server did not reach it, or this server has an error, which is in its log."
            }
            _ => "so a proxy in front of this server refuses it.",
        }
    };
    if refusal(answer) {
        return what.to_owned();
    }
    format!("The answer at the public address was {status}, {what}")
}

/// Whether the answer is our own that refuses a signature.
fn refusal(answer: &Answer) -> bool {
    answer.status.as_u16() == 403 && String::from_utf8_lossy(&answer.body).contains("Refused: ")
}

/// Why nothing was sent, or what came instead of an answer.
fn not_sent(error: &OutgoingError) -> String {
    match error {
        OutgoingError::Forbidden { host, address } => format!(
            "Nothing was sent: {host} leads to {address}, which is not a public address. A forge in the same network may \
             reach it all the same. The operator can allow tests with --outgoing-allow {address}."
        ),
        OutgoingError::UnknownHost(host) => format!(
            "Nothing was sent: the name {host} has no address. Check --public-url and the entry in the DNS: without one, \
             no forge finds this server."
        ),
        OutgoingError::TooSlow { .. } | OutgoingError::Failed { .. } => format!(
            "The public address does not answer: {error}. Check that the proxy runs and that no firewall is in between. Some \
             networks cannot reach themselves by their public address: then the forge may reach it all the same."
        ),
        error => format!("Nothing was sent: {error}."),
    }
}

#[cfg(test)]
mod tests {
    use reqwest::{StatusCode, header::HeaderMap};

    use super::*;

    #[test]
    fn answers_are_told_in_words() {
        let answer = |status: u16, body: &str| {
            Ok(Answer {
                status: StatusCode::from_u16(status).unwrap(),
                headers: HeaderMap::new(),
                body: body.as_bytes().to_vec(),
            })
        };
        assert!(read(&answer(202, ""), true).is_ok());
        for (answer, has_arrived, part) in [
            (answer(502, ""), true, "arrived and its signature matches"),
            (answer(200, ""), false, "nothing arrived here"),
            (answer(301, ""), false, "redirects elsewhere"),
            (answer(401, ""), false, "has not signed in there"),
            (answer(403, "Forbidden"), false, "has not signed in there"),
            (
                answer(403, "Refused: the signature does not match"),
                false,
                "signature does not match",
            ),
            (answer(404, ""), false, "another server"),
            (answer(413, ""), false, "limits bodies"),
            (answer(429, ""), false, "too many requests"),
            (answer(502, ""), false, "did not reach it"),
            (answer(418, ""), false, "refuses it"),
        ] {
            let words = read(&answer, has_arrived).unwrap_err();
            assert!(words.contains(part), "{words}");
        }
    }

    #[test]
    fn only_a_body_with_its_own_id_is_a_test() {
        let body = br#"{"fortnight_test":"fortnight-test-1"}"#;
        assert!(is_test("fortnight-test-1", body));
        assert!(!is_test("fortnight-test-2", body));
        assert!(!is_test("1", br#"{"fortnight_test":"1"}"#));
        assert!(!is_test("fortnight-test-1", b"{}") && !is_test("fortnight-test-1", b""));
    }
}
