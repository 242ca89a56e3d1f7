//! All records at one moment: what decisions rest on. A fold over the steps of changes, in their order.

use std::collections::{BTreeMap, BTreeSet};

use crate::allowance::Allowance;
use crate::asked::{Asked, Emergency};
use crate::bucket::Buckets;
use crate::codename::KnownName;
use crate::demand::Levels;
use crate::embargo::Embargo;
use crate::event::{PrincipalKind, Target};
use crate::grant::{Grant, Role};
use crate::id::{
    AllowanceId, AskId, CodenameId, CredentialId, DeviceId, EmbargoId, EmergencyId, GrantId, PrincipalId,
    PublicationId, VendorId,
};
use crate::label::Project;
use crate::principal::{Device, Principal, Vendor};
use crate::publication::Publication;
use crate::record::{Policies, Record, RecordKey, Step};
use crate::time::Moment;

/// All records at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Roster {
    /// Those who act.
    pub principals: BTreeMap<PrincipalId, Principal>,
    /// Vendors.
    pub vendors: BTreeMap<VendorId, Vendor>,
    /// Devices.
    pub devices: BTreeMap<DeviceId, Device>,
    /// Grants.
    pub grants: BTreeMap<GrantId, Grant>,
    /// What was asked.
    pub asks: BTreeMap<AskId, Asked>,
    /// Emergencies that nobody has reviewed.
    pub emergencies: BTreeMap<EmergencyId, Emergency>,
    /// Projects to which nobody belongs.
    pub closed: BTreeSet<Project>,
    /// Credentials that count no more.
    pub revoked: BTreeSet<CredentialId>,
    /// Buckets.
    pub buckets: Buckets,
    /// Publications that nobody withdrew, those that have ended among them.
    pub publications: BTreeMap<PublicationId, Publication>,
    /// Allowances that nobody ended, those that have ended among them.
    pub allowances: BTreeMap<AllowanceId, Allowance>,
    /// Embargoes that nobody lifted, those that have ended among them.
    pub embargoes: BTreeMap<EmbargoId, Embargo>,
    /// Codenames.
    pub codenames: BTreeMap<CodenameId, KnownName>,
    /// What the levels demand.
    pub levels: Levels,
    /// The organisation's policies.
    pub policies: Policies,
}

impl Roster {
    /// Carries a step out. Ending what is not there changes nothing.
    pub fn apply(&mut self, step: Step) {
        match step {
            Step::Put(record) => self.put(record),
            Step::End(key) => self.end(&key),
        }
    }

    /// Puts a record where one of its name was, or was not.
    pub fn put(&mut self, record: Record) {
        match record {
            Record::Principal(principal) => drop(self.principals.insert(principal.id, principal)),
            Record::Vendor(vendor) => drop(self.vendors.insert(vendor.id, vendor)),
            Record::Device(device) => drop(self.devices.insert(device.id, device)),
            Record::Grant(grant) => drop(self.grants.insert(grant.id, grant)),
            Record::Ask(asked) => drop(self.asks.insert(asked.id, *asked)),
            Record::Emergency(emergency) => drop(self.emergencies.insert(emergency.id, emergency)),
            Record::Closed(project) => drop(self.closed.insert(project)),
            Record::Revoked(revoked) => drop(self.revoked.insert(revoked.credential)),
            Record::Bucket(bucket) => self.buckets.put(*bucket),
            Record::Publication(publication) => drop(self.publications.insert(publication.id, *publication)),
            Record::Allowance(allowance) => drop(self.allowances.insert(allowance.id, *allowance)),
            Record::Embargo(embargo) => drop(self.embargoes.insert(embargo.id, *embargo)),
            Record::Codename(codename) => drop(self.codenames.insert(codename.id, *codename)),
            Record::Levels(levels) => self.levels = *levels,
            Record::Policies(policies) => self.policies = policies,
        }
    }

    fn end(&mut self, key: &RecordKey) {
        match key {
            RecordKey::Principal(id) => drop(self.principals.remove(id)),
            RecordKey::Vendor(id) => drop(self.vendors.remove(id)),
            RecordKey::Device(id) => drop(self.devices.remove(id)),
            RecordKey::Grant(id) => drop(self.grants.remove(id)),
            RecordKey::Ask(id) => drop(self.asks.remove(id)),
            RecordKey::Emergency(id) => drop(self.emergencies.remove(id)),
            RecordKey::Closed(project) => drop(self.closed.remove(project)),
            RecordKey::Levels => self.levels = Levels::DEFAULT,
            RecordKey::Policies => self.policies = Policies::default(),
            RecordKey::Credential(_) => {}
            RecordKey::Bucket(id) => self.buckets.end(*id),
            RecordKey::Publication(id) => drop(self.publications.remove(id)),
            RecordKey::Allowance(id) => drop(self.allowances.remove(id)),
            RecordKey::Embargo(id) => drop(self.embargoes.remove(id)),
            RecordKey::Codename(id) => drop(self.codenames.remove(id)),
        }
    }

    /// Tells whether a principal may act at all: it has not ended, nor has whoever answers for it.
    #[must_use]
    pub fn is_active(&self, principal: &Principal, at: Moment) -> bool {
        let person = |owner: &Principal| owner.kind != PrincipalKind::Service && self.is_active(owner, at);
        let owner = self.principals.get(&principal.owner);
        // Of a second account the first may be that of the person at the machine, who is no principal.
        let answered = match principal.kind {
            PrincipalKind::Service => owner.is_some_and(person),
            _ => owner.is_none_or(|owner| owner.id == principal.id || owner.owner == owner.id && person(owner)),
        };
        let employed = principal.kind != PrincipalKind::Vendor || self.contract(principal).is_some();
        answered && employed && principal.until.is_none_or(|until| at < until)
    }

    /// Returns the contract of a vendor's person.
    #[must_use]
    pub fn contract(&self, principal: &Principal) -> Option<&Vendor> {
        self.vendors.get(&principal.vendor?)
    }

    /// Returns the projects of a principal that are open.
    pub fn projects<'a>(&'a self, principal: &'a Principal) -> impl Iterator<Item = &'a Project> {
        principal.projects.iter().filter(|project| !self.closed.contains(*project))
    }

    /// Tells whether an embargo keeps whoever has these roles from reading something at a moment.
    #[must_use]
    pub fn is_embargoed(&self, target: &Target, roles: &BTreeSet<Role>, at: Moment) -> bool {
        self.embargoes.values().any(|embargo| embargo.keeps(target, roles, at))
    }

    /// Returns a device, if `principal` may use it: it is enrolled, by them.
    #[must_use]
    pub fn device_of(&self, device: DeviceId, principal: PrincipalId) -> Option<&Device> {
        self.devices.get(&device).filter(|device| device.owner == principal)
    }
}
