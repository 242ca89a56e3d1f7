//! What a rule is: literals that stand in every match, a pattern, an offline check, and what to do about it.

use std::borrow::Cow;

use cordon_domain::{Confidence, Severity};

/// Proves or disproves a match offline, and reads what it grants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Check {
    /// The format says it all.
    None,
    /// The secret must look drawn at random, or confidence falls.
    Random,
    /// As [`Check::Random`], and not all hexadecimal: that would be a commit or a digest.
    Mixed,
    /// GitHub and npm tokens end in the CRC-32 of what stands before, in base 62.
    Crc32Base62,
    /// The identifier of an AWS key holds the account number.
    AwsKeyId,
    /// Base64 of JSON with a key `k`, a name `n` and an organisation `id`.
    GrafanaKey,
    /// Header and payload of a JSON Web Token decode to JSON.
    Jwt,
    /// A private key: has a body, says whether it is encrypted.
    PrivateKey,
    /// A URL whose query grants access: Azure SAS.
    AzureSas,
    /// A URL whose query grants access: S3 or Google Cloud Storage.
    Presigned,
    /// User and password in a URL.
    UrlCredentials,
    /// `user:password` in base64.
    Basic,
    /// A bearer token of unknown make.
    Bearer,
    /// A hash of a password.
    PasswordHash,
    /// A password on a command line or in a connection string.
    Password,
}

/// Where a pattern is tried around its anchor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// The match begins with the anchor.
    Begins,
    /// The match lies within this many bytes before and behind the anchor.
    Around(u16, u16),
}

/// One rule.
#[derive(Clone, Debug)]
pub struct Rule {
    /// Stable name, in kebab case.
    pub id: Cow<'static, str>,
    /// What it finds, in a few words.
    pub title: Cow<'static, str>,
    /// Literals of which one stands in every match; the case of letters is ignored.
    pub anchors: Cow<'static, [Cow<'static, str>]>,
    /// A regular expression; the first group that takes part is the secret, else the whole match.
    pub pattern: Cow<'static, str>,
    /// Where the pattern is tried.
    pub reach: Reach,
    /// How bad it is.
    pub severity: Severity,
    /// How sure a match is, before its value and context are judged.
    pub confidence: Confidence,
    /// What is checked beside the pattern.
    pub check: Check,
    /// Where to revoke and rotate.
    pub console: Cow<'static, str>,
}

impl Rule {
    /// Says what to do about a match.
    #[must_use]
    pub fn fix(&self) -> Cow<'static, str> {
        if self.console.is_empty() {
            return Cow::Borrowed(
                "change it where it is valid, put the new one into a secret store, and look at the logs of the service for uses you did not make",
            );
        }
        Cow::Owned(format!(
            "revoke it at {} and issue a new one into a secret store; then look at its log for uses you did not make",
            self.console
        ))
    }
}

/// A built-in rule as it stands in the tables.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Spec {
    pub(crate) id: &'static str,
    pub(crate) title: &'static str,
    pub(crate) anchors: &'static [&'static str],
    pub(crate) pattern: &'static str,
    pub(crate) console: &'static str,
    pub(crate) reach: Reach,
    pub(crate) severity: Severity,
    pub(crate) confidence: Confidence,
    pub(crate) check: Check,
}

/// Begins a rule whose match begins with one of `anchors`: high severity, high confidence.
pub(crate) const fn token(
    id: &'static str,
    title: &'static str,
    anchors: &'static [&'static str],
    pattern: &'static str,
    console: &'static str,
) -> Spec {
    Spec {
        id,
        title,
        anchors,
        pattern,
        console,
        reach: Reach::Begins,
        severity: Severity::High,
        confidence: Confidence::High,
        check: Check::None,
    }
}

impl Spec {
    /// The secret works at once, on money, a whole account or many machines.
    pub(crate) const fn critical(mut self) -> Self {
        self.severity = Severity::Critical;
        self
    }

    pub(crate) const fn severity(mut self, severity: Severity) -> Self {
        self.severity = severity;
        self
    }

    pub(crate) const fn sure(mut self, confidence: Confidence) -> Self {
        self.confidence = confidence;
        self
    }

    /// The format is loose: the value must look random as well.
    pub(crate) const fn random(mut self) -> Self {
        self.check = Check::Random;
        self
    }

    pub(crate) const fn check(mut self, check: Check) -> Self {
        self.check = check;
        self
    }

    pub(crate) const fn around(mut self, before: u16, behind: u16) -> Self {
        self.reach = Reach::Around(before, behind);
        self
    }

    pub(crate) fn rule(&self) -> Rule {
        Rule {
            id: Cow::Borrowed(self.id),
            title: Cow::Borrowed(self.title),
            anchors: self.anchors.iter().map(|anchor| Cow::Borrowed(*anchor)).collect(),
            pattern: Cow::Borrowed(self.pattern),
            reach: self.reach,
            severity: self.severity,
            confidence: self.confidence,
            check: self.check,
            console: Cow::Borrowed(self.console),
        }
    }
}

/// The characters and length of a value that a service issues without a prefix of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// Lower-case hexadecimal digits.
    Hex(u16),
    /// Letters and digits.
    Alnum(u16),
    /// Letters, digits, `_` and `-`, between two lengths.
    Url(u16, u16),
    /// Letters, digits, `+`, `/`, `=`, between two lengths.
    Base64(u16, u16),
    /// A UUID.
    Uuid,
}

impl Shape {
    /// Bytes of the shortest value.
    pub(crate) const fn bytes_min(self) -> usize {
        match self {
            Self::Hex(len) | Self::Alnum(len) | Self::Url(len, _) | Self::Base64(len, _) => len as usize,
            Self::Uuid => 36,
        }
    }
}

/// A service whose credential is known by the service's name beside a value of its shape.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Named {
    pub(crate) id: &'static str,
    pub(crate) title: &'static str,
    pub(crate) words: &'static [&'static str],
    pub(crate) shapes: &'static [Shape],
    pub(crate) console: &'static str,
}

pub(crate) const fn named(
    id: &'static str,
    title: &'static str,
    words: &'static [&'static str],
    shapes: &'static [Shape],
    console: &'static str,
) -> Named {
    Named { id, title, words, shapes, console }
}
