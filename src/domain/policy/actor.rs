//! The author of a change, and the idempotency key of the request.

use std::sync::{Arc, Mutex, PoisonError};

use sha2::{Digest, Sha256};
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

/// An idempotency key, with a digest of the request it came with.
#[derive(Clone, Debug)]
pub(crate) struct IdempotencyKey {
    pub(crate) key: String,
    /// Shared, because a request's author is known before its body is read.
    digest: Arc<Mutex<Sha256>>,
}

impl IdempotencyKey {
    /// The key of a request with this method and path, before its body.
    pub(crate) fn new(key: String, method: &str, path: &str) -> Self {
        let digest = Sha256::new().chain_update(method).chain_update(path);
        Self {
            key,
            digest: Arc::new(Mutex::new(digest)),
        }
    }

    /// Adds the request's body.
    pub(crate) fn add_body(&self, body: &[u8]) {
        let mut digest = self.digest.lock().unwrap_or_else(PoisonError::into_inner);
        digest.update(body);
    }

    /// The SHA-256 of the request.
    pub(crate) fn fingerprint(&self) -> Vec<u8> {
        let digest = self.digest.lock().unwrap_or_else(PoisonError::into_inner);
        digest.clone().finalize().to_vec()
    }
}
