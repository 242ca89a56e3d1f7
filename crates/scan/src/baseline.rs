//! A baseline: findings and unreadable inputs that somebody has looked at and accepts for now. It names the key of its
//! identifiers, so that another key is noticed and not mistaken for a clean slate.

use std::collections::{BTreeMap, BTreeSet};

use cordon_domain::KeyName;
use serde::{Deserialize, Serialize};

use crate::report::{Reported, Summary};

/// Accepted findings and inputs.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Baseline {
    version: u32,
    id_key: String,
    findings: Vec<Accepted>,
    #[serde(default)]
    unreadable: Vec<Unreadable>,
}

#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Accepted {
    id: String,
    rule: String,
    path: String,
}

#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Unreadable {
    path: String,
    reason: String,
}

/// Why a baseline cannot be used.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum BaselineError {
    /// The text is no baseline.
    #[error("is no baseline: {0}")]
    Malformed(String),
    /// It was written by a newer version.
    #[error("has version {0}, and this program knows version 1")]
    Newer(u32),
    /// Its identifiers were made with another key.
    #[error("was made with the key {theirs}, and this run has the key {ours}")]
    OtherKey {
        /// The key of the baseline.
        theirs: String,
        /// The key of this run.
        ours: String,
    },
}

impl Baseline {
    /// Makes a baseline of all that a run found.
    #[must_use]
    pub fn of(found: &[Reported], key: &KeyName) -> Self {
        let mut findings: Vec<Accepted> = found
            .iter()
            .map(|reported| Accepted {
                id: reported.finding.id.0.clone(),
                rule: reported.finding.rule.to_string(),
                path: String::from_utf8_lossy(&reported.finding.location.path.join(&b'!')).into_owned(),
            })
            .collect();
        findings.sort_by(|left, right| left.id.cmp(&right.id));
        Self { version: 1, id_key: key.0.clone(), findings, unreadable: Vec::new() }
    }

    /// Accepts an input that cannot be read, with a reason.
    #[must_use]
    pub fn with_unreadable(mut self, path: &str, reason: &str) -> Self {
        self.unreadable.push(Unreadable { path: path.to_owned(), reason: reason.to_owned() });
        self
    }

    /// Reads a baseline.
    ///
    /// # Errors
    ///
    /// See [`BaselineError`].
    pub fn read(text: &str, key: &KeyName) -> Result<Self, BaselineError> {
        let baseline: Self = serde_json::from_str(text).map_err(|error| BaselineError::Malformed(error.to_string()))?;
        if baseline.version > 1 {
            return Err(BaselineError::Newer(baseline.version));
        }
        if baseline.id_key != key.0 {
            return Err(BaselineError::OtherKey { theirs: baseline.id_key, ours: key.0.clone() });
        }
        Ok(baseline)
    }

    /// Writes the baseline.
    #[must_use]
    pub fn write(&self) -> String {
        serde_json::to_string_pretty(self).unwrap_or_default() + "\n"
    }

    /// Removes what is accepted from a run, and accounts for it.
    pub fn apply(&self, found: &mut Vec<Reported>, summary: &mut Summary) {
        let known: BTreeSet<&str> = self.findings.iter().map(|accepted| accepted.id.as_str()).collect();
        let before = found.len();
        found.retain(|reported| !known.contains(reported.finding.id.0.as_str()));
        summary.accepted = (before - found.len()) as u64;
        let reasons: BTreeMap<&str, &str> =
            self.unreadable.iter().map(|input| (input.path.as_str(), input.reason.as_str())).collect();
        let named = summary.skips.len();
        summary.skips.retain(|skip| !reasons.contains_key(skip.path.as_str()));
        summary.skipped -= (named - summary.skips.len()) as u64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_baseline_reads_back_and_refuses_other_keys_and_versions() {
        let key = KeyName("aa".into());
        let written = Baseline::of(&[], &key).with_unreadable("a.zip", "encrypted by the vendor").write();
        assert!(Baseline::read(&written, &key).is_ok());
        assert!(matches!(Baseline::read(&written, &KeyName("bb".into())), Err(BaselineError::OtherKey { .. })));
        assert_eq!(
            Baseline::read(&written.replace("\"version\": 1", "\"version\": 2"), &key),
            Err(BaselineError::Newer(2))
        );
        assert!(matches!(Baseline::read("{}", &key), Err(BaselineError::Malformed(_))));
    }
}
