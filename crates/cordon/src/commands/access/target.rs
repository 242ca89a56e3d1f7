//! What a question is about, as it is written on the command line.

use std::collections::HashMap;
use std::str::FromStr;

use cordon_domain::{BucketId, Label, Level, Moment, Project, Target, VersionId};
use cordon_policy::Snapshot;
use cordon_store::Versions;
use cordon_store::rebuild::Rebuilt;

use crate::error::Failure;
use crate::installation::{Operated, failure};

/// `everything` (the installation), an object version, a bucket, or a label such as `restricted/atlas`, in a bucket or not.
#[derive(Clone, Debug)]
pub(crate) enum Asked {
    Installation,
    Version(VersionId),
    Bucket(BucketId),
    Label(Label, Option<BucketId>),
}

impl FromStr for Asked {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "everything" {
            return Ok(Self::Installation);
        }
        if let Ok(version) = text.parse() {
            return Ok(Self::Version(version));
        }
        let (bucket, label) = match text.split_once('/') {
            Some((bucket, label)) if bucket.starts_with("bk_") => (Some(bucket.parse()), label),
            _ => (None, text),
        };
        let bucket = bucket.transpose().map_err(|error: cordon_domain::id::NotAnId| error.to_string())?;
        if let Ok(bucket) = text.parse() {
            return Ok(Self::Bucket(bucket));
        }
        let mut parts = label.split('/');
        let level = parts.next().unwrap_or_default().parse::<Level>().map_err(|_| {
            format!("`{text}` is no object (ov_...), no bucket (bk_...), no label such as restricted/atlas, and not `everything`")
        })?;
        let projects = parts.map(str::parse::<Project>).collect::<Result<_, _>>().map_err(|error| error.to_string())?;
        Ok(Self::Label(Label { projects, ..Label::of(level) }, bucket))
    }
}

/// The moment that a question is about: of one that is past, what was kept is told.
#[derive(Clone, Copy, Debug)]
pub(crate) enum When {
    Now(Moment),
    Then(Moment),
}

impl When {
    pub(crate) const fn moment(self) -> Moment {
        match self {
            Self::Now(at) | Self::Then(at) => at,
        }
    }

    const fn then(self) -> Option<Moment> {
        match self {
            Self::Now(_) => None,
            Self::Then(at) => Some(at),
        }
    }
}

/// Something that policies see as one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Group {
    pub(crate) target: Target,
    /// How many object versions that is.
    pub(crate) versions: u64,
}

impl Group {
    /// The version, when it stands for itself.
    pub(crate) fn version(&self) -> Option<VersionId> {
        self.target.version.filter(|version| *version != ANY)
    }
}

/// Of those that look alike one stands for all; it is no version that a policy could name.
const ANY: VersionId = VersionId([0; 16]);

/// The versions of a bucket by label, those that a grant or a policy names each for itself.
fn groups_of(bucket: BucketId, mut labels: Vec<(Label, u64)>, apart: Vec<(VersionId, Label)>) -> Vec<Group> {
    for (_, own) in &apart {
        let counted = labels.iter_mut().find(|(label, _)| label == own);
        counted.into_iter().for_each(|(_, count)| *count = count.saturating_sub(1));
    }
    let alike = labels.into_iter().filter(|(_, count)| *count > 0).map(|(label, count)| (ANY, label, count));
    let apart = apart.into_iter().map(|(version, label)| (version, label, 1));
    let group = |(version, label, versions)| Group {
        target: Target { bucket: Some(bucket), version: Some(version), label: Some(label), ..Target::default() },
        versions,
    };
    alike.chain(apart).map(group).collect()
}

