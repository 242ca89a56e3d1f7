//! Cases: who asks for what, how, and what the answer should be. A file of them tests an organisation's policies.

use std::net::IpAddr;

use cordon_domain::{
    Action, BucketId, Factor, Grant, GrantId, Label, Level, Moment, Network, Policies, Principal, PrincipalId,
    PrincipalKind, Project, Record, Role, Roster, Scope, Target, Vendor, VendorId, VersionId,
};
use cordon_gate::Epoch;
use serde::Deserialize;

use crate::circumstances::Circumstances;
use crate::limits::{CASES_BYTES_MAX, CASES_MAX};
use crate::rule::PolicyError;
use crate::snapshot::Snapshot;

/// Why cases cannot be played.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CaseError {
    /// The policies are not valid.
    #[error(transparent)]
    Policies(#[from] PolicyError),
    /// The file cannot be read.
    #[error("the cases cannot be read: {0}")]
    Unreadable(String),
    /// There are too many.
    #[error("the file has {0}; there may be {1}")]
    TooLarge(String, usize),
    /// A case says something that is none.
    #[error("case `{case}`: {fault}")]
    Wrong {
        /// Its name.
        case: String,
        /// What is wrong.
        fault: String,
    },
}

/// How a case ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// Its name.
    pub name: String,
    /// What was otherwise than expected; `None`: nothing.
    pub fault: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    case: Vec<Case>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    action: String,
    #[serde(default)]
    who: Who,
    /// What it is about; none: the installation.
    on: Option<On>,
    #[serde(default)]
    with: With,
    expect: Expected,
    /// A policy that must be among those that decide.
    by: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Expected {
    Allow,
    Deny,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Who {
    /// person, service, vendor.
    kind: String,
    id: Option<String>,
    clearance: String,
    projects: Vec<String>,
    roles: Vec<String>,
    trained: bool,
    contract: Option<Contract>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Contract {
    id: Option<String>,
    level: String,
    #[serde(default)]
    projects: Vec<String>,
    #[serde(default)]
    networks: Vec<String>,
    #[serde(default = "yes")]
    runs: bool,
}

const fn yes() -> bool {
    true
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct On {
    level: String,
    #[serde(default)]
    projects: Vec<String>,
    bucket: Option<String>,
    version: Option<String>,
    /// Whether it is the bucket itself.
    #[serde(default)]
    itself: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
struct With {
    factor: String,
    factor_age_s: u32,
    known_device: bool,
    approvals: usize,
    address: Option<IpAddr>,
    hour: u8,
    weekday: u8,
    /// Milliseconds since 1970-01-01 UTC.
    now: i64,
    /// Whether nobody has looked into the version yet, and somebody else wrote it.
    pending: bool,
}

impl Default for Who {
    fn default() -> Self {
        Self {
            kind: "person".to_owned(),
            id: None,
            clearance: "restricted".to_owned(),
            projects: Vec::new(),
            roles: Vec::new(),
            trained: true,
            contract: None,
        }
    }
}

/// The best circumstances, on a Wednesday at noon: a case says what is otherwise.
impl Default for With {
    fn default() -> Self {
        let factor = Factor::PhishingResistant.as_str().to_owned();
        let (known_device, address, approvals) = (true, None, 0);
        let (hour, weekday, now, pending) = (12, 3, NOON, false);
        Self { factor, factor_age_s: 0, known_device, approvals, address, hour, weekday, now, pending }
    }
}

/// 2026-11-25 12:00 UTC, a Wednesday.
const NOON: i64 = 1_795_608_000_000;
const SOMEONE: PrincipalId = PrincipalId([1; 16]);
/// Who answers for a service.
const ANSWERS: PrincipalId = PrincipalId([0xff; 16]);

/// Plays the cases in `text` against an organisation's own policies, beside those that every installation has.
///
/// # Errors
///
/// [`CaseError`] when policies or cases cannot be read.
pub fn play(policies: &str, text: &str) -> Result<Vec<Outcome>, CaseError> {
    if text.len() > CASES_BYTES_MAX {
        return Err(CaseError::TooLarge(format!("{} bytes", text.len()), CASES_BYTES_MAX));
    }
    let file: File = toml::from_str(text).map_err(|error| CaseError::Unreadable(error.message().to_owned()))?;
    if file.case.len() > CASES_MAX {
        return Err(CaseError::TooLarge(format!("{} cases", file.case.len()), CASES_MAX));
    }
    let own = Policies { version: 1, text: policies.to_owned() };
    let book = Snapshot::new(Roster { policies: own, ..Roster::default() }, Epoch::ANY)?;
    file.case.iter().map(|case| case.play(&book)).collect()
}

impl Case {
    fn play(&self, book: &Snapshot) -> Result<Outcome, CaseError> {
        let outcome = self.fault(book).map(|fault| Outcome { name: self.name.clone(), fault });
        outcome.map_err(|fault| CaseError::Wrong { case: self.name.clone(), fault })
    }

    fn fault(&self, book: &Snapshot) -> Result<Option<String>, String> {
        let circumstances = self.with.circumstances()?;
        let (action, target) = (parsed::<Action>(&self.action)?, self.target()?);
        let (roster, id) = self.who.roster(circumstances.at)?;
        let snapshot = book.supposing(roster);
        let principal = snapshot.roster().principals.get(&id).ok_or("nobody asks")?;
        let question = snapshot.question(principal, action, &target, circumstances.at);
        let question = question.ok_or_else(|| format!("policies do not decide on `{action}` there"))?;
        let answer = question.answer(&circumstances);
        let word = |allowed| if allowed { Expected::Allow } else { Expected::Deny };
        let by = answer.rules.join(", ");
        if word(answer.allowed) != self.expect {
            let errors = answer.errors.join("; ");
            let why = if errors.is_empty() { by } else { errors };
            let why = if why.is_empty() { "nothing permits it".to_owned() } else { format!("by {why}") };
            return Ok(Some(format!("{} was expected, {}", written(self.expect), why)));
        }
        let missing = self.by.as_ref().filter(|wanted| !answer.rules.contains(wanted));
        Ok(missing.map(|wanted| format!("`{wanted}` does not decide; these do: {by}")))
    }

    fn target(&self) -> Result<Target, String> {
        let Some(on) = &self.on else { return Ok(Target::default()) };
        let label = Label { projects: all(&on.projects)?, ..Label::of(parsed::<Level>(&on.level)?) };
        let bucket = on.bucket.as_deref().map(parsed::<BucketId>).transpose()?.unwrap_or(BucketId([1; 16]));
        let version = on.version.as_deref().map(parsed::<VersionId>).transpose()?.unwrap_or(VersionId([1; 16]));
        let version = Some(version).filter(|_| !on.itself);
        Ok(Target { bucket: Some(bucket), version, label: Some(label), ..Target::default() })
    }
}

const fn written(expected: Expected) -> &'static str {
    match expected {
        Expected::Allow => "allow",
        Expected::Deny => "deny",
    }
}

impl With {
    fn circumstances(&self) -> Result<Circumstances, String> {
        Ok(Circumstances {
            at: Moment(self.now),
            hour: self.hour,
            weekday: self.weekday,
            factor: parsed(&self.factor)?,
            factor_age_s: self.factor_age_s,
            known_device: self.known_device,
            address: self.address,
            approvals: self.approvals,
            pending: self.pending,
        })
    }
}

impl Who {
    /// A roster of nobody else, but of whoever answers for a service.
    fn roster(&self, at: Moment) -> Result<(Roster, PrincipalId), String> {
        let kind = match self.kind.as_str() {
            "person" => PrincipalKind::Person,
            "service" => PrincipalKind::Service,
            "vendor" => PrincipalKind::Vendor,
            other => return Err(format!("`{other}` is no kind (person, service, vendor)")),
        };
        let id = self.id.as_deref().map(parsed).transpose()?.unwrap_or(SOMEONE);
        let mut roster = Roster::default();
        let vendor = self.contract.as_ref().map(|contract| contract.vendor(at)).transpose()?;
        let principal = Principal {
            id,
            kind,
            owner: if kind == PrincipalKind::Service { ANSWERS } else { id },
            clearance: parsed(&self.clearance)?,
            projects: all(&self.projects)?,
            vendor: vendor.as_ref().map(|vendor| vendor.id),
            purpose: None,
            until: None,
            trained_until: self.trained.then_some(Moment(i64::MAX)),
        };
        let person =
            Principal { id: ANSWERS, kind: PrincipalKind::Person, owner: ANSWERS, vendor: None, ..principal.clone() };
        roster.put(Record::Principal(person));
        roster.put(Record::Principal(principal));
        vendor.into_iter().for_each(|vendor| roster.put(Record::Vendor(vendor)));
        for (place, role) in self.roles.iter().enumerate() {
            roster.put(Record::Grant(Grant {
                id: GrantId((place as u128).to_be_bytes()),
                principal: id,
                role: parsed::<Role>(role)?,
                scope: Scope::Installation,
                starts: Moment(i64::MIN),
                ends: None,
                reason: String::new(),
                given_by: id,
            }));
        }
        Ok((roster, id))
    }
}

impl Contract {
    fn vendor(&self, at: Moment) -> Result<Vendor, String> {
        Ok(Vendor {
            id: self.id.as_deref().map(parsed).transpose()?.unwrap_or(VendorId([1; 16])),
            name: String::new(),
            starts: Moment(i64::MIN),
            ends: if self.runs { at.plus_ms(1) } else { at },
            level: parsed(&self.level)?,
            projects: all(&self.projects)?,
            networks: self.networks.iter().map(|text| parsed::<Network>(text)).collect::<Result<_, _>>()?,
        })
    }
}

fn parsed<T: std::str::FromStr<Err: std::fmt::Display>>(text: &str) -> Result<T, String> {
    text.parse().map_err(|error: T::Err| error.to_string())
}

fn all(projects: &[String]) -> Result<std::collections::BTreeSet<Project>, String> {
    projects.iter().map(|project| parsed(project)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_case_says_what_was_otherwise() {
        let policies = r#"@id("noon") forbid (principal, action, resource is Object) unless { context.hour < 18 };"#;
        let case = |rest: &str| format!("[[case]]\nname = \"x\"\naction = \"object.read\"\n{rest}\n");
        let fault = |rest: &str| {
            let outcomes = play(policies, &case(rest)).expect("played");
            outcomes[0].fault.clone()
        };
        let on = "on = { level = \"internal\" }";
        assert_eq!(fault(&format!("{on}\nexpect = \"allow\"\nby = \"inside\"")), None);
        assert_eq!(fault(&format!("{on}\nwith = {{ hour = 20 }}\nexpect = \"deny\"\nby = \"org/noon\"")), None);
        let wrong = fault(&format!("{on}\nwith = {{ hour = 20 }}\nexpect = \"allow\"")).expect("otherwise");
        assert_eq!(wrong, "allow was expected, by org/noon");
        let other = fault(&format!("{on}\nexpect = \"allow\"\nby = \"readers\"")).expect("otherwise");
        assert_eq!(other, "`readers` does not decide; these do: inside");
        assert!(matches!(play(policies, &case("expect = \"maybe\"")), Err(CaseError::Unreadable(_))));
        let wrong = play(policies, &case("expect = \"deny\"\non = { level = \"secret\" }"));
        assert!(matches!(wrong, Err(CaseError::Wrong { .. })), "{wrong:?}");
        let who =
            "who = { kind = \"vendor\", roles = [\"reader\"], contract = { level = \"internal\", runs = false } }";
        assert_eq!(fault(&format!("{on}\n{who}\nexpect = \"deny\"\nby = \"contract-term\"")), None);
        assert!(matches!(play("permit", ""), Err(CaseError::Unreadable(_))));
    }

    /// The policies of the documentation are played with their cases.
    #[test]
    fn the_worked_policies_answer_as_they_say() {
        let text = include_str!("../../../docs/policy.md");
        let worked = text.split("\n### ").skip(1);
        let block = |section: &str, language: &str| {
            let begun = section.split(&format!("```{language}\n")).nth(1).expect("a block").to_owned();
            begun.split("```").next().expect("its end").to_owned()
        };
        let mut count = 0;
        for section in worked {
            let title = section.lines().next().expect("a title");
            let outcomes = play(&block(section, "cedar"), &block(section, "toml"));
            for outcome in outcomes.unwrap_or_else(|error| panic!("{title}: {error}")) {
                assert_eq!(outcome.fault, None, "{title}: {}", outcome.name);
            }
            count += 1;
        }
        assert_eq!(count, 10);
    }
}
