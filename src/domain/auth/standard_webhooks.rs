//! Secrets and signatures of Standard Webhooks 1.0, with which we verify what GitLab sends and sign what we send.

use anyhow::Context;
use base64::{Engine, engine::general_purpose::STANDARD};
use hmac::{Hmac, Mac};
use sha2::Sha256;

/// What begins a secret. The rest is base64.
const SECRET_PREFIX: &str = "whsec_";

/// The most signatures of a header that are looked at.
const MOST_SIGNATURES: usize = 10;

/// Returns a secret with 256 random bits.
pub(crate) fn new_secret() -> anyhow::Result<String> {
    let mut bits = [0; 32];
    getrandom::fill(&mut bits).context("system random number generator failed")?;
    Ok(format!("{SECRET_PREFIX}{}", STANDARD.encode(bits)))
}

/// Returns the signature of a message for the header `webhook-signature`: `v1,` and base64. `None` if the secret is
/// none.
pub(crate) fn sign(secret: &str, id: &str, timestamp: &str, body: &[u8]) -> Option<String> {
    let mac = message_mac(secret, id, timestamp, body)?;
    let signature = STANDARD.encode(mac.finalize().into_bytes());
    Some(format!("v1,{signature}"))
}

/// Whether one of the signatures in a header, which spaces separate, is by this secret. Takes the same time whatever it
/// compares.
pub(crate) fn is_signed_by(
    secret: &str,
    (id, timestamp, signatures): (&str, &str, &str),
    body: &[u8],
) -> bool {
    let Some(expected) = message_mac(secret, id, timestamp, body) else {
        return false;
    };
    let mut any = false;
    for signature in signatures.split(' ').take(MOST_SIGNATURES) {
        let Some(sent) = signature.strip_prefix("v1,") else {
            continue;
        };
        if let Ok(sent) = STANDARD.decode(sent) {
            any |= expected.clone().verify_slice(&sent).is_ok();
        }
    }
    any
}

fn message_mac(secret: &str, id: &str, timestamp: &str, body: &[u8]) -> Option<Hmac<Sha256>> {
    let key = secret.strip_prefix(SECRET_PREFIX).unwrap_or(secret);
    let key = STANDARD.decode(key).ok()?;
    let parts: [&[u8]; 5] = [id.as_bytes(), b".", timestamp.as_bytes(), b".", body];
    mac(&key, &parts)
}

/// The HMAC-SHA256 of these parts together.
pub(crate) fn mac(key: &[u8], parts: &[&[u8]]) -> Option<Hmac<Sha256>> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).ok()?;
    for part in parts {
        mac.update(part);
    }
    Some(mac)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the specification's own libraries.
    #[test]
    fn signature_is_that_of_the_specification() {
        let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
        let (id, timestamp) = ("msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330");
        let body = br#"{"test": 2432232314}"#;
        let signature = sign(secret, id, timestamp, body).unwrap();
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
        let both = format!("v1,AAAA {signature}");
        assert!(is_signed_by(secret, (id, timestamp, &both), body));
        assert!(!is_signed_by(secret, (id, "1614265331", &both), body));
        assert!(!is_signed_by(
            &new_secret().unwrap(),
            (id, timestamp, &both),
            body
        ));
        assert_eq!(sign("whsec_?", id, timestamp, body), None);
    }
}
