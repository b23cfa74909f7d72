//! A visitor's address: what of it tells visitors apart, and what of it is kept.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use siphasher::sip::SipHasher24;

/// The address that a request came from; an IPv4 address written as an IPv6 one is itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Address(IpAddr);

impl From<IpAddr> for Address {
    fn from(address: IpAddr) -> Self {
        Self(address.to_canonical())
    }
}

impl Address {
    /// The address.
    #[must_use]
    pub const fn ip(self) -> IpAddr {
        self.0
    }

    /// What is one visitor's: all of an IPv4 address, the first half of an IPv6 one, whose other half a handset
    /// changes by the day.
    #[must_use]
    pub fn own(self) -> [u8; 16] {
        match self.0 {
            IpAddr::V4(address) => address.to_ipv6_mapped().octets(),
            IpAddr::V6(address) => beginning(address, 64).octets(),
        }
    }

    /// What is kept of it, as text: the network that it is in, `203.0.113.0` of 24 bits or `2001:db8:1::` of 48.
    #[must_use]
    pub fn network(self) -> String {
        match self.0 {
            IpAddr::V4(address) => {
                let [first, second, third, _] = address.octets();
                Ipv4Addr::new(first, second, third, 0).to_string()
            }
            IpAddr::V6(address) => beginning(address, 48).to_string(),
        }
    }

    /// Whether it may be a visitor's own: not of this machine or of a private network, where a proxy stands that
    /// nobody named (`10.0.0.0/8`, `127.0.0.0/8`, `fc00::/7` and their like).
    #[must_use]
    pub const fn is_public(self) -> bool {
        match self.0 {
            IpAddr::V4(address) => {
                let [first, second, ..] = address.octets();
                let is_carriers_own = first == 100 && second & 0xC0 == 64;
                !(address.is_private()
                    || address.is_loopback()
                    || address.is_link_local()
                    || address.is_unspecified()
                    || is_carriers_own)
            }
            IpAddr::V6(address) => {
                !(address.is_loopback()
                    || address.is_unique_local()
                    || address.is_unicast_link_local()
                    || address.is_unspecified())
            }
        }
    }
}

fn beginning(address: Ipv6Addr, bits: u32) -> Ipv6Addr {
    Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << (128 - bits)))
}

/// Makes of address and agent a number that names a visitor and leads back to neither without the key: SipHash-2-4.
#[derive(Clone, Copy, Debug)]
pub struct VisitorKey(SipHasher24);

impl VisitorKey {
    /// The key, which must stay the same: with another one everybody would be new.
    #[must_use]
    pub fn new(key: &[u8; 16]) -> Self {
        Self(SipHasher24::new_with_key(key))
    }

    /// The visitor with this address and this agent, by the id of its text.
    #[must_use]
    pub fn visitor(&self, address: Address, agent: i64) -> i64 {
        let mut text = [0; 24];
        text[..16].copy_from_slice(&address.own());
        text[16..].copy_from_slice(&agent.to_be_bytes());
        self.0.hash(&text).cast_signed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> Address {
        text.parse::<IpAddr>().expect("an address").into()
    }

    #[test]
    fn only_the_network_of_an_address_is_kept() {
        for (text, kept) in [
            ("203.0.113.7", "203.0.113.0"),
            ("255.255.255.255", "255.255.255.0"),
            ("::ffff:203.0.113.7", "203.0.113.0"),
            ("2001:db8:1:2:3:4:5:6", "2001:db8:1::"),
            ("2001:db8:0:2::1", "2001:db8::"),
            ("::1", "::"),
        ] {
            assert_eq!(address(text).network(), kept, "{text}");
        }
    }

    #[test]
    fn visitors_are_told_apart_by_all_of_an_ipv4_address_and_half_of_an_ipv6_one() {
        for (one, other, are_one) in [
            ("203.0.113.7", "203.0.113.8", false),
            ("203.0.113.7", "::ffff:203.0.113.7", true),
            ("2001:db8:1:2::1", "2001:db8:1:2:ffff:ffff:ffff:ffff", true),
            ("2001:db8:1:2::1", "2001:db8:1:3::1", false),
        ] {
            let key = VisitorKey::new(&[1; 16]);
            assert_eq!(
                address(one).own() == address(other).own(),
                are_one,
                "{one} {other}"
            );
            assert_eq!(
                key.visitor(address(one), 5) == key.visitor(address(other), 5),
                are_one,
                "{one} {other}"
            );
        }
    }

    #[test]
    fn a_visitor_is_of_the_key_the_address_and_the_agent() {
        let one = VisitorKey::new(&[1; 16]);
        let visitor = one.visitor(address("203.0.113.7"), 5);
        // Written down: with another number, everybody would be new.
        assert_eq!(visitor, 1_620_605_727_263_271_971);
        assert_ne!(visitor, one.visitor(address("203.0.113.7"), 6));
        assert_ne!(
            visitor,
            VisitorKey::new(&[2; 16]).visitor(address("203.0.113.7"), 5)
        );
    }

    #[test]
    fn addresses_of_private_networks_are_not_public() {
        for (text, is_public) in [
            ("203.0.113.7", true),
            ("2001:db8::1", true),
            ("100.63.255.255", true),
            ("100.64.0.1", false),
            ("100.127.255.255", false),
            ("100.128.0.1", true),
            ("127.0.0.1", false),
            ("::ffff:127.0.0.1", false),
            ("10.1.2.3", false),
            ("172.16.0.1", false),
            ("192.168.1.1", false),
            ("169.254.1.1", false),
            ("0.0.0.0", false),
            ("::1", false),
            ("fd00::1", false),
            ("fe80::1", false),
        ] {
            assert_eq!(address(text).is_public(), is_public, "{text}");
        }
    }
}
