//! How a bucket is guarded: whether limits and inspection refuse and raise, or only record what they would; and of what copies
//! are recognised.

use std::fmt;
use std::str::FromStr;

use minicbor::{Decode, Encode};

use crate::level::Level;

/// Whether something has its effect, or is only recorded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
#[cbor(index_only)]
pub enum Mode {
    /// What it would do is recorded, and not done.
    #[n(0)]
    Observe,
    /// It is done.
    #[default]
    #[n(1)]
    Enforce,
}

impl Mode {
    /// Returns the word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Observe => "observe",
            Self::Enforce => "enforce",
        }
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Mode {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        match word {
            "observe" => Ok(Self::Observe),
            "enforce" => Ok(Self::Enforce),
            other => Err(format!("`{other}` is neither observe nor enforce")),
        }
    }
}

/// What tells contents apart to clients (`ETag`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum Etags {
    /// It is drawn: nothing can be learnt from it.
    #[default]
    #[n(0)]
    Opaque,
    /// It is an MD5, for clients that compare by it: whoever may list learns whether they have the same content.
    #[n(1)]
    Md5,
}

impl Etags {
    /// Returns the word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Opaque => "opaque",
            Self::Md5 => "md5",
        }
    }
}

impl FromStr for Etags {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        match word {
            "opaque" => Ok(Self::Opaque),
            "md5" => Ok(Self::Md5),
            other => Err(format!("`{other}` is neither opaque nor md5")),
        }
    }
}

/// How a bucket is guarded. What is restricted is always guarded as if everything were enforced.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Guarding {
    /// Limits on what may leave.
    #[n(0)]
    pub limits: Mode,
    /// Labels that inspection raises.
    #[n(1)]
    pub inspection: Mode,
    /// Copies are recognised of what somebody gave this level, or a higher one: confidential or restricted.
    #[n(2)]
    pub registers: Level,
    /// What tells contents apart that are written from now on.
    #[cbor(n(3), default)]
    pub etags: Etags,
}

impl Guarding {
    /// How a bucket is guarded unless its owner says otherwise.
    pub const DEFAULT: Self =
        Self { limits: Mode::Enforce, inspection: Mode::Enforce, registers: Level::Restricted, etags: Etags::Opaque };

    /// Tells whether something that was refused or raised before would not be.
    #[must_use]
    pub fn is_looser_than(&self, other: &Self) -> bool {
        self.limits < other.limits || self.inspection < other.inspection || self.registers > other.registers
    }

    /// Tells whether copies may be recognised from that level on.
    #[must_use]
    pub const fn can_be(&self) -> bool {
        matches!(self.registers, Level::Confidential | Level::Restricted)
    }

    /// How a version is guarded whose writer asks that copies of it are recognised: from confidential on.
    #[must_use]
    pub fn recognising(self) -> Self {
        Self { registers: self.registers.min(Level::Confidential), ..self }
    }

    /// Whether limits refuse what is of a level.
    #[must_use]
    pub const fn limits_of(&self, level: Level) -> Mode {
        match level {
            Level::Restricted => Mode::Enforce,
            _ => self.limits,
        }
    }
}

impl Default for Guarding {
    fn default() -> Self {
        Self::DEFAULT
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn observing_and_recognising_less_is_looser() {
        let all = Guarding::DEFAULT;
        let looser = [
            Guarding { limits: Mode::Observe, ..all },
            Guarding { inspection: Mode::Observe, ..all },
            Guarding { limits: Mode::Observe, registers: Level::Confidential, ..all },
        ];
        for one in looser {
            assert!(one.is_looser_than(&all), "{one:?}");
        }
        let stricter = Guarding { registers: Level::Confidential, ..all };
        assert!(!stricter.is_looser_than(&all) && all.is_looser_than(&stricter) && !all.is_looser_than(&all));
        assert_eq!([all.recognising(), stricter.recognising()], [stricter; 2]);
        assert!(stricter.can_be() && !Guarding { registers: Level::Internal, ..all }.can_be());
    }

    #[test]
    fn limits_refuse_what_is_restricted_whatever_is_said() {
        let observing = Guarding { limits: Mode::Observe, ..Guarding::DEFAULT };
        assert_eq!(Level::ALL.map(|level| observing.limits_of(level)), {
            let observe = Mode::Observe;
            [observe, observe, observe, Mode::Enforce]
        });
        assert_eq!("observe".parse(), Ok(Mode::Observe));
        assert!("maybe".parse::<Mode>().is_err());
    }
}
