//! Where a request comes from: the other end of its connection, or what a proxy that is trusted says.

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

/// Where a request comes from. Without a connection, as in some tests, nobody knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ClientIp(Option<IpAddr>);

impl ClientIp {
    /// Where this one comes from.
    pub fn of(trusted: &TrustedProxies, parts: &Parts) -> Self {
        let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>();
        Self(peer.map(|ConnectInfo(peer)| trusted.client(peer.ip(), &parts.headers)))
    }

    /// The same as limits count it: who has one address of version 6 has all of its /64.
    #[must_use]
    pub fn counted(self) -> Self {
        let whole = |address| match address {
            IpAddr::V6(address) => Ipv6Net::new_assert(address, 64).network().into(),
            IpAddr::V4(_) => address,
        };
        Self(self.0.map(whole))
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

    fn client(trusted: &str, peer: &str, said: &[&str]) -> String {
        let mut headers = HeaderMap::new();
        for line in said {
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
            "nobody is trusted"
        );
        assert_eq!(
            client(proxies, "203.0.113.9", &["198.51.100.1"]),
            "203.0.113.9",
            "a stranger says so"
        );
        assert_eq!(
            client(proxies, "10.1.2.3", &["198.51.100.1"]),
            "198.51.100.1"
        );
        assert_eq!(client(proxies, "10.1.2.3", &[]), "10.1.2.3");
        assert_eq!(
            client(proxies, "10.1.2.3", &["6.6.6.6, 198.51.100.1"]),
            "198.51.100.1",
            "the left is made up"
        );
        assert_eq!(
            client(proxies, "10.1.2.3", &["6.6.6.6", "198.51.100.1, 192.0.2.7"]),
            "198.51.100.1"
        );
        assert_eq!(
            client(proxies, "10.1.2.3", &["6.6.6.6, nonsense"]),
            "10.1.2.3",
            "no further than one can read"
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
            "all of them are ours"
        );
    }

    #[test]
    fn what_is_no_network_is_named() {
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
    fn a_subscribers_addresses_are_counted_as_one() {
        let network = |text: &str| ClientIp(Some(text.parse().unwrap())).counted();
        assert_eq!(network("2001:db8:1:2::1"), network("2001:db8:1:2:ffff::9"));
        assert_ne!(network("2001:db8:1:2::1"), network("2001:db8:1:3::1"));
        assert_ne!(network("192.0.2.1"), network("192.0.2.2"));
    }

    proptest! {
        #[test]
        fn whatever_is_said_an_untrusted_peer_is_itself(said in "[ -~]{0,60}", trusted in "[ -~]{0,20}") {
            let _ = trusted.parse::<TrustedProxies>();
            prop_assert_eq!(client("10.0.0.0/8", "203.0.113.9", &[&said]), "203.0.113.9");
            client("10.0.0.0/8", "10.0.0.1", &[&said]).parse::<IpAddr>().unwrap();
        }

        /// Whatever somebody writes to the left, the proxy's own word stands.
        #[test]
        fn nobody_writes_themselves_another_address(made_up in "[ -~]{0,60}", real in any::<[u8; 4]>()) {
            let real = IpAddr::from(real);
            prop_assume!(!"10.0.0.0/8".parse::<IpNet>().unwrap().contains(&real));
            prop_assert_eq!(client("10.0.0.0/8", "10.0.0.1", &[&format!("{made_up}, {real}")]), real.to_string());
        }
    }
}
