//! One thing that happened, as the ledger records it.
//!
//! An [`Event`] names things by identifiers only; what identifies a person (name, address, device, network) stands in
//! [`Personal`], which is kept under a key of that person's own and can be erased alone.

use minicbor::{Decode, Encode};

use crate::action::Action;
use crate::id::{AskId, BucketId, CredentialId, DeviceId, GrantId, NodeId, PrincipalId, RequestId, VersionId};
use crate::label::Label;
use crate::limits::EVENT_TEXT_BYTES_MAX;
use crate::principal::Factor;
use crate::record::RecordKey;
use crate::time::Moment;

/// What kind of principal acted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
#[cbor(index_only)]
pub enum PrincipalKind {
    /// A person of the organisation.
    #[n(0)]
    Person,
    /// A program with an owner.
    #[n(1)]
    Service,
    /// A person of a vendor.
    #[n(2)]
    Vendor,
    /// A device acting for itself.
    #[n(3)]
    Device,
    /// Nobody known: a request without credentials, named by what it asks through.
    #[n(4)]
    Stranger,
}

/// Who acted, how they proved it, and for whom.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Actor {
    /// The principal.
    #[n(0)]
    pub principal: PrincipalId,
    /// Its kind.
    #[n(1)]
    pub kind: PrincipalKind,
    /// What it showed.
    #[n(2)]
    pub credential: Option<CredentialId>,
    /// The principal for which it acted.
    #[n(3)]
    pub on_behalf_of: Option<PrincipalId>,
    /// Seconds since its last strong factor.
    #[n(4)]
    pub mfa_age_s: Option<u32>,
    /// The enrolled device that it used.
    #[n(5)]
    pub device: Option<DeviceId>,
    /// The kind of that factor.
    #[n(6)]
    pub factor: Option<Factor>,
}

impl Actor {
    /// Names a service of Cordon itself that works in the background.
    #[must_use]
    pub const fn service(principal: PrincipalId) -> Self {
        let kind = PrincipalKind::Service;
        Self { principal, kind, credential: None, on_behalf_of: None, mfa_age_s: None, device: None, factor: None }
    }
}

/// What was acted on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub struct Target {
    /// The bucket.
    #[n(0)]
    pub bucket: Option<BucketId>,
    /// The version of an object.
    #[n(1)]
    pub version: Option<VersionId>,
    /// Its label at that moment.
    #[n(2)]
    pub label: Option<Label>,
    /// The principal that was changed, granted to, revoked or erased.
    #[n(3)]
    pub principal: Option<PrincipalId>,
    /// The record that was made, changed or ended.
    #[n(4)]
    pub record: Option<RecordKey>,
}

/// How it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Encode, Decode)]
#[cbor(index_only)]
pub enum Outcome {
    /// It was allowed, and done.
    #[n(0)]
    Allowed,
    /// A policy, or the lack of one, refused it.
    #[n(1)]
    Denied,
    /// It was allowed and could not be done.
    #[n(2)]
    Failed,
}

/// What identifies a person. Kept under that person's own key.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub struct Personal {
    /// The name.
    #[n(0)]
    pub name: Option<String>,
    /// The mail address.
    #[n(1)]
    pub address: Option<String>,
    /// What the device calls itself.
    #[n(2)]
    pub device: Option<String>,
    /// The network address it came from.
    #[n(3)]
    pub network: Option<String>,
}

impl Personal {
    /// Tells whether nothing is known.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.name.is_none() && self.address.is_none() && self.device.is_none() && self.network.is_none()
    }
}

/// What stands beside an event because it may be larger than an entry: a certificate, a text of policies, a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Payload {
    /// SHA-256 of a salt, which is kept with it, and its bytes.
    #[n(0)]
    #[cbor(with = "minicbor::bytes")]
    pub sha256: [u8; 32],
    /// How many there are.
    #[n(1)]
    pub bytes: u64,
}

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Event {
    /// The request it answers; a second event of the same request (what left) carries the same one.
    #[n(0)]
    pub request: RequestId,
    /// When, by the clock of the node.
    #[n(1)]
    pub at: Moment,
    /// What was done.
    #[n(2)]
    pub action: Action,
    /// Who did it.
    #[n(3)]
    pub actor: Actor,
    /// On what.
    #[n(4)]
    pub target: Target,
    /// How it ended.
    #[n(5)]
    pub outcome: Outcome,
    /// Bytes that moved, or things that were counted.
    #[n(6)]
    pub amount: Option<u64>,
    /// Why, in the words of the actor or of the refusal.
    #[n(7)]
    pub reason: Option<String>,
    /// The policies that decided.
    #[n(8)]
    pub policies: Vec<String>,
    /// The grants that decided.
    #[n(9)]
    pub grants: Vec<GrantId>,
    /// The program that asked, as it calls itself.
    #[n(10)]
    pub client: Option<String>,
    /// The node that recorded it.
    #[n(11)]
    pub node: NodeId,
    /// The number of the event among those of its node, without gaps from 1; 0 until it is recorded.
    #[n(12)]
    pub sequence: u64,
    /// What stands beside it. The journal fills it in from `beside`.
    #[n(13)]
    pub payload: Option<Payload>,
    /// What others approved, on which it rests.
    #[n(14)]
    pub approval: Option<AskId>,
    /// The bytes to be kept beside it; none for most events.
    #[cbor(skip)]
    pub beside: Vec<u8>,
    /// Who that was. Encoded apart, under the subject's key.
    #[cbor(skip)]
    pub personal: Personal,
}

impl Event {
    /// Begins an event of `actor`: allowed, on nothing in particular. The journal fills in node, sequence and payload.
    #[must_use]
    pub const fn new(request: RequestId, at: Moment, action: Action, actor: Actor) -> Self {
        Self {
            request,
            at,
            action,
            actor,
            target: Target { bucket: None, version: None, label: None, principal: None, record: None },
            outcome: Outcome::Allowed,
            amount: None,
            reason: None,
            policies: Vec::new(),
            grants: Vec::new(),
            client: None,
            node: NodeId([0; 16]),
            sequence: 0,
            payload: None,
            approval: None,
            beside: Vec::new(),
            personal: Personal { name: None, address: None, device: None, network: None },
        }
    }

    /// The version whose label begins or ends with it, if one does.
    #[must_use]
    pub fn changes_label(&self) -> Option<VersionId> {
        self.target.version.filter(|_| self.outcome == Outcome::Allowed && self.action.changes_label())
    }

    /// Tells whether records are others afterwards: its action changes them, or it uses an approval up.
    #[must_use]
    pub const fn changes_records(&self) -> bool {
        matches!(self.outcome, Outcome::Allowed) && (self.action.changes_records() || self.approval.is_some())
    }
}

/// Cuts a text to what an event may hold, at a border of characters.
#[must_use]
pub fn event_text(text: &str) -> String {
    let cut = (0..=text.len().min(EVENT_TEXT_BYTES_MAX)).rev().find(|&end| text.is_char_boundary(end));
    text.get(..cut.unwrap_or(0)).unwrap_or_default().to_owned()
}
