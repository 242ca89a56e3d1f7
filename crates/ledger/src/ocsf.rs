//! Events in the words of others: OCSF 1.8.0 (Open Cybersecurity Schema Framework), one JSON object an event.
//!
//! Every action has a class and an activity there; what the schema has no place for stands under `unmapped`.

use cordon_domain::id::hex;
use cordon_domain::{Action, Event, Level, Outcome, PrincipalKind};
use serde_json::{Map, Value, json};

use crate::entry::Identity;

/// The version of the schema.
pub const OCSF_VERSION: &str = "1.8.0";

/// A class of the schema, as far as it is used here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// 1008 Event Log Activity.
    EventLog,
    /// 3001 Account Change.
    AccountChange,
    /// 3002 Authentication.
    Authentication,
    /// 3005 User Access Management.
    UserAccess,
    /// 6003 API Activity.
    Api,
    /// 6006 File Hosting Activity.
    FileHosting,
}

impl Class {
    /// Returns the number of the class: 1000 times its category and a number within it.
    #[must_use]
    pub const fn uid(self) -> u32 {
        match self {
            Self::EventLog => 1008,
            Self::AccountChange => 3001,
            Self::Authentication => 3002,
            Self::UserAccess => 3005,
            Self::Api => 6003,
            Self::FileHosting => 6006,
        }
    }
}

const OTHER: u32 = 99;

/// Returns class and activity of an action.
#[must_use]
pub const fn class_of(action: Action) -> (Class, u32) {
    match action {
        Action::ObjectRead | Action::ObjectSent => (Class::FileHosting, 2),
        Action::ObjectWrite => (Class::FileHosting, 1),
        Action::ObjectHide | Action::ObjectTag => (Class::FileHosting, 3),
        Action::ObjectDelete => (Class::FileHosting, 4),
        Action::PublicationMake | Action::ShareMake => (Class::FileHosting, 12),
        Action::PublicationWithdraw | Action::ShareWithdraw => (Class::FileHosting, 13),
        Action::ObjectList
        | Action::ObjectInspect
        | Action::AccessQuery
        | Action::CodenameList
        | Action::KnowledgeTake => (Class::Api, 2),
        Action::BucketCreate | Action::BackupMake | Action::EmbargoMake | Action::CodenameMake => (Class::Api, 1),
        Action::BucketDelete | Action::KeyShred | Action::EmbargoLift | Action::CodenameEnd | Action::PrintsForget => {
            (Class::Api, 4)
        }
        Action::BucketChange
        | Action::BucketLoosen
        | Action::LabelRaise
        | Action::LabelLower
        | Action::PolicyChange
        | Action::LevelsChange
        | Action::VendorChange
        | Action::KeyRotate
        | Action::KeyRewrap
        | Action::BackupRestore => (Class::Api, 3),
        Action::KeyUnlock
        | Action::KeyCertify
        | Action::Approve
        | Action::ApprovalAsk
        | Action::EmergencyAsk
        | Action::EmergencyReview => (Class::Api, OTHER),
        Action::SignIn => (Class::Authentication, 1),
        Action::SignOut => (Class::Authentication, 2),
        Action::LogRefusals => (Class::Authentication, OTHER),
        Action::PrincipalCreate => (Class::AccountChange, 1),
        Action::PrincipalErase => (Class::AccountChange, 6),
        Action::PrincipalChange
        | Action::CredentialIssue
        | Action::SessionKeys
        | Action::InvitationAccept
        | Action::AuthenticatorEnrol
        | Action::DeviceEnrol => (Class::AccountChange, OTHER),
        Action::GrantMake | Action::EmergencyOpen | Action::AllowanceMake => (Class::UserAccess, 1),
        Action::Revoke | Action::AllowanceEnd => (Class::UserAccess, 2),
        Action::LogStart => (Class::EventLog, 6),
        Action::LogSucceed => (Class::EventLog, 8),
        Action::LogSearch => (Class::EventLog, 3),
        Action::LogGap | Action::Heartbeat | Action::ClockBack => (Class::EventLog, OTHER),
    }
}

