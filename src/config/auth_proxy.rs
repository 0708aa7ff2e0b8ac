//! The flag for signing in through a proxy in front.

use anyhow::ensure;
use axum::http::HeaderName;
use clap::Args;

use crate::config::trusted_proxies::TrustedProxies;

/// The flag, accepted by every command.
#[derive(Args, Clone, Debug)]
pub(crate) struct AuthProxyFlags {
    /// Header in which a trusted proxy that signs people in names their e-mail address, such as X-Forwarded-Email
    /// [default: none is believed]
    #[arg(
        long,
        env = "FORTNIGHT_AUTH_PROXY_HEADER",
        value_name = "HEADER",
        value_parser = header,
        global = true
    )]
    auth_proxy_header: Option<String>,
}

impl AuthProxyFlags {
    /// The header, if one was named.
    ///
    /// # Errors
    /// If there is no trusted proxy that could send it.
    pub(crate) fn header(&self, trusted: &TrustedProxies) -> anyhow::Result<Option<HeaderName>> {
        // docker compose passes an empty text for a variable that is not set
        let Some(name) = self
            .auth_proxy_header
            .as_deref()
            .filter(|name| !name.is_empty())
        else {
            return Ok(None);
        };
        ensure!(
            !trusted.is_empty(),
            "--auth-proxy-header needs --trusted-proxy: the header is believed only from there"
        );
        Ok(Some(name.parse()?))
    }
}

fn header(text: &str) -> Result<String, String> {
    if text.is_empty() {
        return Ok(String::new());
    }
    let name: HeaderName = text
        .parse()
        .map_err(|_| "not the name of a header".to_owned())?;
    // These mean something else here.
    let is_taken = [
        "authorization",
        "cookie",
        "host",
        "origin",
        "x-forwarded-for",
    ];
    if is_taken.contains(&name.as_str()) {
        return Err("this header has another meaning".to_owned());
    }
    Ok(text.to_owned())
}
