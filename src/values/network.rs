//! Networks: ranges of addresses such as `203.0.113.0/24` and `2001:db8::/32`.

use std::{
    fmt,
    net::{IpAddr, Ipv6Addr},
    str::FromStr,
};

/// A range of addresses. An IPv4 address is the same as itself written as an IPv6 one (`::ffff:203.0.113.7`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Network {
    first: u128,
    last: u128,
}

/// Why a text is no network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InvalidNetwork {
    /// Not of the form of one.
    Form,
    /// The address has bits behind its prefix: more likely a slip than what was meant, so the network is only proposed.
    HostBits(String),
}

impl fmt::Display for InvalidNetwork {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Form => {
                f.write_str("give a network such as 203.0.113.0/24 or 2001:db8::/32, or one address")
            }
            Self::HostBits(network) => write!(
                f,
                "the address has bits behind its prefix; the network is {network}"
            ),
        }
    }
}

impl std::error::Error for InvalidNetwork {}

impl FromStr for Network {
    type Err = InvalidNetwork;

    fn from_str(text: &str) -> Result<Self, InvalidNetwork> {
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| InvalidNetwork::Form)?;
        let width: u32 = if address.is_ipv4() { 32 } else { 128 };
        let prefix = match prefix {
            None => width,
            Some(digits)
                if (1..=3).contains(&digits.len()) && digits.bytes().all(|digit| digit.is_ascii_digit()) =>
            {
                digits.parse().map_err(|_| InvalidNetwork::Form)?
            }
            Some(_) => return Err(InvalidNetwork::Form),
        };
        let free = width.checked_sub(prefix).ok_or(InvalidNetwork::Form)?;
        let within = u128::MAX.checked_shl(free).map_or(u128::MAX, |mask| !mask);
        let number = number_of(address);
        if number & within != 0 {
            let network = Ipv6Addr::from(number & !within);
            let network = if address.is_ipv4() {
                network.to_canonical()
            } else {
                network.into()
            };
            return Err(InvalidNetwork::HostBits(format!("{network}/{prefix}")));
        }
        Ok(Self {
            first: number,
            last: number | within,
        })
    }
}

/// Networks, to be asked whether an address is in one of them. Asking takes a few comparisons, however many they are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Networks(Box<[Network]>);

impl Networks {
    /// Reads a file's text: one network or address a line; `#` begins a comment, empty lines mean nothing.
    ///
    /// # Errors
    /// With the number of the first wrong line, from 1, and what it says.
    pub fn read(text: &str) -> Result<Self, (usize, String, InvalidNetwork)> {
        let mut networks = Vec::new();
        for (line, number) in text.lines().zip(1..) {
            let line = line.split('#').next().unwrap_or_default().trim();
            if !line.is_empty() {
                networks.push(line.parse().map_err(|error| (number, line.to_owned(), error))?);
            }
        }
        Ok(networks.into_iter().collect())
    }

    /// Whether one of them has this address.
    #[must_use]
    pub fn contain(&self, address: IpAddr) -> bool {
        let number = number_of(address);
        let after = self.0.partition_point(|network| network.first <= number);
        after.checked_sub(1).is_some_and(|at| number <= self.0[at].last)
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Sorts them and joins what overlaps, so that the one range that begins last before an address decides.
impl FromIterator<Network> for Networks {
    fn from_iter<T: IntoIterator<Item = Network>>(networks: T) -> Self {
        let mut networks: Vec<_> = networks.into_iter().collect();
        networks.sort_unstable();
        networks.dedup_by(|next, earlier| {
            let joins = next.first <= earlier.last.saturating_add(1);
            if joins {
                earlier.last = earlier.last.max(next.last);
            }
            joins
        });
        Self(networks.into())
    }
}

fn number_of(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped().into(),
        IpAddr::V6(address) => address.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn networks(text: &str) -> Networks {
        Networks::read(text).expect("networks")
    }

    fn address(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn an_address_is_in_a_network_from_its_first_to_its_last() {
        let networks =
            networks("203.0.113.0/24\n198.51.100.7\n2001:db8:1::/48 # one\n\n# none\n10.0.0.0/31\n");
        for (text, is_in) in [
            ("203.0.112.255", false),
            ("203.0.113.0", true),
            ("203.0.113.255", true),
            ("203.0.114.0", false),
            ("198.51.100.6", false),
            ("198.51.100.7", true),
            ("198.51.100.8", false),
            ("10.0.0.1", true),
            ("10.0.0.2", false),
            ("2001:db8:0:ffff::", false),
            ("2001:db8:1::", true),
            ("2001:db8:1:ffff:ffff:ffff:ffff:ffff", true),
            ("2001:db8:2::", false),
            ("::ffff:203.0.113.9", true),
            ("::cb00:7109", false),
        ] {
            assert_eq!(networks.contain(address(text)), is_in, "{text}");
        }
    }

    #[test]
    fn networks_in_one_another_and_side_by_side_are_one_range() {
        let joined = networks("10.0.1.0/24\n10.0.0.0/8\n10.2.0.0/16\n11.0.0.0/8\n");
        assert_eq!(joined.0.len(), 1);
        assert!(joined.contain(address("10.255.0.1")) && joined.contain(address("11.0.0.1")));
        assert!(!joined.contain(address("12.0.0.0")));
    }

    #[test]
    fn every_address_is_in_the_widest_network_of_its_family_and_none_in_no_networks() {
        let (all4, all6) = (networks("0.0.0.0/0"), networks("::/0"));
        for (text, in4) in [
            ("0.0.0.0", true),
            ("255.255.255.255", true),
            ("2001:db8::1", false),
        ] {
            assert_eq!(all4.contain(address(text)), in4, "{text}");
            assert!(all6.contain(address(text)), "{text}");
            assert!(!Networks::default().contain(address(text)), "{text}");
        }
    }

    #[test]
    fn a_text_that_is_no_network_is_refused_with_its_line() {
        for text in [
            "x",
            "10.0.0",
            "10.0.0.0/33",
            "10.0.0.0/",
            "10.0.0.0/+8",
            "::/129",
            "10.0.0.0/8/8",
            "10.0.0.0/0008",
        ] {
            assert_eq!(
                Networks::read(&format!("# a comment\n\n{text} # why\n")),
                Err((3, text.to_owned(), InvalidNetwork::Form))
            );
        }
        for (text, meant) in [
            ("10.0.0.1/8", "10.0.0.0/8"),
            ("2001:db8::1/32", "2001:db8::/32"),
            ("0.0.0.1/0", "0.0.0.0/0"),
        ] {
            assert_eq!(
                text.parse::<Network>(),
                Err(InvalidNetwork::HostBits(meant.to_owned()))
            );
        }
    }
}
