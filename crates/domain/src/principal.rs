//! Who acts: people, services, people of vendors; how strongly they proved who they are; what they may know.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use minicbor::{Decode, Encode};

use crate::event::PrincipalKind;
use crate::id::{DeviceId, PrincipalId, VendorId};
use crate::label::Project;
use crate::level::Level;
use crate::limits::USER_NAME_CHARS_MAX;
use crate::network::Network;
use crate::time::Moment;

/// What kind of proof a sign-in rests on. Ordered: a stronger one does where a weaker one is demanded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
#[cbor(index_only)]
pub enum Factor {
    /// None.
    #[n(0)]
    None,
    /// A password and a one-time code.
    #[n(1)]
    Code,
    /// A passkey, or what a provider says was as good: it cannot be given to a false site.
    #[n(2)]
    PhishingResistant,
}

impl Factor {
    /// All kinds, weakest first.
    pub const ALL: [Self; 3] = [Self::None, Self::Code, Self::PhishingResistant];

    /// Returns the name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Code => "code",
            Self::PhishingResistant => "phishing-resistant",
        }
    }

    /// Returns the place among all, 0 for none.
    #[must_use]
    pub const fn number(self) -> u8 {
        match self {
            Self::None => 0,
            Self::Code => 1,
            Self::PhishingResistant => 2,
        }
    }
}

impl fmt::Display for Factor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Reports a word that names no factor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownFactor(pub String);

impl fmt::Display for UnknownFactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` is no factor (none, code, phishing-resistant)", self.0)
    }
}

impl std::error::Error for UnknownFactor {}

impl FromStr for Factor {
    type Err = UnknownFactor;

    fn from_str(word: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|factor| factor.as_str() == word).ok_or_else(|| UnknownFactor(word.to_owned()))
    }
}

/// What a person signs in as: 1 to 64 of `a` to `z`, `0` to `9`, `.`, `_`, `-`, `@`, `+`, beginning with a letter or digit.
/// Letters of other alphabets that look like these cannot stand in it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UserName(String);

impl UserName {
    /// Returns the name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Reports a text that is no user name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotAUserName;

impl fmt::Display for NotAUserName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "a user name is 1 to {USER_NAME_CHARS_MAX} of a-z, 0-9, `.`, `_`, `-`, `@`, `+`, beginning with a letter or digit"
        )
    }
}

impl std::error::Error for NotAUserName {}

impl FromStr for UserName {
    type Err = NotAUserName;

    fn from_str(text: &str) -> Result<Self, NotAUserName> {
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        let begins = text.bytes().next().is_some_and(plain);
        let fits = text.bytes().all(|byte| plain(byte) || b"._-@+".contains(&byte));
        if begins && fits && text.len() <= USER_NAME_CHARS_MAX { Ok(Self(text.to_owned())) } else { Err(NotAUserName) }
    }
}

/// A principal, without what identifies a person: names are kept apart, under that person's key.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Principal {
    /// Identifies it for ever.
    #[n(0)]
    pub id: PrincipalId,
    /// Its kind.
    #[n(1)]
    pub kind: PrincipalKind,
    /// The human behind it: of two accounts of one human both name the first; of a service, who answers for it.
    #[n(2)]
    pub owner: PrincipalId,
    /// The highest level that it may know.
    #[n(3)]
    pub clearance: Level,
    /// The projects that it belongs to.
    #[n(4)]
    pub projects: BTreeSet<Project>,
    /// The vendor whose person it is.
    #[n(5)]
    pub vendor: Option<VendorId>,
    /// What a service is for.
    #[n(6)]
    pub purpose: Option<String>,
    /// When it ends.
    #[n(7)]
    pub until: Option<Moment>,
    /// Until when its training counts.
    #[n(8)]
    pub trained_until: Option<Moment>,
}

/// A vendor and its contract. Outside of it none of its people may do anything.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Vendor {
    /// Identifies it for ever.
    #[n(0)]
    pub id: VendorId,
    /// The name of the company.
    #[n(1)]
    pub name: String,
    /// When the contract begins.
    #[n(2)]
    pub starts: Moment,
    /// When it ends.
    #[n(3)]
    pub ends: Moment,
    /// The highest level that it opens.
    #[n(4)]
    pub level: Level,
    /// The projects that it is about; a byte of any other is closed to its people.
    #[n(5)]
    pub projects: BTreeSet<Project>,
    /// The networks that its people must come from; none: any.
    #[n(6)]
    pub networks: Vec<Network>,
}

impl Vendor {
    /// Tells whether the contract runs.
    #[must_use]
    pub fn runs_at(&self, at: Moment) -> bool {
        self.starts <= at && at < self.ends
    }
}

/// A device that its owner enrolled with a key of its own.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Device {
    /// Identifies it for ever.
    #[n(0)]
    pub id: DeviceId,
    /// Whose it is.
    #[n(1)]
    pub owner: PrincipalId,
    /// Its public key: Ed25519, 32 bytes.
    #[n(2)]
    #[cbor(with = "minicbor::bytes")]
    pub key: [u8; 32],
    /// What it says of itself. Nothing rests on it.
    #[n(3)]
    pub claimed: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn user_names_are_plain_and_look_like_no_other() {
        for name in ["ada", "ada@example.org", "7of9", "a.b_c-d+e"] {
            assert_eq!(name.parse::<UserName>().map(|name| name.as_str().to_owned()), Ok(name.to_owned()));
        }
        // The second is Cyrillic; the others are wide, upper-case, hidden, or no beginning.
        for name in ["", "\u{430}da", "\u{ff41}da", "Ada", "ad\u{200d}a", ".ada", "ad a", &"a".repeat(65)] {
            assert!(name.parse::<UserName>().is_err(), "{name}");
        }
    }

    #[test]
    fn factors_are_ordered_and_read_back() {
        assert!(Factor::ALL.is_sorted() && Factor::ALL.map(Factor::number).is_sorted());
        for factor in Factor::ALL {
            assert_eq!(factor.to_string().parse(), Ok(factor));
        }
        assert!("password".parse::<Factor>().is_err());
    }
}
