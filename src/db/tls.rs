//! The cryptography of outgoing TLS connections.

use std::sync::Once;

/// Chooses ring for every client of this process. Anything that makes an HTTP client calls it first.
pub fn choose_provider() {
    static CHOSEN: Once = Once::new();
    CHOSEN.call_once(|| {
        // It fails if there is one already, which then is used.
        let _ = rustls::crypto::ring::default_provider().install_default();
    });
}
