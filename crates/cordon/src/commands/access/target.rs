//! What a question is about, as it is written on the command line.

use std::collections::HashMap;
use std::str::FromStr;

use cordon_domain::label::NotALabel;
use cordon_domain::{BucketId, Label, Moment, Target, VersionId};
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
        let label = label.parse().map_err(|error: NotALabel| {
            format!("`{text}` is no object (ov_...), no bucket (bk_...), and not `everything`; {error}")
        })?;
        Ok(Self::Label(label, bucket))
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
    target.label.as_ref().map_or_else(|| "everything".to_owned(), ToString::to_string)
}

/// Writes what a group is: its label, and the version that stands for itself.
pub(crate) fn group_text(group: &Group) -> String {
    let label = label_text(&group.target);
    group.version().map_or_else(|| label.clone(), |version| format!("{label} {version}"))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use cordon_domain::{
        Action, Grant, GrantId, Level, Policies, Principal, PrincipalId, PrincipalKind, Project, Record, Role, Roster,
        Scope,
    };
    use cordon_gate::Epoch;
    use cordon_testkit::Chance;

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

    /// A snapshot of three readers, one by a grant of a version alone; one version a policy names.
    fn snapshot(chance: &mut Chance) -> Snapshot {
        let mut roster = Roster::default();
        let atlas: Project = "atlas".parse().expect("a project");
        for number in 1..4 {
            let id = PrincipalId([number; 16]);
            let projects = if chance.below(2) == 0 { [atlas.clone()].into() } else { BTreeSet::new() };
            roster.put(Record::Principal(Principal {
                id,
                kind: PrincipalKind::Person,
                owner: id,
                clearance: Level::ALL[chance.below(4) as usize],
                projects,
                vendor: None,
                purpose: None,
                until: None,
                trained_until: Some(Moment(i64::MAX)),
            }));
            let scopes = [Scope::Installation, Scope::Bucket(BucketId([1; 16])), Scope::Version(version(chance))];
            roster.put(Record::Grant(Grant {
                id: GrantId([number; 16]),
                principal: id,
                role: Role::Reader,
                scope: scopes[chance.below(3) as usize].clone(),
                starts: Moment(0),
                ends: None,
                reason: "a test".to_owned(),
                given_by: id,
            }));
        }
        let (one, other) = (version(chance), version(chance));
        let text = format!(
            "@id(\"a\") forbid (principal, action, resource == Object::\"{one}\");
             @id(\"b\") permit (principal, action == Action::\"object.read\", resource is Object)
             when {{ resource == Object::\"{other}\" }};"
        );
        roster.put(Record::Policies(Policies { version: 1, text }));
        Snapshot::new(roster, Epoch(1)).expect("valid")
    }

    fn version(chance: &mut Chance) -> VersionId {
        VersionId([1 + chance.below(12) as u8; 16])
    }

    /// Who may read a version is who may read the group that it is in; each version is in one group.
    #[test]
    fn a_group_answers_for_each_of_its_versions() {
        let (bucket, at) = (BucketId([1; 16]), Moment(1_795_615_200_000));
        let mut named = 0;
        for seed in 0..200 {
            let mut chance = Chance::new(seed);
            let snapshot = snapshot(&mut chance);
            let labels: Vec<(VersionId, Label)> = (1..13)
                .map(|number| {
                    let label = Label::of(Level::ALL[chance.below(4) as usize]);
                    let atlas = "atlas".parse::<Project>().expect("a project");
                    let label = if chance.below(3) == 0 { label.with(atlas) } else { label };
                    (VersionId([number; 16]), label)
                })
                .collect();
            let mut counted: HashMap<&Label, u64> = HashMap::new();
            labels.iter().for_each(|(_, label)| *counted.entry(label).or_default() += 1);
            let counted = counted.into_iter().map(|(label, count)| (label.clone(), count)).collect();
            let apart: Vec<_> = snapshot.versions_named(at).into_iter().collect();
            let apart = labels.iter().filter(|(version, _)| apart.contains(version)).cloned().collect();
            let groups = groups_of(bucket, counted, apart);
            assert_eq!(groups.iter().map(|group| group.versions).sum::<u64>(), 12, "seed {seed}");
            let who = |target: &Target| {
                let mut may = Vec::new();
                snapshot.who(Action::ObjectRead, target, at, &mut |one| may.push(one));
                may
            };
            for (version, label) in labels {
                let own = groups.iter().find(|group| group.version() == Some(version));
                let alike = |group: &&Group| group.version().is_none() && group.target.label.as_ref() == Some(&label);
                let group = own.or_else(|| groups.iter().find(alike)).expect("it is in one");
                named += u32::from(own.is_some());
                let (bucket, version, label) = (Some(bucket), Some(version), Some(label.clone()));
                let single = Target { bucket, version, label, ..Target::default() };
                assert_eq!(who(&single), who(&group.target), "seed {seed}: {single:?}");
            }
        }
        assert!(named > 200, "{named}");
    }
}
