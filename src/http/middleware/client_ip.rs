//! The client's IP address: the peer of the connection, or what a trusted proxy reports.

use std::{
    convert::Infallible,
    net::{IpAddr, SocketAddr},
};

use axum::{
    extract::{ConnectInfo, FromRef, FromRequestParts},
    http::request::Parts,
};
use ipnet::Ipv6Net;

use crate::config::trusted_proxies::TrustedProxies;

/// A client's IP address. Unknown without a connection, as in some tests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ClientIp(Option<IpAddr>);

impl ClientIp {
    /// The client's address of a request.
    pub fn of(trusted: &TrustedProxies, parts: &Parts) -> Self {
        let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>();
        Self(peer.map(|ConnectInfo(peer)| trusted.client(peer.ip(), &parts.headers)))
    }

    /// The address as rate limits count it: an IPv6 subscriber has a whole /64.
    #[must_use]
    pub(crate) fn counted(self) -> Self {
        let whole = |address| match address {
            IpAddr::V6(address) => Ipv6Net::new_assert(address, 64).network().into(),
            IpAddr::V4(_) => address,
        };
        Self(self.0.map(whole))
    }
}

impl From<IpAddr> for ClientIp {
    fn from(address: IpAddr) -> Self {
        Self(Some(address))
    }
}

impl std::fmt::Display for ClientIp {
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.map_or(Ok(()), |address| address.fmt(to))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for ClientIp
where
    TrustedProxies: FromRef<S>,
{
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Infallible> {
        Ok(Self::of(&TrustedProxies::from_ref(state), parts))
    }
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderMap, HeaderValue};
    use ipnet::IpNet;
    use proptest::prelude::*;

    use super::*;

    fn client(trusted: &str, peer: &str, forwarded: &[&str]) -> String {
        let mut headers = HeaderMap::new();
        for line in forwarded {
            headers.append("x-forwarded-for", HeaderValue::from_str(line).unwrap());
        }
        trusted
            .parse::<TrustedProxies>()
            .unwrap()
            .client(peer.parse().unwrap(), &headers)
            .to_string()
    }

    /// Case 28.
    #[test]
    fn only_a_trusted_proxy_is_believed_and_only_what_it_added() {
        let proxies = "10.0.0.0/8, 192.0.2.7,fd00::/8";
        assert_eq!(
            client("", "203.0.113.9", &["198.51.100.1"]),
            "203.0.113.9",
            "no trusted proxy"
        );
        assert_eq!(
            client(proxies, "203.0.113.9", &["198.51.100.1"]),
            "203.0.113.9",
            "not from a trusted proxy"
        );
        assert_eq!(
            client(proxies, "10.1.2.3", &["198.51.100.1"]),
            "198.51.100.1"
        );
        assert_eq!(client(proxies, "10.1.2.3", &[]), "10.1.2.3");
        assert_eq!(
            client(proxies, "10.1.2.3", &["6.6.6.6, 198.51.100.1"]),
            "198.51.100.1",
            "the left part is forged"
        );
        assert_eq!(
            client(proxies, "10.1.2.3", &["6.6.6.6", "198.51.100.1, 192.0.2.7"]),
            "198.51.100.1"
        );
        assert_eq!(
            client(proxies, "10.1.2.3", &["6.6.6.6, nonsense"]),
            "10.1.2.3",
            "stops at what cannot be parsed"
        );
        assert_eq!(
            client(proxies, "::ffff:10.1.2.3", &["198.51.100.1:4711"]),
            "198.51.100.1"
        );
        assert_eq!(
            client(proxies, "fd00::1", &["[2001:db8::1]:443"]),
            "2001:db8::1"
        );
        assert_eq!(
            client(proxies, "10.1.2.3", &["10.9.9.9"]),
            "10.9.9.9",
            "all of them are proxies"
        );
    }

    #[test]
    fn invalid_networks_are_named() {
        assert!(
            "10.0.0.0/33"
                .parse::<TrustedProxies>()
                .unwrap_err()
                .contains("10.0.0.0/33")
        );
        assert!("proxy".parse::<TrustedProxies>().is_err());
        // docker compose passes an empty text for a variable that is not set
        assert_eq!("".parse::<TrustedProxies>(), Ok(TrustedProxies::default()));
    }

    #[test]
    fn ipv6_subnets_are_counted_as_one() {
        let network = |text: &str| ClientIp(Some(text.parse().unwrap())).counted();
        assert_eq!(network("2001:db8:1:2::1"), network("2001:db8:1:2:ffff::9"));
        assert_ne!(network("2001:db8:1:2::1"), network("2001:db8:1:3::1"));
        assert_ne!(network("192.0.2.1"), network("192.0.2.2"));
    }

    proptest! {
        #[test]
        fn untrusted_peers_are_not_believed(header in "[ -~]{0,60}", trusted in "[ -~]{0,20}") {
            let _ = trusted.parse::<TrustedProxies>();
            prop_assert_eq!(client("10.0.0.0/8", "203.0.113.9", &[&header]), "203.0.113.9");
            client("10.0.0.0/8", "10.0.0.1", &[&header]).parse::<IpAddr>().unwrap();
        }

        /// A forged entry to the left does not change what the proxy added.
        #[test]
        fn forged_entries_are_ignored(made_up in "[ -~]{0,60}", real in any::<[u8; 4]>()) {
            let real = IpAddr::from(real);
            prop_assume!(!"10.0.0.0/8".parse::<IpNet>().unwrap().contains(&real));
            prop_assert_eq!(client("10.0.0.0/8", "10.0.0.1", &[&format!("{made_up}, {real}")]), real.to_string());
        }
    }
}
