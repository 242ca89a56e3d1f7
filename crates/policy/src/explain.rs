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
        let mut roster = Roster { levels: all.levels, vendors, closed, ..Roster::default() };
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
