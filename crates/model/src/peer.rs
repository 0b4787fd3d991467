//! Who counts as one stranger on the network.

use std::net::{IpAddr, Ipv6Addr};

/// The network of a peer, for limits per peer: an IPv4 address counts alone, an IPv6 address with all of its /64, since that
/// is the least that one customer or machine is given (RFC 6177; RFC 4291, 2.5.1). An IPv4 address that is written as IPv6
/// (`::ffff:192.0.2.1`) is the IPv4 address.
pub fn peer_network(peer: IpAddr) -> IpAddr {
    const NETWORK: u128 = !0 << 64;
    match peer.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & NETWORK).into(),
        address => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_is_an_ipv4_address_or_a_slash_64() {
        for (peer, network) in [
            ("192.0.2.7", "192.0.2.7"),
            ("::ffff:192.0.2.7", "192.0.2.7"),
            ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
            ("2001:db8:1:2:ffff::", "2001:db8:1:2::"),
            ("2001:db8:1:3::", "2001:db8:1:3::"),
            ("::1", "::"),
        ] {
            assert_eq!(peer_network(peer.parse().unwrap()), network.parse::<IpAddr>().unwrap(), "{peer}");
        }
    }
}
