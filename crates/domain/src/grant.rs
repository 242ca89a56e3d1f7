//! Grants: which role someone has on what, until when, why, and who agreed.

use std::fmt;
use std::str::FromStr;

use minicbor::{Decode, Encode};

use crate::event::Target;
use crate::id::{BucketId, GrantId, PrincipalId, VersionId};
use crate::label::Project;
use crate::time::Moment;

/// What one may do on what a grant covers; each role gives as little as its work needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
#[cbor(index_only)]
pub enum Role {
    /// Reads.
    #[n(0)]
    Reader,
    /// Reads and writes.
    #[n(1)]
    Contributor,
    /// Reads, writes, deletes, shares, grants; publishes and declassifies with another's approval.
    #[n(2)]
    Owner,
    /// Approves what others ask for.
    #[n(3)]
    Approver,
    /// Cares for people, grants, vendors, devices, policies, keys. Reads nothing.
    #[n(4)]
    Security,
    /// Looks into the log, and who may do what. Reads nothing, changes nothing.
    #[n(5)]
    Auditor,
}

impl Role {
    /// All roles.
    pub const ALL: [Self; 6] =
        [Self::Reader, Self::Contributor, Self::Owner, Self::Approver, Self::Security, Self::Auditor];

    /// Returns the name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Reader => "reader",
            Self::Contributor => "contributor",
            Self::Owner => "owner",
            Self::Approver => "approver",
            Self::Security => "security",
            Self::Auditor => "auditor",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Reports a word that names no role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownRole(pub String);

impl fmt::Display for UnknownRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` is no role; roles are {}", self.0, Role::ALL.map(Role::as_str).join(", "))
    }
}

impl std::error::Error for UnknownRole {}

impl FromStr for Role {
    type Err = UnknownRole;

    fn from_str(word: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|role| role.as_str() == word).ok_or_else(|| UnknownRole(word.to_owned()))
    }
}

/// What a grant covers.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
pub enum Scope {
    /// Everything.
    #[n(0)]
    Installation,
    /// What is labelled with a project.
    #[n(1)]
    Project(#[n(0)] Project),
    /// One bucket and what is in it.
    #[n(2)]
    Bucket(#[n(0)] BucketId),
    /// One version of one object.
    #[n(3)]
    Version(#[n(0)] VersionId),
}

impl Scope {
    /// Tells whether it covers `target`.
    #[must_use]
    pub fn covers(&self, target: &Target) -> bool {
        match self {
            Self::Installation => true,
            // An installation has no label, whatever a request says.
            Self::Project(project) => {
                let thing = target.bucket.is_some() || target.version.is_some();
                thing && target.label.as_ref().is_some_and(|label| label.projects.contains(project))
            }
            Self::Bucket(bucket) => target.bucket == Some(*bucket),
            Self::Version(version) => target.version == Some(*version),
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Installation => f.write_str("everything"),
            Self::Project(project) => write!(f, "project:{project}"),
            Self::Bucket(bucket) => bucket.fmt(f),
            Self::Version(version) => version.fmt(f),
        }
    }
}

/// Reports a text that names nothing a grant could cover.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotAScope;

impl fmt::Display for NotAScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a grant covers `everything`, `project:NAME`, a bucket (bk_...) or an object version (ov_...)")
    }
}

impl std::error::Error for NotAScope {}

impl FromStr for Scope {
    type Err = NotAScope;

    fn from_str(text: &str) -> Result<Self, NotAScope> {
        if text == "everything" {
            return Ok(Self::Installation);
        }
        let project = || text.strip_prefix("project:")?.parse().ok().map(Self::Project);
        let bucket = || text.parse().ok().map(Self::Bucket);
        let version = || text.parse().ok().map(Self::Version);
        project().or_else(bucket).or_else(version).ok_or(NotAScope)
    }
}

/// Who may do what on what, until when, why, agreed by whom.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Grant {
    /// Identifies it for ever.
    #[n(0)]
    pub id: GrantId,
    /// Who.
    #[n(1)]
    pub principal: PrincipalId,
    /// What.
    #[n(2)]
    pub role: Role,
    /// On what.
    #[n(3)]
    pub scope: Scope,
    /// From when.
    #[n(4)]
    pub starts: Moment,
    /// Until when.
    #[n(5)]
    pub ends: Option<Moment>,
    /// Why.
    #[n(6)]
    pub reason: String,
    /// Who gave it.
    #[n(7)]
    pub given_by: PrincipalId,
}

impl Grant {
    /// Tells whether it counts at a moment.
    #[must_use]
    pub fn counts_at(&self, at: Moment) -> bool {
        self.starts <= at && self.ends.is_none_or(|ends| at < ends)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::label::Label;
    use crate::level::Level;

    #[test]
    fn a_scope_covers_what_it_names_and_reads_back() {
        let project: Project = "gemini".parse().expect("a project");
        let label = Label::of(Level::Internal).with(project.clone());
        let target = Target {
            bucket: Some(BucketId([1; 16])),
            version: Some(VersionId([2; 16])),
            label: Some(label),
            ..Target::default()
        };
        let scopes = [
            Scope::Installation,
            Scope::Project(project),
            Scope::Bucket(BucketId([1; 16])),
            Scope::Version(VersionId([2; 16])),
        ];
        for scope in scopes {
            assert!(scope.covers(&target));
            assert_eq!(scope.to_string().parse(), Ok(scope.clone()));
            assert_eq!(scope.covers(&Target::default()), scope == Scope::Installation);
        }
        assert!("project:".parse::<Scope>().is_err() && "all".parse::<Scope>().is_err());
    }

    #[test]
    fn a_grant_counts_from_its_start_to_before_its_end() {
        let grant = |ends| Grant {
            id: GrantId([0; 16]),
            principal: PrincipalId([0; 16]),
            role: Role::Reader,
            scope: Scope::Installation,
            starts: Moment(10),
            ends,
            reason: String::new(),
            given_by: PrincipalId([0; 16]),
        };
        let counts = |ends, at| grant(ends).counts_at(Moment(at));
        assert!(!counts(Some(Moment(20)), 9) && counts(Some(Moment(20)), 10) && counts(Some(Moment(20)), 19));
        assert!(!counts(Some(Moment(20)), 20) && counts(None, i64::MAX));
    }
}
