//! The author of a change, and the idempotency key of the request.

use uuid::Uuid;

/// The author of a change, and the key that identifies a repeated request.
#[derive(Clone, Debug)]
pub struct Actor {
    /// `None` for the program itself.
    pub account: Option<Uuid>,
    pub repeat: Option<IdempotencyKey>,
    /// The teams that the request's token is limited to; `None` means all teams.
    pub reach: Option<Vec<Uuid>>,
}

impl Actor {
    /// A request without an account, or the program itself.
    pub fn system() -> Self {
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
