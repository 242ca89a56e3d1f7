//! Findings: something that would leak, and where.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use crate::identity::FindingId;
use crate::level::Level;

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $word:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name { $($(#[$variant_doc])* $variant),+ }

        impl $name {
            /// All values, in order.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// Returns the word that stands for the value in reports and on the command line.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { f.write_str(self.as_str()) }
        }

        impl FromStr for $name {
            type Err = String;

            fn from_str(word: &str) -> Result<Self, Self::Err> {
                Self::ALL.iter().copied().find(|value| value.as_str() == word).ok_or_else(|| {
                    let known: Vec<_> = Self::ALL.iter().map(|value| value.as_str()).collect();
                    format!("`{word}` is none of {}", known.join(", "))
                })
            }
        }

        impl<C> minicbor::Encode<C> for $name {
            fn encode<W: minicbor::encode::Write>(
                &self,
                encoder: &mut minicbor::Encoder<W>,
                _: &mut C,
            ) -> Result<(), minicbor::encode::Error<W::Error>> {
                encoder.str(self.as_str())?.ok()
            }
        }

        impl<'b, C> minicbor::Decode<'b, C> for $name {
            fn decode(decoder: &mut minicbor::Decoder<'b>, _: &mut C) -> Result<Self, minicbor::decode::Error> {
                decoder.str()?.parse().map_err(minicbor::decode::Error::message)
            }
        }
    };
}

words! {
    /// Tells what sort of thing was found.
    Kind {
        /// A credential.
        Secret = "secret",
        /// Text that states a level.
        Marking = "marking",
        /// The name of something unreleased.
        Codename = "codename",
        /// Text taken from a known document.
        Copy = "copy",
        /// Data about people.
        PersonalData = "personal-data",
        /// Model weights.
        Weights = "weights",
        /// Something that answers a stranger and is not meant to.
        Exposure = "exposure",
    }
}

words! {
    /// Tells how bad it is if the finding is real and the text gets out.
    Severity {
        /// A nuisance.
        Low = "low",
        /// Harm needs something more.
        Medium = "medium",
        /// Harm to one system or document.
        High = "high",
        /// Harm at once, or beyond repair.
        Critical = "critical",
    }
}

words! {
    /// Tells how sure it is that the finding is real.
    Confidence {
        /// Known placeholders, test data, hashes: kept for those who want to see everything.
        Minimal = "minimal",
        /// Has the shape; the context does not speak for it.
        Low = "low",
        /// Shape and context agree.
        Medium = "medium",
        /// A checksum, a structure or a format that nothing else has.
        High = "high",
    }
}

impl Confidence {
    /// Returns the value `steps` below this one, never below the lowest.
    #[must_use]
    pub fn lowered(self, steps: u8) -> Self {
        let index = (self as usize).saturating_sub(usize::from(steps));
        Self::ALL.get(index).copied().unwrap_or(Self::Minimal)
    }
}

words! {
    /// Tells which bytes an offset counts.
    Space {
        /// Bytes of the file or object as it is stored.
        Raw = "raw",
        /// Bytes after undoing an encoding (UTF-16, base64, hex, percent, escapes).
        Decoded = "decoded",
        /// Bytes of the text taken out of a document.
        Text = "text",
    }
}

/// Tells where a finding stands.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Location {
    /// The path of the outermost file, as bytes, then the names of the entries within, outermost first.
    pub path: Vec<Vec<u8>>,
    /// From 1.
    pub line: u64,
    /// From 1, in characters.
    pub column: u64,
    /// Offset of the first byte, in `space`.
    pub byte_start: u64,
    /// Offset behind the last byte, in `space`.
    pub byte_end: u64,
    /// What the offsets count.
    pub space: Space,
    /// The git object that holds it.
    pub blob: Option<String>,
    /// The commit that brought it in, with author and date.
    pub commit: Option<Commit>,
}

/// Names the commit through which a blob entered a history.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Commit {
    /// The object id, in hex.
    pub id: String,
    /// The author's name and address, as written in the commit.
    pub author: String,
    /// Seconds since 1970-01-01 UTC.
    pub time_unix_s: i64,
}

