//! Whether a delivery comes from the forge that knows the secret. Comparisons take the same time whatever they compare.

use hmac::Mac;
use subtle::ConstantTimeEq;
use time::{Duration, OffsetDateTime};

use crate::domain::{
    auth::standard_webhooks::{is_signed_by, mac},
    pull_requests::model::Forge,
};

/// How far a signed time may be from ours.
const CLOCKS_DIFFER: Duration = Duration::minutes(5);

/// The headers that sign a delivery, as far as they are there.
#[derive(Clone, Copy, Debug, Default)]
pub struct SignatureHeaders<'h> {
    /// `X-Hub-Signature-256`
    pub hub: Option<&'h str>,
    /// `X-Forgejo-Signature`, else `X-Gitea-Signature`
    pub forgejo: Option<&'h str>,
    /// `X-Gitlab-Token`
    pub gitlab_token: Option<&'h str>,
    /// `webhook-id`, `webhook-timestamp` and `webhook-signature`
    pub standard: Option<(&'h str, &'h str, &'h str)>,
}

/// Why a delivery is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    Missing,
    Wrong,
    /// Its time is not within five minutes of ours.
    Old,
}

impl Refusal {
    /// The reason, for the log.
    pub(crate) fn reason(self) -> &'static str {
        match self {
            Self::Missing => "Refused: it has no signature",
            Self::Wrong => "Refused: the signature does not match",
            Self::Old => "Refused: it was signed more than five minutes ago",
        }
    }
}

/// Checks a delivery against the secret, and the one before it.
pub fn verify(
    forge: Forge,
    headers: &SignatureHeaders<'_>,
    body: &[u8],
    secrets: &[&str],
    now: OffsetDateTime,
) -> Result<(), Refusal> {
    let is_signed = |signature: &str| {
        secrets.iter().fold(false, |any, secret| {
            any | matches_hex(secret, body, signature)
        })
    };
    let matches = match forge {
        Forge::GitHub => {
            let signature = headers.hub.ok_or(Refusal::Missing)?;
            signature.strip_prefix("sha256=").is_some_and(is_signed)
        }
        Forge::Forgejo => match (headers.forgejo, headers.hub) {
            (Some(signature), _) => is_signed(signature),
            (None, Some(signature)) => signature.strip_prefix("sha256=").is_some_and(is_signed),
            (None, None) => return Err(Refusal::Missing),
        },
        Forge::GitLab => match (headers.standard, headers.gitlab_token) {
            (Some(signed), _) => is_standard(signed, body, secrets, now)?,
            (None, Some(token)) => secrets.iter().fold(false, |any, secret| {
                any | bool::from(secret.as_bytes().ct_eq(token.as_bytes()))
            }),
            (None, None) => return Err(Refusal::Missing),
        },
    };
    matches.then_some(()).ok_or(Refusal::Wrong)
}

/// Checks a signature of Standard Webhooks 1.0, and the time that is signed.
fn is_standard(
    (id, timestamp, signatures): (&str, &str, &str),
    body: &[u8],
    secrets: &[&str],
    now: OffsetDateTime,
) -> Result<bool, Refusal> {
    let sent: i64 = timestamp.parse().map_err(|_| Refusal::Wrong)?;
    let differ = now.unix_timestamp().saturating_sub(sent).saturating_abs();
    let any = secrets.iter().fold(false, |any, secret| {
        any | is_signed_by(secret, (id, timestamp, signatures), body)
    });
    // Only a sender who knows the secret learns that the time is wrong.
    match any {
        true if differ > CLOCKS_DIFFER.whole_seconds() => Err(Refusal::Old),
        any => Ok(any),
    }
}

fn matches_hex(secret: &str, body: &[u8], signature: &str) -> bool {
    let mac = mac(secret.as_bytes(), &[body]);
    match (mac, unhex(signature)) {
        (Some(mac), Some(signature)) => mac.verify_slice(&signature).is_ok(),
        _ => false,
    }
}

/// The 32 bytes of a digest in hexadecimal digits.
fn unhex(text: &str) -> Option<[u8; 32]> {
    let text = text.trim().as_bytes();
    let mut bytes = [0; 32];
    if text.len() != 64 {
        return None;
    }
    for (byte, pair) in bytes.iter_mut().zip(text.chunks(2)) {
        let digit = |at: usize| char::from(pair[at]).to_digit(16);
        *byte = u8::try_from(digit(0)? * 16 + digit(1)?).ok()?;
    }
    Some(bytes)
}

