//! From where an address can be reached.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// From where an address can be reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// From everywhere.
    Public,
    /// From within an organisation's network.
    Private,
    /// From this machine.
    Loopback,
    /// No host of its own has it: link-local (where clouds keep the credentials of machines), multicast, reserved.
    Nowhere,
}

impl Reach {
    /// Tells from where an address can be reached. An IPv4 address that is written as IPv6 is the former.
    #[must_use]
    pub const fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(address) => of_v4(address),
            IpAddr::V6(address) => of_v6(address),
        }
    }
}

const fn of_v4(address: Ipv4Addr) -> Reach {
    match address.octets() {
        [127, ..] => Reach::Loopback,
        [10, ..] | [172, 16..=31, ..] | [192, 168, ..] | [100, 64..=127, ..] => Reach::Private,
        [0 | 224.., ..] | [169, 254, ..] | [192, 0, 0, _] | [198, 18 | 19, ..] => Reach::Nowhere,
        _ => Reach::Public,
    }
}

/// Of IPv6 only global unicast is public, without the ranges that carry an IPv4 address (6to4, Teredo).
const fn of_v6(address: Ipv6Addr) -> Reach {
    match address.segments() {
        [0, 0, 0, 0, 0, 0, 0, 1] => Reach::Loopback,
        [0xfc00..=0xfdff, ..] => Reach::Private,
        [0x2002, ..] | [0x2001, 0, ..] => Reach::Nowhere,
        [0x2000..=0x3fff, ..] => Reach::Public,
        _ => Reach::Nowhere,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_address_is_reached_from_where_it_is() {
        let cases = [
            (Reach::Public, &["93.184.216.34", "172.32.0.1", "2606:4700::1"][..]),
            (Reach::Private, &["10.0.0.1", "172.16.0.1", "192.168.1.1", "100.64.0.1", "fd00::1", "::ffff:10.0.0.1"]),
            (Reach::Loopback, &["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"]),
            (
                Reach::Nowhere,
                &["169.254.169.254", "0.0.0.0", "255.255.255.255", "224.0.0.1", "198.18.0.1", "192.0.0.8"],
            ),
            (Reach::Nowhere, &["fe80::1", "ff02::1", "::", "64:ff9b::a9fe:a9fe", "2002:a00:1::", "2001::1"]),
        ];
        for (reach, addresses) in cases {
            for address in addresses {
                assert_eq!(Reach::of(address.parse().expect("an address")), reach, "{address}");
            }
        }
    }
}
