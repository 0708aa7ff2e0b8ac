//! The trusted reverse proxies, whose `X-Forwarded-For` is believed.

use std::{
    net::{IpAddr, SocketAddr},
    str::FromStr,
    sync::Once,
};

use axum::http::HeaderMap;

use crate::config::networks::Networks;

/// Networks of trusted reverse proxies.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TrustedProxies(Networks);

impl FromStr for TrustedProxies {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        text.parse().map(Self)
    }
}

impl FromIterator<Self> for TrustedProxies {
    fn from_iter<T: IntoIterator<Item = Self>>(all: T) -> Self {
        Self(all.into_iter().map(|some| some.0).collect())
    }
}

impl TrustedProxies {
    /// Whether no proxy is trusted.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.list().is_empty()
    }

    /// Whether this is the address of a trusted proxy.
    pub(crate) fn has(&self, address: IpAddr) -> bool {
        self.0.has(address)
    }

    /// Says once in the log that a header is ignored: behind a proxy that is not named, everyone shares one address, and
    /// with it the rate limits.
    pub(crate) fn warn_if_unknown(&self, peer: IpAddr, headers: &HeaderMap) {
        static WARNED: Once = Once::new();
        if headers.contains_key("x-forwarded-for") && !self.has(peer.to_canonical()) {
            WARNED.call_once(|| {
                tracing::warn!(
                    "ignoring X-Forwarded-For from {peer}: if that is your reverse proxy, add --trusted-proxy {peer}"
                );
            });
        }
    }

    /// The client's address. Each proxy appends its peer's address at the right end of `X-Forwarded-For`, so the
    /// first entry from the right that is not a trusted proxy is the client. Entries left of it may be
    /// forged.
    pub(crate) fn client(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let mut client = peer.to_canonical();
        let lines = headers.get_all("x-forwarded-for").iter().rev();
        let mut entries = lines.flat_map(|line| line.to_str().unwrap_or_default().rsplit(','));
        while self.has(client) {
            let Some(address) = entries.next().and_then(parse) else {
                break;
            };
            client = address;
        }
        client
    }
}

/// Parses an address as proxies write it; some add the port.
fn parse(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let bare = text
        .strip_prefix('[')
        .and_then(|text| text.strip_suffix(']'))
        .unwrap_or(text);
    let address = bare
        .parse()
        .or_else(|_| text.parse::<SocketAddr>().map(|address| address.ip()));
    address.ok().map(|address: IpAddr| address.to_canonical())
}
