//! Limits how many connections one network may have open.

use std::{net::IpAddr, time::Duration};

use crate::{
    config::trusted_proxies::TrustedProxies,
    http::middleware::{
        client_ip::ClientIp,
        in_use::{InUse, Share},
    },
};

/// Connections beyond a network's limit, which get one answer each: that there are too many.
const MAX_BEYOND: usize = 256;
/// Time for the request of such a connection to arrive.
pub(crate) const BEYOND_HEAD: Duration = Duration::from_secs(2);

/// The connections of each network: an IPv4 address or an IPv6 /64.
#[derive(Clone, Default)]
pub struct ConnectionLimits {
    /// The most of one network; `None` for a tenth of what the program can hold.
    most: Option<usize>,
    /// Reverse proxies, which connect for everyone.
    trusted: TrustedProxies,
    open: InUse<ClientIp>,
    beyond: InUse<ClientIp>,
}

/// A place for one connection, free again when dropped.
pub(crate) enum Place {
    /// A trusted proxy's, which is not counted.
    Proxy,
    Within(#[expect(dead_code, reason = "dropped with the connection")] Share<ClientIp>),
    /// One that only learns that its network has too many.
    Beyond(#[expect(dead_code, reason = "as above")] Share<ClientIp>),
}

impl ConnectionLimits {
    /// The usual limits, which do not apply to these proxies.
    pub(crate) fn except(trusted: TrustedProxies) -> Self {
        Self {
            trusted,
            ..Self::default()
        }
    }

    /// At most this many connections of each network.
    pub fn of(most: usize) -> Self {
        Self {
            most: Some(most),
            ..Self::default()
        }
    }

    /// A place for a connection from this address; `None` if it is to be closed at once.
    pub(crate) fn place(&self, peer: IpAddr, all: usize) -> Option<Place> {
        let peer = peer.to_canonical();
        if self.trusted.has(peer) {
            return Some(Place::Proxy);
        }
        let network = ClientIp::from(peer).counted();
        // An office shares one address, and each open board is a connection.
        let most = self.most.unwrap_or((all / 10).max(256));
        if let Some(share) = self.open.take(network, 1, most) {
            return Some(Place::Within(share));
        }
        let share = self.beyond.take(network, 1, MAX_BEYOND)?;
        Some(Place::Beyond(share))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_are_limited_and_proxies_are_not() {
        let limits = ConnectionLimits::except("192.0.2.7".parse().unwrap());
        let mut places = Vec::new();
        let mut connect = |peer: &str| match limits.place(peer.parse().unwrap(), 20_000) {
            Some(place) => {
                let kind = match place {
                    Place::Proxy => "proxy",
                    Place::Within(_) => "within",
                    Place::Beyond(_) => "beyond",
                };
                places.push(place);
                kind
            }
            None => "closed",
        };
        for number in 0..2000_u32 {
            assert_eq!(connect(&format!("2001:db8::{number:x}")), "within");
        }
        for _ in 0..MAX_BEYOND {
            assert_eq!(connect("2001:db8::1"), "beyond");
        }
        assert_eq!(connect("2001:db8::1"), "closed");
        assert_eq!(connect("2001:db8:0:1::1"), "within");
        for _ in 0..5000 {
            assert_eq!(connect("::ffff:192.0.2.7"), "proxy");
        }
        places.clear();
        assert!(matches!(
            limits.place("2001:db8::1".parse().unwrap(), 20_000),
            Some(Place::Within(_))
        ));
    }
}
