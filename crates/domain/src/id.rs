//! Identifiers: sixteen bytes that say nothing of what they name; of a version, when it was made.

use std::fmt;
use std::str::FromStr;

use minicbor::{Decode, Encode};

use crate::time::Moment;

/// Bytes of an identifier.
pub const ID_BYTES: usize = 16;

/// Reports a text that is no identifier of the kind asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotAnId {
    /// What the text should have begun with.
    pub prefix: &'static str,
}

impl fmt::Display for NotAnId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "an identifier is `{}_` and 32 hexadecimal digits", self.prefix)
    }
}

impl std::error::Error for NotAnId {}

macro_rules! id {
    ($(#[$doc:meta] $name:ident $prefix:literal;)+) => {$(
        #[$doc]
        ///
        /// Drawn at random (128 bits, unless said otherwise); written as a prefix, `_` and 32 hexadecimal digits.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
        #[cbor(transparent)]
        pub struct $name(#[n(0)] #[cbor(with = "minicbor::bytes")] pub [u8; ID_BYTES]);

        impl $name {
            /// What the written form begins with.
            pub const PREFIX: &str = $prefix;

            /// Draws a new identifier.
            #[must_use]
            pub fn draw(entropy: &mut dyn crate::Entropy) -> Self {
                let mut bytes = [0; ID_BYTES];
                entropy.fill(&mut bytes);
                Self(bytes)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(Self::PREFIX)?;
                f.write_str("_")?;
                f.write_str(&hex(&self.0))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $name {
            type Err = NotAnId;

            fn from_str(text: &str) -> Result<Self, NotAnId> {
                let digits = text.strip_prefix(Self::PREFIX).and_then(|rest| rest.strip_prefix('_'));
                digits.and_then(parse_hex).map(Self).ok_or(NotAnId { prefix: Self::PREFIX })
            }
        }
    )+};
}

id! {
    /// Identifies a person, a service, a vendor's person or a device.
    PrincipalId "pr";
    /// Identifies what a principal showed to sign in: a session, an access key, a passkey.
    CredentialId "cr";
    /// Identifies a device that a principal used.
    DeviceId "dv";
    /// Identifies a bucket.
    BucketId "bk";
    /// Identifies one version of one object.
    VersionId "ov";
    /// Identifies a grant.
    GrantId "gr";
    /// Identifies a request and the event that records it.
    RequestId "rq";
    /// Identifies a process that records events.
    NodeId "nd";
    /// Identifies a vendor.
    VendorId "vn";
    /// Identifies what someone asked others to approve.
    AskId "as";
    /// Identifies an emergency.
    EmergencyId "em";
    /// Identifies a publication.
    PublicationId "pb";
    /// Identifies an allowance.
    AllowanceId "al";
    /// Identifies an embargo.
    EmbargoId "eb";
    /// Identifies a codename.
    CodenameId "cn";
}

impl VersionId {
    /// Draws a new identifier behind the time at which its version is made, in milliseconds: 48 bits of time, 80 bits at random, as
    /// version 7 of RFC 9562 orders them. What is written one after the other stands side by side in each index by version.
    #[must_use]
    pub fn drawn_at(at: Moment, entropy: &mut dyn crate::Entropy) -> Self {
        let mut id = Self::draw(entropy);
        let [_, _, time @ ..] = (at.0.max(0) as u64).to_be_bytes();
        for (byte, time) in id.0.iter_mut().zip(time) {
            *byte = time;
        }
        id
    }
}

/// Writes bytes as lower-case hexadecimal digits.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    use fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut digits, byte| {
        // Writing to a String cannot fail.
        let _ = write!(digits, "{byte:02x}");
        digits
    })
}

/// Reads `2 * N` hexadecimal digits of either case.
#[must_use]
pub fn parse_hex<const N: usize>(digits: &str) -> Option<[u8; N]> {
    if digits.len() != 2 * N || !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return None;
    }
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(digits.as_bytes().chunks_exact(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identifier_reads_back_and_no_other_kind_does() {
        let id = PrincipalId([0xab; ID_BYTES]);
        assert_eq!(id.to_string(), "pr_abababababababababababababababab");
        assert_eq!(id.to_string().parse(), Ok(id));
        assert!("bk_abababababababababababababababab".parse::<PrincipalId>().is_err());
        assert!("pr_ab".parse::<PrincipalId>().is_err());
        assert!("pr_+babababababababababababababababab".parse::<PrincipalId>().is_err());
    }

    #[test]
    fn versions_stand_in_the_order_in_which_they_are_made() {
        struct Same;
        impl crate::Entropy for Same {
            fn fill(&mut self, bytes: &mut [u8]) {
                bytes.fill(0xee);
            }
        }
        let drawn = |ms| VersionId::drawn_at(Moment(ms), &mut Same);
        assert_eq!(drawn(0x0102_0304_0506).to_string(), "ov_010203040506eeeeeeeeeeeeeeeeeeee");
        assert!(drawn(-1) == drawn(0) && drawn(0) < drawn(1) && drawn(255) < drawn(256));
    }
}