impl Asked {
    /// Groups what is asked about by what policies can see.
    pub(crate) async fn groups(
        &self,
        operated: &Operated,
        snapshot: &Snapshot,
        when: When,
    ) -> Result<Vec<Group>, Failure> {
        let (reader, keys) = (operated.installation.reader(), operated.installation.keys());
        let one = |target| Ok(vec![Group { target, versions: 1 }]);
        match self {
            Self::Installation => Ok(vec![Group { target: Target::default(), versions: 0 }]),
            Self::Version(version) => {
                let Some((bucket, label)) = stored(operated, *version, when).await? else { return Ok(Vec::new()) };
                one(Target { bucket: Some(bucket), version: Some(*version), label: Some(label), ..Target::default() })
            }
            Self::Label(label, bucket) => {
                one(Target { bucket: *bucket, version: Some(ANY), label: Some(label.clone()), ..Target::default() })
            }
            Self::Bucket(bucket) => {
                let labels = reader.label_groups(keys, *bucket, when.then()).await.map_err(failure)?;
                let mut apart = Vec::new();
                for version in snapshot.versions_named(when.moment()) {
                    let label = stored(operated, version, when).await?.filter(|(of, _)| of == bucket);
                    apart.extend(label.map(|(_, label)| (version, label)));
                }
                Ok(groups_of(*bucket, labels, apart))
            }
        }
    }

    /// Groups what the log tells of it in the same way. Of what is no version there is nothing to tell.
    pub(crate) fn rebuilt(&self, rebuilt: &Rebuilt, snapshot: &Snapshot, at: Moment) -> Option<Vec<Group>> {
        let (named, mut alike, mut apart) = (snapshot.versions_named(at), HashMap::new(), Vec::new());
        for (version, bucket, label) in rebuilt.labels() {
            match self {
                Self::Version(_) => {
                    let (version, label) = (Some(version), Some(label.clone()));
                    let target = Target { bucket: Some(bucket), version, label, ..Target::default() };
                    return Some(vec![Group { target, versions: 1 }]);
                }
                _ => *alike.entry(label).or_insert(0) += 1,
            }
            if named.contains(&version) {
                apart.push((version, label.clone()));
            }
        }
        let alike = alike.into_iter().map(|(label, count)| (label.clone(), count)).collect();
        match self {
            Self::Bucket(bucket) => Some(groups_of(*bucket, alike, apart)),
            Self::Version(_) => Some(Vec::new()),
            Self::Installation | Self::Label(..) => None,
        }
    }

    /// Of which versions it is.
    pub(crate) const fn versions(&self) -> Versions {
        match self {
            Self::Version(version) => Versions::One(*version),
            Self::Bucket(bucket) => Versions::Of(*bucket),
            Self::Installation | Self::Label(..) => Versions::None,
        }
    }
}

/// Returns where a version is, or was, and its label.
async fn stored(operated: &Operated, version: VersionId, when: When) -> Result<Option<(BucketId, Label)>, Failure> {
    let (reader, keys) = (operated.installation.reader(), operated.installation.keys());
    match when {
        When::Now(_) => {
            let row = reader.object(keys, version).await.map_err(failure)?;
            Ok(row.map(|row| (row.bucket, row.label)))
        }
        When::Then(at) => reader.label_at(keys, version, at).await.map_err(failure),
    }
}

/// Writes a label as it is read.
pub(crate) fn label_text(target: &Target) -> String {
    let Some(label) = &target.label else { return "everything".to_owned() };
    let projects = label.projects.iter().map(Project::as_str);
    std::iter::once(label.level.as_str()).chain(projects).collect::<Vec<_>>().join("/")
}

/// Writes what a group is: its label, and the version that stands for itself.
pub(crate) fn group_text(group: &Group) -> String {
    let label = label_text(&group.target);
    group.version().map_or_else(|| label.clone(), |version| format!("{label} {version}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_that_is_named_stands_for_itself() {
        let (bucket, named) = (BucketId([1; 16]), VersionId([7; 16]));
        let (open, closed) = (Label::of(Level::Internal), Label::of(Level::Restricted));
        let labels = vec![(open.clone(), 3), (closed.clone(), 1)];
        let groups = groups_of(bucket, labels, vec![(named, closed.clone())]);
        let seen: Vec<_> =
            groups.iter().map(|group| (group.target.version, group.target.label.clone(), group.versions)).collect();
        assert_eq!(seen, [(Some(ANY), Some(open), 3), (Some(named), Some(closed), 1)]);
        assert_eq!(group_text(&groups[0]), "internal");
        assert_eq!(group_text(&groups[1]), format!("restricted {named}"));
    }
}
