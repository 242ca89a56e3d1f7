//! Why something is allowed or denied, and what would change it.

use cordon_domain::{Action, Grant, GrantId, Level, Moment, Principal, Record, Role, Roster, Scope, Target};
use cordon_gate::{Facts, Verdict};

use crate::circumstances::Circumstances;
use crate::decide::duration;
use crate::possible::{Conditions, Possible};
use crate::snapshot::Snapshot;

/// Why, and what would change it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// The answer.
    pub verdict: Verdict,
    /// What would have to hold, all of it, for the answer to be yes. Empty: it is yes, or nothing would help.
    pub changes: Vec<String>,
}

/// Something that the organisation could give to someone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Gift {
    Account,
    Role(Role),
    Clearance,
    Projects,
    Training,
}

impl Snapshot {
    /// Explains a decision.
    #[must_use]
    pub fn explain(&self, facts: &Facts) -> Explanation {
        let verdict = self.verdict(facts);
        let changes = match &verdict {
            Verdict::Allow(_) => Vec::new(),
            Verdict::Deny(..) => self.what_would_help(facts).unwrap_or_default(),
        };
        Explanation { verdict, changes }
    }

    fn what_would_help(&self, facts: &Facts) -> Option<Vec<String>> {
        let principal = self.roster().principals.get(&facts.actor.principal)?;
        let level = facts.target.label.as_ref().map_or(Level::Restricted, |label| label.level);
        let gifts = self.needed_gifts(principal, facts)?;
        let (supposed, given) = self.supposing_gifts(principal, &gifts, facts);
        let question = supposed.question(&given, facts.action, &facts.target, facts.at)?;
        let Possible::In(circumstances) = supposed.possible(&question, facts.at) else { return None };
        let conditions = supposed.conditions(&question, circumstances);
        let missing_projects = || {
            let needed = facts.target.label.iter().flat_map(|label| &label.projects);
            let missing = needed.filter(|project| !self.roster().projects(principal).any(|own| own == *project));
            missing.map(|project| format!("`{project}`")).collect::<Vec<_>>().join(", ")
        };
        let mut changes: Vec<String> = gifts
            .iter()
            .map(|gift| match gift {
                Gift::Account => "the account, and whoever answers for it, would have to be active".to_owned(),
                Gift::Role(role) => format!("a grant of the role `{role}` that covers it"),
                Gift::Clearance => format!("clearance for {level}"),
                Gift::Projects => format!("membership of {}", missing_projects()),
                Gift::Training => "a training that counts".to_owned(),
            })
            .collect();
        let now = self.circumstances(facts, principal.owner);
        changes.extend(conditions.unmet(&now));
        Some(changes)
    }

    /// The least that would have to be given for the answer to be yes in some circumstances.
    pub(crate) fn needed_gifts(&self, principal: &Principal, facts: &Facts) -> Option<Vec<Gift>> {
        let helps = |gifts: &[Gift]| {
            let (supposed, given) = self.supposing_gifts(principal, gifts, facts);
            let question = supposed.question(&given, facts.action, &facts.target, facts.at);
            question.is_some_and(|question| matches!(supposed.possible(&question, facts.at), Possible::In(_)))
        };
        let standing = [Gift::Account, Gift::Clearance, Gift::Projects, Gift::Training];
        // From the role that gives least.
        let roles = [Role::Reader, Role::Auditor, Role::Contributor, Role::Approver, Role::Owner, Role::Security];
        let with = |role: Option<Role>| role.map(Gift::Role).into_iter().chain(standing).collect::<Vec<_>>();
        let mut choices = std::iter::once(None).chain(roles.into_iter().map(Some)).map(with);
        let mut gifts = choices.find(|gifts| helps(gifts))?;
        for gift in standing {
            let without: Vec<Gift> = gifts.iter().copied().filter(|own| *own != gift).collect();
            if helps(&without) {
                gifts = without;
            }
        }
        Some(gifts)
    }

