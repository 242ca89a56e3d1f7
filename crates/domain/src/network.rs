//! Networks: an address and how much of it counts.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use minicbor::{Decode, Encode};

/// A network, as `192.0.2.0/24` or `2001:db8::/32`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Network {
    address: IpAddr,
    bits: u8,
}

/// Reports a text that is no network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotANetwork;

impl fmt::Display for NotANetwork {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a network is an address, `/`, and how many of its bits count: 192.0.2.0/24 or 2001:db8::/32")
    }
}

impl std::error::Error for NotANetwork {}

impl Network {
    /// Tells whether an address lies in it. An IPv4 address that is written as IPv6 (`::ffff:192.0.2.1`) is the former.
    #[must_use]
    pub fn holds(&self, address: IpAddr) -> bool {
        match (self.address, address.to_canonical()) {
            (IpAddr::V4(own), IpAddr::V4(other)) => same(own.to_bits().into(), other.to_bits().into(), 32, self.bits),
            (IpAddr::V6(own), IpAddr::V6(other)) => same(own.to_bits(), other.to_bits(), 128, self.bits),
            _ => false,
        }
    }

    /// Reads an address, or an address with how many of its bits count: the network that it lies in.
    #[must_use]
    pub fn around(text: &str) -> Option<Self> {
        let (address, bits) = text.split_once('/').map_or((text, None), |(address, bits)| (address, Some(bits)));
        let address: IpAddr = address.parse().ok()?;
        let width = if address.is_ipv4() { 32 } else { 128 };
        let bits = bits.map_or(Some(width), |bits| bits.parse::<u8>().ok()).filter(|bits| *bits <= width)?;
        let beyond = u32::from(width - bits);
        let address = match address {
            IpAddr::V4(one) => IpAddr::V4((one.to_bits().checked_shr(beyond)?.checked_shl(beyond)?).into()),
            IpAddr::V6(one) => IpAddr::V6((one.to_bits().checked_shr(beyond)?.checked_shl(beyond)?).into()),
        };
        Some(Self { address, bits })
    }

    /// Returns an address that lies in it: its first.
    #[must_use]
    pub const fn first(&self) -> IpAddr {
        self.address
    }

    /// Returns the address after its last.
    #[must_use]
    pub fn after(&self) -> Option<IpAddr> {
        match self.address {
            IpAddr::V4(one) => {
                let size = 1u32.checked_shl(u32::from(32 - self.bits))?;
                Some(IpAddr::V4(one.to_bits().checked_add(size)?.into()))
            }
            IpAddr::V6(one) => {
                let size = 1u128.checked_shl(u32::from(128 - self.bits))?;
                Some(IpAddr::V6(one.to_bits().checked_add(size)?.into()))
            }
        }
    }

    /// Returns the address before its first.
    #[must_use]
    pub fn before(&self) -> Option<IpAddr> {
        match self.address {
            IpAddr::V4(one) => Some(IpAddr::V4(one.to_bits().checked_sub(1)?.into())),
            IpAddr::V6(one) => Some(IpAddr::V6(one.to_bits().checked_sub(1)?.into())),
        }
    }
}

fn same(one: u128, other: u128, width: u8, bits: u8) -> bool {
    (one ^ other).checked_shr(u32::from(width.saturating_sub(bits))).unwrap_or(0) == 0
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.bits)
    }
}

impl FromStr for Network {
    type Err = NotANetwork;

    fn from_str(text: &str) -> Result<Self, NotANetwork> {
        let (address, bits) = text.split_once('/').ok_or(NotANetwork)?;
        let address: IpAddr = address.parse().map_err(|_| NotANetwork)?;
        let width = if address.is_ipv4() { 32 } else { 128 };
        // `u8::from_str` takes a sign.
        let digits = !bits.is_empty() && bits.bytes().all(|byte| byte.is_ascii_digit());
        let bits = bits.parse::<u8>().ok().filter(|bits| digits && *bits <= width).ok_or(NotANetwork)?;
        let network = Self { address, bits };
        let beyond = match address {
            IpAddr::V4(address) => u128::from(address.to_bits()).checked_shl(96 + u32::from(bits)),
            IpAddr::V6(address) => address.to_bits().checked_shl(u32::from(bits)),
        };
        // Bits beyond those that count say that something else was meant.
        if beyond.unwrap_or(0) == 0 && address.to_canonical() == address { Ok(network) } else { Err(NotANetwork) }
    }
}

impl<C> Encode<C> for Network {
    fn encode<W: minicbor::encode::Write>(
        &self,
        encoder: &mut minicbor::Encoder<W>,
        _: &mut C,
    ) -> Result<(), minicbor::encode::Error<W::Error>> {
        encoder.str(&self.to_string())?.ok()
    }
}

impl<'b, C> Decode<'b, C> for Network {
    fn decode(decoder: &mut minicbor::Decoder<'b>, _: &mut C) -> Result<Self, minicbor::decode::Error> {
        decoder.str()?.parse().map_err(minicbor::decode::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_holds_what_its_bits_say() {
        let holds = |network: &str, address: &str| {
            let network: Network = network.parse().expect("a network");
            network.holds(address.parse().expect("an address"))
        };
        assert!(holds("192.0.2.0/24", "192.0.2.255") && !holds("192.0.2.0/24", "192.0.3.0"));
        assert!(holds("192.0.2.0/24", "::ffff:192.0.2.9"), "the same address");
        assert!(holds("0.0.0.0/0", "203.0.113.1") && !holds("0.0.0.0/0", "2001:db8::1"));
        assert!(holds("2001:db8::/32", "2001:db8:ffff::1") && !holds("2001:db8::/32", "2001:db9::1"));
        assert!(holds("::/0", "2001:db8::1") && holds("192.0.2.7/32", "192.0.2.7"));
        assert!(!holds("192.0.2.7/32", "192.0.2.6"));
    }

    #[test]
    fn its_borders_are_those_of_its_bits() {
        let around = |text: &str| Network::around(text).map(|network| network.to_string());
        assert_eq!(around("10.1.2.3/8"), Some("10.0.0.0/8".to_owned()));
        assert_eq!(around("10.1.2.3"), Some("10.1.2.3/32".to_owned()));
        assert_eq!(around("2001:db8::1/32"), Some("2001:db8::/32".to_owned()));
        assert_eq!((around("10.0.0.0/33"), around("x")), (None, None));
        let network: Network = "192.0.2.0/26".parse().expect("a network");
        let text = |address: Option<IpAddr>| address.map(|address| address.to_string());
        assert_eq!(text(network.after()), Some("192.0.2.64".to_owned()));
        assert_eq!(text(network.before()), Some("192.0.1.255".to_owned()));
        let all: Network = "0.0.0.0/0".parse().expect("a network");
        assert_eq!((all.after(), all.before()), (None, None));
    }

    #[test]
    fn what_is_no_network_is_refused() {
        for text in
            ["", "192.0.2.0", "192.0.2.1/24", "192.0.2.0/33", "192.0.2.0/+8", "::ffff:192.0.2.0/120", "x/8", "::1/0"]
        {
            assert!(text.parse::<Network>().is_err(), "{text}");
        }
        for text in ["192.0.2.0/24", "::/0", "0.0.0.0/0", "2001:db8::/32"] {
            assert_eq!(text.parse::<Network>().map(|network| network.to_string()), Ok(text.to_owned()));
        }
    }
}