/// Writes an event. `position` is its index in the log.
#[must_use]
pub fn export(event: &Event, identity: &Identity, position: u64) -> Value {
    let (class, activity) = class_of(event.action);
    let mut object = base(event, position, class, activity);
    let mut insert = |key: &str, value: Value| object.insert(key.to_owned(), value);
    match class {
        Class::Api => {
            insert("actor", actor(event, identity));
            insert("src_endpoint", source(event, identity));
            insert("api", json!({"operation": event.action.as_str(), "service": {"name": "cordon"}}));
            insert("resources", json!([resource(event)]));
        }
        Class::FileHosting => {
            insert("actor", actor(event, identity));
            insert("src_endpoint", source(event, identity));
            insert("file", file(event));
        }
        Class::Authentication => {
            insert("user", user(event, identity));
            insert("service", json!({"name": "cordon"}));
            insert("src_endpoint", source(event, identity));
            insert("is_mfa", json!(event.actor.mfa_age_s.is_some()));
        }
        Class::AccountChange => {
            insert("actor", actor(event, identity));
            insert("user", json!({"uid": affected(event)}));
        }
        Class::UserAccess => {
            insert("actor", actor(event, identity));
            insert("user", json!({"uid": affected(event)}));
            insert("privileges", json!([event.action.as_str()]));
            insert("resources", json!([resource(event)]));
        }
        Class::EventLog => {
            insert("actor", actor(event, identity));
            insert("log_name", json!("cordon"));
        }
    }
    Value::Object(object)
}

fn base(event: &Event, position: u64, class: Class, activity: u32) -> Map<String, Value> {
    let mut base = json!({
        "category_uid": class.uid() / 1000,
        "class_uid": class.uid(),
        "activity_id": activity,
        "type_uid": class.uid() * 100 + activity,
        "time": event.at.0,
        "severity_id": severity(event),
        "status_id": if event.outcome == Outcome::Allowed { 1 } else { 2 },
        "message": event.action.as_str(),
        "metadata": {
            "version": OCSF_VERSION,
            "product": {"name": "Cordon", "vendor_name": "Cordon", "version": env!("CARGO_PKG_VERSION")},
            "uid": format!("cordon:{position}"),
            "correlation_uid": event.request.to_string(),
            "event_code": event.action.as_str(),
            "sequence": event.sequence,
            "log_name": "cordon",
        },
        "unmapped": unmapped(event, position),
    });
    if activity == OTHER
        && let Some(base) = base.as_object_mut()
    {
        base.insert("activity_name".to_owned(), json!(event.action.as_str()));
    }
    if let (Some(reason), Some(base)) = (&event.reason, base.as_object_mut()) {
        base.insert("status_detail".to_owned(), json!(reason));
    }
    match base {
        Value::Object(base) => base,
        _ => Map::new(),
    }
}

/// 1 informational, 2 low, 4 high.
fn severity(event: &Event) -> u32 {
    match (event.action, event.outcome) {
        (Action::LogGap | Action::LogSucceed | Action::ClockBack, _) => 4,
        (_, Outcome::Denied | Outcome::Failed) => 2,
        (_, Outcome::Allowed) => 1,
    }
}

fn unmapped(event: &Event, position: u64) -> Value {
    let target = &event.target;
    let mut unmapped = json!({
        "position": position,
        "node": event.node.to_string(),
        "principal_kind": kind(event.actor.kind),
        "outcome": match event.outcome {
            Outcome::Allowed => "allowed",
            Outcome::Denied => "denied",
            Outcome::Failed => "failed",
        },
        "policies": event.policies,
        "grants": event.grants.iter().map(ToString::to_string).collect::<Vec<_>>(),
    });
    let Some(object) = unmapped.as_object_mut() else { return unmapped };
    let mut put = |key: &str, value: Option<Value>| value.map(|value| object.insert(key.to_owned(), value));
    put("amount", event.amount.map(|amount| json!(amount)));
    put("client", event.client.as_ref().map(|client| json!(client)));
    put("mfa_age_s", event.actor.mfa_age_s.map(|age| json!(age)));
    put("on_behalf_of", event.actor.on_behalf_of.map(|principal| json!(principal.to_string())));
    put("device", event.actor.device.map(|device| json!(device.to_string())));
    put("level", target.label.as_ref().map(|label| json!(label.level.as_str())));
    let projects = target.label.as_ref().map(|label| &label.projects).filter(|projects| !projects.is_empty());
    put("projects", projects.map(|projects| projects.iter().map(|project| project.as_str()).collect()));
    let payload = |payload: cordon_domain::Payload| json!({"sha256": hex(&payload.sha256), "bytes": payload.bytes});
    put("payload", event.payload.map(payload));
    put("bucket", target.bucket.map(|bucket| json!(bucket.to_string())));
    unmapped
}