/// The signature of a body as GitHub and Forgejo make it, in hexadecimal digits. `None` if the secret is none.
pub(super) fn hex(secret: &str, body: &[u8]) -> Option<String> {
    let mac = mac(secret.as_bytes(), &[body])?.finalize();
    let digits = mac.into_bytes().into_iter();
    Some(digits.map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;
    use crate::domain::auth::standard_webhooks::sign;

    const NOW: OffsetDateTime = datetime!(2026-11-24 10:00 UTC);

    fn check(forge: Forge, headers: SignatureHeaders<'_>, secrets: &[&str]) -> Result<(), Refusal> {
        verify(forge, &headers, b"{}", secrets, NOW)
    }

    /// The values of GitHub's own documentation.
    #[test]
    fn github_signature_is_that_of_its_documentation() {
        let signature = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
        let headers = SignatureHeaders {
            hub: Some(signature),
            ..SignatureHeaders::default()
        };
        let secrets = ["It's a Secret to Everybody"];
        let outcome = verify(Forge::GitHub, &headers, b"Hello, World!", &secrets, NOW);
        assert_eq!(outcome, Ok(()));
        let outcome = verify(Forge::GitHub, &headers, b"Hello, World?", &secrets, NOW);
        assert_eq!(outcome, Err(Refusal::Wrong));
    }

    #[test]
    fn each_forge_needs_its_own_header_and_either_secret() {
        let (new, old) = (
            "a new secret of some length",
            "an old secret of some length",
        );
        let bare = hex(old, b"{}").unwrap();
        let hub = format!("sha256={bare}");
        let none = SignatureHeaders::default();
        for forge in Forge::ALL {
            assert_eq!(check(forge, none, &[new]), Err(Refusal::Missing));
        }
        let headers = SignatureHeaders {
            hub: Some(&hub),
            ..none
        };
        assert_eq!(check(Forge::GitHub, headers, &[new, old]), Ok(()));
        assert_eq!(check(Forge::Forgejo, headers, &[new, old]), Ok(()));
        assert_eq!(check(Forge::GitHub, headers, &[new]), Err(Refusal::Wrong));
        assert_eq!(check(Forge::GitLab, headers, &[old]), Err(Refusal::Missing));
        let headers = SignatureHeaders {
            forgejo: Some(&bare),
            ..none
        };
        assert_eq!(check(Forge::Forgejo, headers, &[old]), Ok(()));
        assert_eq!(check(Forge::GitHub, headers, &[old]), Err(Refusal::Missing));
        for (token, expected) in [(old, Ok(())), ("", Err(Refusal::Wrong))] {
            let headers = SignatureHeaders {
                gitlab_token: Some(token),
                ..none
            };
            assert_eq!(check(Forge::GitLab, headers, &[new, old]), expected);
        }
    }

    #[test]
    fn standard_webhooks_are_signed_with_their_time() {
        let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
        let signed = |at: &str| {
            let signature = sign(secret, "msg_1", at, b"{}").unwrap();
            format!("v1,AAAA {signature}")
        };
        let attempt = |at: &str, signature: &str| {
            let headers = SignatureHeaders {
                standard: Some(("msg_1", at, signature)),
                gitlab_token: Some(secret),
                ..SignatureHeaders::default()
            };
            check(Forge::GitLab, headers, &[secret])
        };
        let now = NOW.unix_timestamp();
        for (late, expected) in [
            (0, Ok(())),
            (299, Ok(())),
            (-299, Ok(())),
            (301, Err(Refusal::Old)),
            (-301, Err(Refusal::Old)),
        ] {
            let at = (now - late).to_string();
            assert_eq!(attempt(&at, &signed(&at)), expected, "{late}");
        }
        let at = now.to_string();
        assert_eq!(attempt(&at, "v1,AAAA"), Err(Refusal::Wrong));
        assert_eq!(attempt(&at, "v2,whatever"), Err(Refusal::Wrong));
        assert_eq!(attempt("soon", &signed("soon")), Err(Refusal::Wrong));
        assert_eq!(attempt(&at, &signed("1")), Err(Refusal::Wrong));
    }
}