    /// A roster of one principal, to whom something was given.
    fn supposing_gifts(&self, principal: &Principal, gifts: &[Gift], facts: &Facts) -> (Self, Principal) {
        let mut given = principal.clone();
        let all = self.roster();
        let (vendors, closed) = (all.vendors.clone(), all.closed.clone());
        let embargoes = all.embargoes.clone();
        let mut roster = Roster { levels: all.levels, vendors, closed, embargoes, ..Roster::default() };
        let label = facts.target.label.as_ref();
        for gift in gifts {
            match gift {
                Gift::Account => given.until = None,
                Gift::Role(role) => roster.put(Record::Grant(supposed_grant(principal, *role, &facts.target))),
                Gift::Clearance => {
                    given.clearance = label.map_or(Level::Restricted, |label| label.level).max(given.clearance);
                }
                Gift::Projects => given.projects.extend(label.iter().flat_map(|label| label.projects.iter().cloned())),
                Gift::Training => given.trained_until = Some(Moment(i64::MAX)),
            }
        }
        let others = [Some(given.owner), facts.target.principal].into_iter().flatten();
        let others = others.filter_map(|other| all.principals.get(&other)).map(|other| (other.id, other.clone()));
        roster.principals.extend(others);
        if gifts.contains(&Gift::Account) {
            roster.principals.entry(given.owner).and_modify(|owner| owner.until = None);
        }
        roster.principals.insert(given.id, given.clone());
        roster.grants.extend(
            all.grants.values().filter(|grant| grant.principal == principal.id).map(|grant| (grant.id, grant.clone())),
        );
        roster.emergencies.extend(
            all.emergencies.values().filter(|one| one.principal == principal.id).map(|one| (one.id, one.clone())),
        );
        (self.supposing(roster), given)
    }
}

pub(crate) fn supposed_grant(principal: &Principal, role: Role, target: &Target) -> Grant {
    Grant {
        id: GrantId([0; 16]),
        principal: principal.id,
        role,
        scope: narrowest(target),
        starts: Moment(i64::MIN),
        ends: None,
        reason: String::new(),
        given_by: principal.id,
    }
}

/// The narrowest scope that covers a target and can be granted: what is in a bucket is granted with it.
fn narrowest(target: &Target) -> Scope {
    let version = || target.version.map(Scope::Version);
    target.bucket.map(Scope::Bucket).or_else(version).unwrap_or(Scope::Installation)
}

impl Conditions {
    /// Says which of them do not hold now.
    #[must_use]
    pub fn unmet(&self, now: &Circumstances) -> Vec<String> {
        let factor = self.factor.filter(|factor| factor.parse().is_ok_and(|factor| now.factor < factor));
        let age = self.factor_age_s.filter(|age| now.factor_age_s > *age);
        let holds = |text: &String| {
            let network = text.parse::<cordon_domain::Network>();
            network.is_ok_and(|network| now.address.is_some_and(|address| network.holds(address)))
        };
        let unmet = Self {
            factor,
            factor_age_s: age,
            known_device: self.known_device && !now.known_device,
            approvals: if now.approvals < self.approvals { self.approvals } else { 0 },
            networks: if self.networks.iter().any(holds) { Vec::new() } else { self.networks.clone() },
            hours: if self.hours.contains(&now.hour) { Vec::new() } else { self.hours.clone() },
            weekdays: if self.weekdays.contains(&now.weekday) { Vec::new() } else { self.weekdays.clone() },
        };
        unmet.words()
    }

    /// Says them.
    #[must_use]
    pub fn words(&self) -> Vec<String> {
        let list = |numbers: &[u8]| numbers.iter().map(u8::to_string).collect::<Vec<_>>().join(", ");
        let days = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];
        let day = |day: &u8| days.get(usize::from(day.saturating_sub(1))).copied().unwrap_or("?");
        let mut words = Vec::new();
        words.extend(self.factor.map(|factor| match factor {
            "phishing-resistant" => "a sign-in with a passkey".to_owned(),
            _ => "a sign-in with a passkey, or a password and a code".to_owned(),
        }));
        words.extend(self.factor_age_s.map(|age| format!("a sign-in not older than {}", duration(age))));
        words.extend(self.known_device.then(|| "an enrolled device".to_owned()));
        words.extend(match self.approvals {
            0 => None,
            1 => Some("the approval of another person".to_owned()),
            count => Some(format!("the approval of {count} other people")),
        });
        words.extend((!self.networks.is_empty()).then(|| format!("an address in {}", self.networks.join(" or "))));
        words.extend((!self.hours.is_empty()).then(|| format!("an hour (UTC) among {}", list(&self.hours))));
        let names = || self.weekdays.iter().map(day).collect::<Vec<_>>().join(", ");
        words.extend((!self.weekdays.is_empty()).then(|| format!("a day (UTC) among {}", names())));
        words
    }
}

/// What a command line may ask about: actions that policies decide on.
#[must_use]
pub fn decided_actions() -> Vec<Action> {
    Action::ALL.into_iter().filter(|action| crate::words::is_decided(*action)).collect()
}

#[cfg(test)]
mod tests {
    use cordon_domain::{Actor, Factor, Label, Levels, Policies, PrincipalId, PrincipalKind, RequestId, VersionId};
    use cordon_gate::Epoch;

