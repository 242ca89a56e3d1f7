//! What is in a bucket, counted.

use crate::bucket::{Bucket, Keeps, Strangers};
use crate::error::BucketError;
use crate::limits::STRANGER_ASKS_MAX;

/// What is in a bucket, and what of it a stranger gets.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Survey {
    /// Names, those that are hidden among them where versions are kept.
    pub names: u64,
    /// Versions, marks of deletions not among them.
    pub versions: u64,
    /// Marks of deletions.
    pub marks: u64,
    /// Bytes of all versions.
    pub bytes: u64,
    /// Versions that no name leads to.
    pub earlier: u64,
    /// Their bytes.
    pub earlier_bytes: u64,
    /// The longest: its name, and its bytes.
    pub longest: Option<(String, u64)>,
    /// What a stranger gets of the first names.
    pub strangers: Strangers,
}

impl Survey {
    /// Counts what is in a bucket, and asks for the first names as a stranger would.
    ///
    /// # Errors
    ///
    /// [`BucketError`], when the list breaks off or nobody answers.
    pub fn of(bucket: &Bucket, keeps: Keeps, prefix: &str) -> Result<Self, BucketError> {
        let (mut survey, mut first) = (Self::default(), Vec::new());
        for name in bucket.names(keeps, prefix) {
            let name = name?;
            survey.names += 1;
            for version in &name {
                if version.is_mark {
                    survey.marks += 1;
                    continue;
                }
                (survey.versions, survey.bytes) = (survey.versions + 1, survey.bytes + version.bytes);
                if !version.is_latest {
                    (survey.earlier, survey.earlier_bytes) = (survey.earlier + 1, survey.earlier_bytes + version.bytes);
                }
                if survey.longest.as_ref().is_none_or(|(_, bytes)| version.bytes > *bytes) {
                    survey.longest = Some((version.key.clone(), version.bytes));
                }
            }
            let latest = name.last().filter(|last| !last.is_mark && first.len() < STRANGER_ASKS_MAX);
            first.extend(latest.map(|last| last.key.clone()));
        }
        survey.strangers = bucket.to_strangers(&first)?;
        Ok(survey)
    }
}