/// Something that would leak.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Stable across runs and machines that share the key.
    pub id: FindingId,
    /// The rule that found it.
    pub rule: Cow<'static, str>,
    /// What sort of thing it is.
    pub kind: Kind,
    /// How bad it is.
    pub severity: Severity,
    /// How sure it is.
    pub confidence: Confidence,
    /// What it is, in a few words.
    pub title: Cow<'static, str>,
    /// What the content itself tells of its reach (permissions, expiry, share of a document), if anything.
    pub detail: Option<String>,
    /// The level the content states or implies.
    pub level: Option<Level>,
    /// The line, with every secret on it masked.
    pub excerpt: String,
    /// What to do about it.
    pub fix: Cow<'static, str>,
    /// Where it stands.
    pub location: Location,
}

impl Finding {
    /// Returns the level that what holds it has at least; none when it is not sure, or says nothing of a level.
    #[must_use]
    pub fn least_level(&self) -> Option<Level> {
        if self.confidence < Confidence::Medium {
            return None;
        }
        match self.kind {
            Kind::Secret => Some(Level::Confidential),
            Kind::Marking | Kind::Weights => Some(self.level.unwrap_or(Level::Confidential)),
            Kind::Codename | Kind::Copy => Some(self.level.unwrap_or(Level::Restricted)),
            Kind::PersonalData if self.severity >= Severity::High => Some(Level::Confidential),
            Kind::PersonalData => Some(Level::Internal),
            Kind::Exposure => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_read_back() {
        for kind in Kind::ALL {
            assert_eq!(kind.as_str().parse::<Kind>().as_ref(), Ok(kind));
        }
        assert!("x".parse::<Severity>().is_err_and(|text| text.contains("critical")));
    }

    #[test]
    fn words_are_stored_as_they_are_written() {
        let bytes = minicbor::to_vec(Kind::PersonalData).expect("encodes");
        assert_eq!(minicbor::decode::<&str>(&bytes).expect("a text"), "personal-data");
        assert_eq!(minicbor::decode::<Kind>(&bytes).expect("a kind"), Kind::PersonalData);
        let other = minicbor::to_vec("gossip").expect("encodes");
        assert!(minicbor::decode::<Kind>(&other).is_err());
    }

    #[test]
    fn what_is_not_sure_says_nothing_of_a_level() {
        let found = |kind, severity, confidence, level| Finding {
            id: crate::IdKey::new([1; 32]).identify(&[b"a test"]),
            rule: "a-rule".into(),
            kind,
            severity,
            confidence,
            title: "a title".into(),
            detail: None,
            level,
            excerpt: String::new(),
            fix: "a fix".into(),
            location: Location {
                path: Vec::new(),
                line: 1,
                column: 1,
                byte_start: 0,
                byte_end: 1,
                space: Space::Raw,
                blob: None,
                commit: None,
            },
        };
        let level = |kind, severity, level| found(kind, severity, Confidence::Medium, level).least_level();
        assert_eq!(level(Kind::Secret, Severity::Low, None), Some(Level::Confidential));
        assert_eq!(level(Kind::Marking, Severity::Low, Some(Level::Restricted)), Some(Level::Restricted));
        assert_eq!(level(Kind::Marking, Severity::Low, Some(Level::Public)), Some(Level::Public));
        assert_eq!(level(Kind::Weights, Severity::Low, None), Some(Level::Confidential));
        assert_eq!(level(Kind::Copy, Severity::Low, Some(Level::Internal)), Some(Level::Internal));
        assert_eq!(level(Kind::Codename, Severity::Low, None), Some(Level::Restricted));
        assert_eq!(level(Kind::PersonalData, Severity::Medium, None), Some(Level::Internal));
        assert_eq!(level(Kind::PersonalData, Severity::High, None), Some(Level::Confidential));
        assert_eq!(level(Kind::Exposure, Severity::Critical, None), None);
        assert_eq!(found(Kind::Secret, Severity::Critical, Confidence::Low, None).least_level(), None);
    }

    #[test]
    fn confidence_is_lowered_and_stops() {
        assert_eq!(Confidence::High.lowered(1), Confidence::Medium);
        assert_eq!(Confidence::Low.lowered(9), Confidence::Minimal);
    }
}
