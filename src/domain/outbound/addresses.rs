//! Which addresses are public, so that a request there cannot reach the operator's own network.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Whether an address is one of the public internet. Those that carry an IPv4 address inside are judged by that one.
#[must_use]
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

/// All that IANA's registry of special addresses does not call globally reachable, and multicast.
fn is_public_v4(address: Ipv4Addr) -> bool {
    !matches!(
        address.octets(),
        // this network, private, loopback, link-local with the metadata services of clouds
        [0 | 10 | 127, ..] | [172, 16..=31, ..] | [192, 168, ..] | [169, 254, ..]
            // carrier-grade NAT, protocol assignments, the former relays of 6to4
            | [100, 64..=127, ..] | [192, 0, 0, _] | [192, 88, 99, _]
            // documentation and benchmarks
            | [192, 0, 2, _] | [198, 51, 100, _] | [203, 0, 113, _] | [198, 18 | 19, ..]
            // multicast, reserved, broadcast
            | [224..=255, ..]
    )
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let [a, b, c, d, e, f, g, h] = address.segments();
    let of = |high: u16, low: u16| {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        is_public_v4(Ipv4Addr::new(a, b, c, d))
    };
    match [a, b, c, d, e, f] {
        // ::ffff:a.b.c.d, and 64:ff9b::a.b.c.d, by which networks without IPv4 reach it
        [0, 0, 0, 0, 0, 0xffff] | [0x64, 0xff9b, 0, 0, 0, 0] => of(g, h),
        // 6to4
        [0x2002, high, low, ..] => of(high, low),
        // protocol assignments with Teredo, and documentation
        [0x2001, 0..=0x1ff | 0xdb8, ..] | [0x3fff, 0..=0xfff, ..] => false,
        // the only range that is given out; loopback, private, link-local and multicast are outside
        _ => a & 0xe000 == 0x2000,
    }
}
