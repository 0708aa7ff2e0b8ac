//! Values that must not be printed.

use std::fmt;

/// A URL with a password. It is parsed later than the other flags, because clap prints values that it refuses.
#[derive(Clone)]
pub(crate) struct SecretText(String);

impl SecretText {
    /// The value.
    pub(super) fn text(&self) -> &str {
        &self.0
    }
}

impl From<String> for SecretText {
    fn from(url: String) -> Self {
        Self(url)
    }
}

impl fmt::Debug for SecretText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<redacted>")
    }
}
