//! The author of a change, and the idempotency key of the request.

use uuid::Uuid;

/// The author of a change, and the key that identifies a repeated request.
#[derive(Clone, Debug)]
pub struct Actor {
    /// `None` for the program itself.
    pub(crate) account: Option<Uuid>,
    pub(crate) repeat: Option<IdempotencyKey>,
    /// The teams that the request's token is limited to; `None` means all teams.
    pub(crate) reach: Option<Vec<Uuid>>,
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
pub(crate) struct IdempotencyKey {
    pub(crate) key: String,
    pub(crate) fingerprint: Vec<u8>,
}