    use super::*;
    use crate::proofs::{NOW, someone};

    #[test]
    fn conditions_that_do_not_hold_are_told_and_no_others() {
        let conditions = Conditions {
            factor: Some(Factor::PhishingResistant.as_str()),
            factor_age_s: Some(60),
            known_device: true,
            approvals: 2,
            networks: vec!["10.0.0.0/8".to_owned(), "192.0.2.0/24".to_owned()],
            hours: vec![9],
            weekdays: vec![1, 3],
        };
        let address = |text: &str| Some(text.parse().expect("an address"));
        let fits = Circumstances {
            factor: Factor::PhishingResistant,
            factor_age_s: 60,
            known_device: true,
            approvals: 2,
            address: address("192.0.2.9"),
            hour: 9,
            weekday: 3,
            ..Circumstances::best(NOW)
        };
        assert_eq!(conditions.unmet(&fits), Vec::<String>::new());
        assert_eq!(conditions.unmet(&Circumstances { approvals: 3, factor_age_s: 0, ..fits }), Vec::<String>::new());
        for (lacks, told) in [
            (Circumstances { factor: Factor::ALL[1], ..fits }, "a sign-in with a passkey"),
            (Circumstances { factor_age_s: 61, ..fits }, "a sign-in not older than 60 seconds"),
            (Circumstances { known_device: false, ..fits }, "an enrolled device"),
            (Circumstances { approvals: 1, ..fits }, "the approval of 2 other people"),
            (Circumstances { address: address("11.0.0.1"), ..fits }, "an address in 10.0.0.0/8 or 192.0.2.0/24"),
            (Circumstances { address: None, ..fits }, "an address in 10.0.0.0/8 or 192.0.2.0/24"),
            (Circumstances { hour: 10, ..fits }, "an hour (UTC) among 9"),
            (Circumstances { weekday: 2, ..fits }, "a day (UTC) among Monday, Wednesday"),
        ] {
            assert_eq!(conditions.unmet(&lacks), [told]);
        }
        let other = Conditions { factor: Some(Factor::ALL[1].as_str()), approvals: 1, ..Conditions::default() };
        let words = ["a sign-in with a passkey, or a password and a code", "the approval of another person"];
        assert_eq!(other.words(), words);
    }

    /// One person who has nothing, where confidential takes a sign-in not older than 77 seconds.
    fn explained(policies: &str, projects: &[&str], asks: impl FnOnce(Facts) -> Facts) -> Vec<String> {
        let mut roster = Roster::default();
        let mut levels = Levels::default();
        levels.confidential.factor_age_s = 77;
        roster.put(Record::Levels(Box::new(levels)));
        roster.put(Record::Policies(Policies { version: 1, text: policies.to_owned() }));
        let id = PrincipalId([1; 16]);
        let person = Principal {
            id,
            kind: PrincipalKind::Person,
            owner: id,
            clearance: Level::Public,
            projects: projects.iter().map(|project| project.parse().expect("a project")).collect(),
            vendor: None,
            until: Some(NOW),
            trained_until: None,
            ..someone()
        };
        roster.put(Record::Principal(person));
        let label = Label::of(Level::Confidential).with("atlas".parse().expect("a project"));
        let label = label.with("gemini".parse().expect("a project"));
        let target = Target { label: Some(label), version: Some(VersionId([1; 16])), ..Target::default() };
        let actor = Actor { kind: PrincipalKind::Person, ..Actor::service(id) };
        let facts = Facts { target, ..Facts::new(RequestId([0; 16]), NOW, Action::ObjectRead, actor) };
        Snapshot::new(roster, Epoch(0)).expect("valid").explain(&asks(facts)).changes
    }

    #[test]
    fn all_that_is_missing_is_told_and_nothing_where_nothing_helps() {
        let all = explained("", &["atlas"], |facts| facts);
        let expected = [
            "a grant of the role `reader` that covers it",
            "the account, and whoever answers for it, would have to be active",
            "clearance for confidential",
            "membership of `gemini`",
            "a training that counts",
            "a sign-in with a passkey, or a password and a code",
            "a sign-in not older than 77 seconds",
            "an enrolled device",
        ];
        assert_eq!(all, expected);
        let hopeless = explained("@id(\"no\") forbid (principal, action, resource);", &["atlas"], |facts| facts);
        assert_eq!(hopeless, Vec::<String>::new());
        let nobody = |facts: Facts| Facts { actor: Actor::service(PrincipalId([9; 16])), ..facts };
        assert_eq!(explained("", &[], nobody), Vec::<String>::new());
    }
}
