//! The URL of a webhook, which is a secret.

use std::fmt;

use url::Url;

/// The URL of a webhook. Anyone who has it can send to its receiver, so it is never printed.
#[derive(Clone, sqlx::Type)]
#[sqlx(transparent)]
pub(crate) struct WebhookUrl(String);

impl WebhookUrl {
    /// The URL itself.
    pub(crate) fn secret(&self) -> &str {
        &self.0
    }

    /// The host, to be shown.
    pub(crate) fn host(&self) -> String {
        let url = Url::parse(&self.0).ok();
        let host = url.as_ref().and_then(Url::host_str);
        host.unwrap_or("an unknown host").to_owned()
    }

    /// The last four characters, by which people recognize it.
    pub(crate) fn ending(&self) -> String {
        let ending: Vec<char> = self.0.chars().rev().take(4).collect();
        ending.into_iter().rev().collect()
    }
}

impl From<Url> for WebhookUrl {
    fn from(url: Url) -> Self {
        Self(url.into())
    }
}

impl fmt::Debug for WebhookUrl {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str("<redacted>")
    }
}
