//! Who makes a change, and the key that marks a repeated request.

use uuid::Uuid;

/// Who changes something, and the key by which a repeated request is recognised.
#[derive(Clone, Debug)]
pub struct Actor {
    /// Nobody: the program itself.
    pub account: Option<Uuid>,
    pub repeat: Option<IdempotencyKey>,
    /// The teams that what they came with is for; none said: all.
    pub reach: Option<Vec<Uuid>>,
}

impl Actor {
    /// Somebody who has no account yet, or the program itself.
    pub fn nobody() -> Self {
        Self {
            account: None,
            repeat: None,
            reach: None,
        }
    }
}

/// An idempotency key, with the SHA-256 of the request it came with.
#[derive(Clone, Debug)]
pub struct IdempotencyKey {
    pub key: String,
    pub fingerprint: Vec<u8>,
}
