//! Values that must not be printed.

use std::fmt;

/// A password, or a URL with one. Such a flag is parsed later than the others, because clap prints values that it
/// refuses.
#[derive(Clone)]
pub(crate) struct SecretText(String);

impl SecretText {
    /// The value.
    pub(crate) fn text(&self) -> &str {
        &self.0
    }
}

impl From<String> for SecretText {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl fmt::Debug for SecretText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<redacted>")
    }
}
