//! The author of a change, and the idempotency key of the request.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use sha2::{Digest, Sha256};
use uuid::Uuid;

/// The author of a change, and the key that identifies a repeated request.
#[derive(Clone, Debug)]
pub struct Actor {
    /// `None` for a request without an account, and for the program itself.
    pub(crate) account: Option<Uuid>,
    pub(crate) idempotency_key: Option<IdempotencyKey>,
    /// The teams that the request's token is limited to; `None` means all teams.
    pub(crate) reach: Option<Vec<Uuid>>,
    /// The name of the agent that acts for the account, if it is one.
    pub(crate) agent: Option<String>,
}

impl Actor {
    /// A request without an account, or the program itself.
    pub fn system() -> Self {
        Self {
            account: None,
            idempotency_key: None,
            reach: None,
            agent: None,
        }
    }
}

/// The field of a form that holds its idempotency key.
const FORM_FIELD: &[u8] = b"idempotency_key";

/// An idempotency key, with a digest of the request it came with. Its clones share their state: the actor is built before
/// the body, which may contain the key, has been read.
#[derive(Clone, Debug)]
pub(crate) struct IdempotencyKey(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    /// `None` until the form that may contain it was read.
    key: Option<String>,
    is_of_form: bool,
    digest: Sha256,
    /// Whether a change of this request was committed with it. A request that makes several changes has one key.
    is_used: bool,
}

/// A key to store with a change.
#[derive(Debug)]
pub(crate) struct UnusedKey {
    pub(crate) key: String,
    /// The SHA-256 of the request.
    pub(crate) fingerprint: Vec<u8>,
}

impl IdempotencyKey {
    /// The key of a request with this method and path, whose body has not been read yet.
    pub(crate) fn new(key: String, method: &str, path: &str) -> Self {
        Self::with(Some(key), method, path)
    }

    /// The key of a form that is not read yet. It may have none.
    pub(crate) fn of_form(method: &str, path: &str) -> Self {
        Self::with(None, method, path)
    }

    fn with(key: Option<String>, method: &str, path: &str) -> Self {
        Self(Arc::new(Mutex::new(State {
            is_of_form: key.is_none(),
            key,
            digest: Sha256::new().chain_update(method).chain_update(path),
            is_used: false,
        })))
    }

    /// Adds the request's body.
    pub(crate) fn add_body(&self, body: &[u8]) {
        let mut state = self.state();
        state.digest.update(body);
        if state.is_of_form {
            state.key = key_of_form(body).map(|key| {
                // The body is part of a form's key. The same page may be submitted again with other content, and readers of
                // a cached page share its key.
                format!("{key} {}", hex(&state.digest.clone().finalize()))
            });
        }
    }

    /// The key, unless a change of this request was already committed with it.
    pub(crate) fn unused(&self) -> Option<UnusedKey> {
        let state = self.state();
        let key = state.key.clone().filter(|_| !state.is_used)?;
        Some(UnusedKey {
            key,
            fingerprint: state.digest.clone().finalize().to_vec(),
        })
    }

    /// Notes that a change was committed with it.
    pub(crate) fn note_use(&self) {
        self.state().is_used = true;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The key in the body of a form, if it has the format of those that we make.
fn key_of_form(body: &[u8]) -> Option<&str> {
    let field = body
        .split(|byte| *byte == b'&')
        .find_map(|field| field.strip_prefix(FORM_FIELD)?.strip_prefix(b"="))?;
    let is_ours = (1..=64).contains(&field.len()) && field.iter().all(u8::is_ascii_alphanumeric);
    std::str::from_utf8(field).ok().filter(|_| is_ours)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