const fn kind(kind: PrincipalKind) -> &'static str {
    match kind {
        PrincipalKind::Person => "person",
        PrincipalKind::Service => "service",
        PrincipalKind::Vendor => "vendor",
        PrincipalKind::Device => "device",
        PrincipalKind::Stranger => "stranger",
    }
}

fn user(event: &Event, identity: &Identity) -> Value {
    let type_id = match event.actor.kind {
        PrincipalKind::Person | PrincipalKind::Vendor => 1,
        PrincipalKind::Service => 4,
        PrincipalKind::Device => 3,
        PrincipalKind::Stranger => 0,
    };
    let mut user = json!({"uid": event.actor.principal.to_string(), "type_id": type_id});
    let Some(object) = user.as_object_mut() else { return user };
    if let Some(credential) = event.actor.credential {
        object.insert("credential_uid".to_owned(), json!(credential.to_string()));
    }
    if let Identity::Open(personal) = identity {
        personal.name.iter().for_each(|name| drop(object.insert("name".to_owned(), json!(name))));
        let address = personal.address.iter().filter(|address| address.contains('@'));
        address.for_each(|address| drop(object.insert("email_addr".to_owned(), json!(address))));
    }
    user
}

fn actor(event: &Event, identity: &Identity) -> Value {
    let decision = if event.outcome == Outcome::Denied { "deny" } else { "allow" };
    let authorizations = event.policies.iter().map(|policy| json!({"decision": decision, "policy": {"name": policy}}));
    json!({"user": user(event, identity), "authorizations": authorizations.collect::<Vec<_>>()})
}

fn source(event: &Event, identity: &Identity) -> Value {
    let Identity::Open(personal) = identity else { return json!({"uid": event.node.to_string()}) };
    match (&personal.network, &personal.device) {
        (Some(network), _) if network.parse::<std::net::IpAddr>().is_ok() => json!({"ip": network}),
        (_, Some(device)) => json!({"name": device}),
        (Some(network), None) => json!({"name": network}),
        (None, None) => json!({"uid": event.node.to_string()}),
    }
}

fn resource(event: &Event) -> Value {
    let target = &event.target;
    let version = target.version.map(|version| ("object version", version.to_string()));
    let bucket = target.bucket.map(|bucket| ("bucket", bucket.to_string()));
    let principal = target.principal.map(|principal| ("principal", principal.to_string()));
    let record = target.record.as_ref().map(|record| ("record", record.to_string()));
    let (what, uid) = version.or(bucket).or(record).or(principal).unwrap_or(("installation", "cordon".to_owned()));
    json!({"type": what, "uid": uid})
}

fn file(event: &Event) -> Value {
    let uid = event.target.version.map_or_else(|| "unknown".to_owned(), |version| version.to_string());
    let mut file = json!({"name": uid, "uid": uid, "type_id": 1});
    if let (Some(label), Some(file)) = (&event.target.label, file.as_object_mut()) {
        let confidentiality = match label.level {
            Level::Public => 1,
            Level::Internal => 5,
            Level::Confidential => 2,
            Level::Restricted => 6,
        };
        file.insert("confidentiality_id".to_owned(), json!(confidentiality));
        file.insert("is_encrypted".to_owned(), json!(true));
    }
    if let (Some(amount), Some(file)) = (event.amount, file.as_object_mut()) {
        file.insert("size".to_owned(), json!(amount));
    }
    file
}

/// Who was changed, granted to, revoked or erased; the actor, when it concerns nobody else.
fn affected(event: &Event) -> String {
    event.target.principal.unwrap_or(event.actor.principal).to_string()
}
