//! Records: what decisions rest on. Each is one row and one event; together they are the [`crate::Roster`].

use std::fmt;
use std::str::FromStr;

use minicbor::{Decode, Encode};

use crate::action::Action;
use crate::allowance::Allowance;
use crate::asked::{Asked, Emergency};
use crate::bucket::Bucket;
use crate::codename::KnownName;
use crate::credential::Revoked;
use crate::demand::Levels;
use crate::embargo::Embargo;
use crate::grant::Grant;
use crate::id::{
    AllowanceId, AskId, BucketId, CodenameId, CredentialId, DeviceId, EmbargoId, EmergencyId, GrantId, PrincipalId,
    PublicationId, VendorId,
};
use crate::label::{Label, Project};
use crate::limits::{
    APPROVALS_MAX, ASKED_CHANGE_BYTES_MAX, BUCKET_TAGGING_BYTES_MAX, LABEL_PROJECTS_MAX, NETWORKS_MAX,
    POLICY_TEXT_BYTES_MAX, PROJECTS_MAX, RECORD_TEXT_BYTES_MAX, STEPS_MAX,
};
use crate::principal::{Device, Principal, Vendor};
use crate::publication::Publication;

/// Names a record for ever.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
pub enum RecordKey {
    /// A person, a service, a vendor's person.
    #[n(0)]
    Principal(#[n(0)] PrincipalId),
    /// A vendor.
    #[n(1)]
    Vendor(#[n(0)] VendorId),
    /// A device.
    #[n(2)]
    Device(#[n(0)] DeviceId),
    /// A grant.
    #[n(3)]
    Grant(#[n(0)] GrantId),
    /// Something asked.
    #[n(4)]
    Ask(#[n(0)] AskId),
    /// An emergency.
    #[n(5)]
    Emergency(#[n(0)] EmergencyId),
    /// A project that is closed: nobody belongs to it.
    #[n(6)]
    Closed(#[n(0)] Project),
    /// What the levels demand.
    #[n(7)]
    Levels,
    /// The organisation's policies.
    #[n(8)]
    Policies,
    /// A session, an access key, a passkey, of which the roster knows that it counts no more.
    #[n(9)]
    Credential(#[n(0)] CredentialId),
    /// A bucket.
    #[n(10)]
    Bucket(#[n(0)] BucketId),
    /// A publication.
    #[n(11)]
    Publication(#[n(0)] PublicationId),
    /// An allowance.
    #[n(12)]
    Allowance(#[n(0)] AllowanceId),
    /// An embargo.
    #[n(13)]
    Embargo(#[n(0)] EmbargoId),
    /// A codename.
    #[n(14)]
    Codename(#[n(0)] CodenameId),
}

impl fmt::Display for RecordKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Principal(id) => id.fmt(f),
            Self::Vendor(id) => id.fmt(f),
            Self::Device(id) => id.fmt(f),
            Self::Grant(id) => id.fmt(f),
            Self::Ask(id) => id.fmt(f),
            Self::Emergency(id) => id.fmt(f),
            Self::Closed(project) => write!(f, "project:{project}"),
            Self::Levels => f.write_str("levels"),
            Self::Policies => f.write_str("policies"),
            Self::Credential(id) => id.fmt(f),
            Self::Bucket(id) => id.fmt(f),
            Self::Publication(id) => id.fmt(f),
            Self::Allowance(id) => id.fmt(f),
            Self::Embargo(id) => id.fmt(f),
            Self::Codename(id) => id.fmt(f),
        }
    }
}

/// Reports a text that names no record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotARecord;

impl fmt::Display for NotARecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("give a principal (pr_...), vendor (vn_...), device (dv_...), grant (gr_...), credential (cr_...), bucket (bk_...) or project:NAME")
    }
}

impl std::error::Error for NotARecord {}

impl FromStr for RecordKey {
    type Err = NotARecord;

    fn from_str(text: &str) -> Result<Self, NotARecord> {
        if let Some(project) = text.strip_prefix("project:") {
            return project.parse().map(Self::Closed).map_err(|_| NotARecord);
        }
        let key = match text.split_once('_').map(|(prefix, _)| prefix) {
            Some(PrincipalId::PREFIX) => text.parse().map(Self::Principal),
            Some(VendorId::PREFIX) => text.parse().map(Self::Vendor),
            Some(DeviceId::PREFIX) => text.parse().map(Self::Device),
            Some(GrantId::PREFIX) => text.parse().map(Self::Grant),
            Some(AskId::PREFIX) => text.parse().map(Self::Ask),
            Some(EmergencyId::PREFIX) => text.parse().map(Self::Emergency),
            Some(CredentialId::PREFIX) => text.parse().map(Self::Credential),
            Some(BucketId::PREFIX) => text.parse().map(Self::Bucket),
            Some(PublicationId::PREFIX) => text.parse().map(Self::Publication),
            Some(AllowanceId::PREFIX) => text.parse().map(Self::Allowance),
            Some(EmbargoId::PREFIX) => text.parse().map(Self::Embargo),
            Some(CodenameId::PREFIX) => text.parse().map(Self::Codename),
            _ => return Err(NotARecord),
        };
        key.map_err(|_| NotARecord)
    }
}

/// An organisation's own policies, in Cedar.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub struct Policies {
    /// Counts changes from 1.
    #[n(0)]
    pub version: u32,
    /// The text.
    #[n(1)]
    pub text: String,
}

/// One thing that decisions rest on.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum Record {
    /// A person, a service, a vendor's person.
    #[n(0)]
    Principal(#[n(0)] Principal),
    /// A vendor.
    #[n(1)]
    Vendor(#[n(0)] Vendor),
    /// A device.
    #[n(2)]
    Device(#[n(0)] Device),
    /// A grant.
    #[n(3)]
    Grant(#[n(0)] Grant),
    /// Something asked.
    #[n(4)]
    Ask(#[n(0)] Box<Asked>),
    /// An emergency.
    #[n(5)]
    Emergency(#[n(0)] Emergency),
    /// A project that is closed.
    #[n(6)]
    Closed(#[n(0)] Project),
    /// What the levels demand.
    #[n(7)]
    Levels(#[n(0)] Box<Levels>),
    /// The organisation's policies.
    #[n(8)]
    Policies(#[n(0)] Policies),
    /// A credential that counts no more.
    #[n(9)]
    Revoked(#[n(0)] Revoked),
    /// A bucket.
    #[n(10)]
    Bucket(#[n(0)] Box<Bucket>),
    /// A publication.
    #[n(11)]
    Publication(#[n(0)] Box<Publication>),
    /// An allowance.
    #[n(12)]
    Allowance(#[n(0)] Box<Allowance>),
    /// An embargo.
    #[n(13)]
    Embargo(#[n(0)] Box<Embargo>),
    /// A codename.
    #[n(14)]
    Codename(#[n(0)] Box<KnownName>),
}

impl Record {
    /// Returns its name.
    #[must_use]
    pub fn key(&self) -> RecordKey {
        match self {
            Self::Principal(principal) => RecordKey::Principal(principal.id),
            Self::Vendor(vendor) => RecordKey::Vendor(vendor.id),
            Self::Device(device) => RecordKey::Device(device.id),
            Self::Grant(grant) => RecordKey::Grant(grant.id),
            Self::Ask(asked) => RecordKey::Ask(asked.id),
            Self::Emergency(emergency) => RecordKey::Emergency(emergency.id),
            Self::Closed(project) => RecordKey::Closed(project.clone()),
            Self::Levels(_) => RecordKey::Levels,
            Self::Policies(_) => RecordKey::Policies,
            Self::Revoked(revoked) => RecordKey::Credential(revoked.credential),
            Self::Bucket(bucket) => RecordKey::Bucket(bucket.id),
            Self::Publication(publication) => RecordKey::Publication(publication.id),
            Self::Allowance(allowance) => RecordKey::Allowance(allowance.id),
            Self::Embargo(embargo) => RecordKey::Embargo(embargo.id),
            Self::Codename(codename) => RecordKey::Codename(codename.id),
        }
    }

    /// Tells whether it is within the bounds of records.
    #[must_use]
    pub fn is_bounded(&self) -> bool {
        let short = |text: &str| text.len() <= RECORD_TEXT_BYTES_MAX;
        let few = |label: &Label| label.projects.len() <= LABEL_PROJECTS_MAX;
        match self {
            Self::Principal(principal) => {
                principal.projects.len() <= PROJECTS_MAX && principal.purpose.as_deref().is_none_or(short)
            }
            Self::Vendor(vendor) => {
                vendor.projects.len() <= PROJECTS_MAX && vendor.networks.len() <= NETWORKS_MAX && short(&vendor.name)
            }
            Self::Device(device) => short(&device.claimed),
            Self::Grant(grant) => short(&grant.reason),
            Self::Ask(asked) => {
                asked.approvals.len() <= APPROVALS_MAX
                    && short(&asked.reason)
                    && asked.change.len() <= ASKED_CHANGE_BYTES_MAX
            }
            Self::Emergency(emergency) => short(&emergency.reason),
            Self::Closed(_) | Self::Levels(_) | Self::Revoked(_) => true,
            Self::Policies(policies) => policies.text.len() <= POLICY_TEXT_BYTES_MAX,
            Self::Bucket(bucket) => {
                let tagging = bucket.tagging.as_ref().map_or(0, String::len);
                few(&bucket.label) && tagging <= BUCKET_TAGGING_BYTES_MAX && bucket.guarding().can_be()
            }
            Self::Publication(publication) => few(&publication.label) && short(&publication.reason),
            Self::Allowance(allowance) => few(&allowance.label) && short(&allowance.reason),
            Self::Embargo(embargo) => embargo.label.as_ref().is_none_or(few) && short(&embargo.reason),
            Self::Codename(codename) => few(&codename.label) && codename.can_be(),
        }
    }
}

/// What a change does to one record.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum Step {
    /// It begins, or becomes another.
    #[n(0)]
    Put(#[n(0)] Record),
    /// It ends.
    #[n(1)]
    End(#[n(0)] RecordKey),
}

impl Step {
    /// Returns the record that it touches.
    #[must_use]
    pub fn key(&self) -> RecordKey {
        match self {
            Self::Put(record) => record.key(),
            Self::End(key) => key.clone(),
        }
    }

    /// Tells whether `action` may do it.
    #[must_use]
    pub const fn fits(&self, action: Action) -> bool {
        match self {
            Self::Put(Record::Principal(_)) => matches!(action, Action::PrincipalCreate | Action::PrincipalChange),
            Self::Put(Record::Vendor(_)) => matches!(action, Action::VendorChange),
            Self::Put(Record::Device(_)) => matches!(action, Action::DeviceEnrol),
            Self::Put(Record::Grant(_)) => {
                matches!(action, Action::GrantMake | Action::PrincipalCreate | Action::BucketCreate)
            }
            Self::Put(Record::Bucket(_)) => {
                matches!(action, Action::BucketCreate | Action::BucketChange | Action::BucketLoosen)
            }
            Self::Put(Record::Ask(_)) => matches!(action, Action::ApprovalAsk | Action::EmergencyAsk | Action::Approve),
            Self::Put(Record::Emergency(_)) => matches!(action, Action::EmergencyOpen),
            Self::Put(Record::Closed(_)) => matches!(action, Action::Revoke),
            Self::Put(Record::Levels(_)) => matches!(action, Action::LevelsChange),
            Self::Put(Record::Policies(_)) => matches!(action, Action::PolicyChange),
            Self::Put(Record::Revoked(_)) => matches!(action, Action::Revoke | Action::SignOut),
            Self::Put(Record::Publication(_)) => matches!(action, Action::PublicationMake),
            Self::End(RecordKey::Publication(_)) => matches!(action, Action::PublicationWithdraw),
            Self::Put(Record::Allowance(_)) => matches!(action, Action::AllowanceMake),
            Self::Put(Record::Embargo(_)) => matches!(action, Action::EmbargoMake),
            Self::Put(Record::Codename(_)) => matches!(action, Action::CodenameMake),
            Self::End(RecordKey::Allowance(_)) => matches!(action, Action::AllowanceEnd),
            // Whoever makes one clears away those that have ended.
            Self::End(RecordKey::Embargo(_)) => matches!(action, Action::EmbargoMake | Action::EmbargoLift),
            Self::End(RecordKey::Codename(_)) => matches!(action, Action::CodenameEnd),
            // What was asked for, of what is withdrawn, is withdrawn with it.
            Self::End(RecordKey::Ask(_)) => matches!(action, Action::Revoke | Action::PublicationWithdraw),
            Self::End(RecordKey::Bucket(_)) => matches!(action, Action::BucketDelete),
            Self::End(RecordKey::Emergency(_)) => matches!(action, Action::EmergencyReview),
            // Opening a project again gives: it is a grant.
            Self::End(RecordKey::Closed(_)) => matches!(action, Action::GrantMake),
            Self::End(RecordKey::Levels | RecordKey::Policies | RecordKey::Credential(_)) => false,
            Self::End(_) => matches!(action, Action::Revoke),
        }
    }
}

/// What a change does to records, in order. This is what its event keeps beside it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
#[cbor(transparent)]
pub struct Steps(#[n(0)] pub Vec<Step>);

impl Steps {
    /// Tells whether `action` may do all of it, and it is within bounds.
    #[must_use]
    pub fn fit(&self, action: Action) -> bool {
        let bounded = |step: &Step| !matches!(step, Step::Put(record) if !record.is_bounded());
        !self.0.is_empty() && self.0.len() <= STEPS_MAX && self.0.iter().all(|step| step.fits(action) && bounded(step))
    }

    /// Reads them as they are kept.
    #[must_use]
    pub fn decoded(bytes: &[u8]) -> Option<Self> {
        minicbor::decode(bytes).ok()
    }

    /// Returns them as they are kept.
    #[must_use]
    pub fn encoded(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        // Writing to memory does not fail.
        let _ = minicbor::encode(self, &mut bytes);
        bytes
    }
}

impl Action {
    /// Tells whether it changes records, and so keeps [`Steps`] beside its event.
    #[must_use]
    pub const fn changes_records(self) -> bool {
        matches!(
            self,
            Self::PrincipalCreate
                | Self::PrincipalChange
                | Self::VendorChange
                | Self::DeviceEnrol
                | Self::GrantMake
                | Self::ApprovalAsk
                | Self::EmergencyAsk
                | Self::Approve
                | Self::EmergencyOpen
                | Self::EmergencyReview
                | Self::LevelsChange
                | Self::PolicyChange
                | Self::Revoke
                | Self::SignOut
                | Self::BucketCreate
                | Self::BucketChange
                | Self::BucketDelete
                | Self::PublicationMake
                | Self::PublicationWithdraw
                | Self::AllowanceMake
                | Self::AllowanceEnd
                | Self::EmbargoMake
                | Self::EmbargoLift
                | Self::BucketLoosen
                | Self::CodenameMake
                | Self::CodenameEnd
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::ID_BYTES;

    #[test]
    fn keys_read_back() {
        let keys = [
            RecordKey::Principal(PrincipalId([1; ID_BYTES])),
            RecordKey::Vendor(VendorId([2; ID_BYTES])),
            RecordKey::Device(DeviceId([3; ID_BYTES])),
            RecordKey::Grant(GrantId([4; ID_BYTES])),
            RecordKey::Ask(AskId([5; ID_BYTES])),
            RecordKey::Emergency(EmergencyId([6; ID_BYTES])),
            RecordKey::Credential(CredentialId([7; ID_BYTES])),
            RecordKey::Bucket(BucketId([8; ID_BYTES])),
            RecordKey::Publication(PublicationId([9; ID_BYTES])),
            RecordKey::Allowance(AllowanceId([10; ID_BYTES])),
            RecordKey::Embargo(EmbargoId([11; ID_BYTES])),
            RecordKey::Codename(CodenameId([12; ID_BYTES])),
            RecordKey::Closed("gemini".parse().expect("a project")),
        ];
        for key in keys {
            assert_eq!(key.to_string().parse(), Ok(key.clone()));
            let bytes = minicbor::to_vec(&key).expect("encodes");
            assert_eq!(minicbor::decode::<RecordKey>(&bytes).expect("decodes"), key);
        }
        assert!("pr_1".parse::<RecordKey>().is_err() && "levels".parse::<RecordKey>().is_err());
    }

    #[test]
    fn a_step_is_done_by_no_action_of_another_kind() {
        let close = Step::Put(Record::Closed("gemini".parse().expect("a project")));
        let end = |key| Step::End(key);
        let fitting = |step: &Step| Action::ALL.into_iter().filter(|action| step.fits(*action)).collect::<Vec<_>>();
        assert_eq!(fitting(&close), [Action::Revoke]);
        assert_eq!(fitting(&end(RecordKey::Emergency(EmergencyId([0; 16])))), [Action::EmergencyReview]);
        assert_eq!(fitting(&end(RecordKey::Closed("gemini".parse().expect("a project")))), [Action::GrantMake]);
        assert_eq!(fitting(&Step::Put(Record::Policies(Policies::default()))), [Action::PolicyChange]);
        assert_eq!(fitting(&end(RecordKey::Policies)), []);
        let revoked = Revoked { credential: CredentialId([7; 16]), principal: PrincipalId([1; 16]) };
        assert_eq!(fitting(&Step::Put(Record::Revoked(revoked))), [Action::SignOut, Action::Revoke]);
        assert_eq!(fitting(&end(RecordKey::Credential(revoked.credential))), [], "what is revoked stays so");
        let publication = RecordKey::Publication(PublicationId([9; ID_BYTES]));
        assert_eq!(fitting(&end(publication)), [Action::PublicationWithdraw]);
        let allowance = RecordKey::Allowance(AllowanceId([10; ID_BYTES]));
        assert_eq!(fitting(&end(allowance)), [Action::AllowanceEnd]);
        let embargo = RecordKey::Embargo(EmbargoId([11; ID_BYTES]));
        assert_eq!(fitting(&end(embargo)), [Action::EmbargoMake, Action::EmbargoLift]);
        assert_eq!(fitting(&end(RecordKey::Codename(CodenameId([12; ID_BYTES])))), [Action::CodenameEnd]);
        for step in [close, end(RecordKey::Grant(GrantId([0; 16])))] {
            assert!(fitting(&step).into_iter().all(Action::changes_records));
        }
        assert!(!Steps::default().fit(Action::Revoke), "it must change something");
        let many = Steps(vec![end(RecordKey::Grant(GrantId([0; 16]))); STEPS_MAX + 1]);
        assert!(!many.fit(Action::Revoke) && Steps(many.0[1..].to_vec()).fit(Action::Revoke));
    }
}
