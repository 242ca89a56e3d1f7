//! Whether there are circumstances in which something is allowed, and which of them it takes.
//!
//! The policies of the pack allow no less in better circumstances (a test holds that). So what an organisation's own
//! policies do not look at is taken at its best, and only what they look at is tried in all its values: for a number, those
//! that the policies compare with and their neighbours.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::ops::RangeInclusive;

use cedar_policy::Effect;
use cordon_domain::{Action, Factor, Moment, Network, PrincipalId, Target};

use crate::circumstances::Circumstances;
use crate::limits::{CIRCUMSTANCES_MAX, KNOWING_MAX};
use crate::rule::{OWN, Rule};
use crate::snapshot::{Answer, Question, Snapshot};
use crate::words::Attribute;

const HOURS: RangeInclusive<u8> = 0..=23;
const WEEKDAYS: RangeInclusive<u8> = 1..=7;

/// What it takes.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Conditions {
    /// The least kind of proof; `None`: none.
    pub factor: Option<&'static str>,
    /// How old it may be, in seconds; `None`: any age.
    pub factor_age_s: Option<u32>,
    /// Whether the device must be enrolled.
    pub known_device: bool,
    /// How many other humans must approve.
    pub approvals: usize,
    /// Where it must come from; empty: anywhere.
    pub networks: Vec<String>,
    /// The hours in UTC; empty: any.
    pub hours: Vec<u8>,
    /// The days of the week in UTC, 1 for Monday; empty: any.
    pub weekdays: Vec<u8>,
}

/// What was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Possible {
    /// In these circumstances.
    In(Circumstances),
    /// In none.
    Never,
    /// There are too many to try.
    Unknown,
}

/// The values that are tried of each.
struct Grid {
    factors: Vec<Factor>,
    ages: Vec<u32>,
    devices: Vec<bool>,
    addresses: Vec<Option<IpAddr>>,
    approvals: Vec<usize>,
    hours: Vec<u8>,
    weekdays: Vec<u8>,
    pending: Vec<bool>,
}

impl Snapshot {
    /// Finds circumstances in which a question is answered with yes.
    pub(crate) fn possible(&self, question: &Question<'_>, at: Moment) -> Possible {
        self.possible_within(question, at, CIRCUMSTANCES_MAX)
    }

    /// Tells whether somebody may, in some circumstances.
    #[must_use]
    pub fn could(&self, principal: PrincipalId, action: Action, target: &Target, at: Moment) -> bool {
        let principal = self.roster().principals.get(&principal);
        let question = principal.and_then(|principal| self.question(principal, action, target, at));
        question.is_some_and(|question| self.possible_within(&question, at, KNOWING_MAX) != Possible::Never)
    }

    /// The same, trying at most so many.
    pub(crate) fn possible_within(&self, question: &Question<'_>, at: Moment, most: usize) -> Possible {
        let grid = Grid::of(question, at);
        let mut all = grid.all(at);
        let Some(best) = all.next() else { return Possible::Never };
        let answer = question.answer(&best);
        if answer.allowed {
            return Possible::In(best);
        }
        if self.is_hopeless(question, &best, &answer) {
            return Possible::Never;
        }
        match all.take(most.saturating_sub(1)).find(|circumstances| question.allows(circumstances)) {
            Some(found) => Possible::In(found),
            None if grid.count() > most => Possible::Unknown,
            None => Possible::Never,
        }
    }

    /// What the pack forbids in the best circumstances it forbids in all; and where nothing permits, only a policy of the
    /// organisation's own that looks at circumstances may permit in others.
    fn is_hopeless(&self, question: &Question<'_>, best: &Circumstances, answer: &Answer) -> bool {
        let forbids_always = |rule: &Rule| {
            rule.effect == Effect::Forbid
                && !rule.name.starts_with(OWN)
                && !rule.mentions.has(Attribute::ContractNetwork)
        };
        let rules = answer.rules.iter().filter_map(|name| self.book().rule(name));
        let nothing_permits = || match answer.rules.is_empty() && answer.errors.is_empty() {
            true => true,
            false => !question.is_permitted(best),
        };
        rules.into_iter().any(forbids_always) || (!question.slice.own_permits_vary() && nothing_permits())
    }

    /// Tells what of circumstances in which a question is allowed it takes: each is worsened while the others stay.
    pub(crate) fn conditions(&self, question: &Question<'_>, allowed: Circumstances) -> Conditions {
        let is_allowed = |circumstances: Circumstances| question.allows(&circumstances);
        let factor = Factor::ALL.into_iter().find(|factor| is_allowed(Circumstances { factor: *factor, ..allowed }));
        let ages = thresholds(question, Attribute::FactorAge, question.demand().factor_age_s);
        let ages = std::iter::once(u32::MAX).chain(ages.into_iter().rev());
        let age = ages.into_iter().find(|age| is_allowed(Circumstances { factor_age_s: *age, ..allowed }));
        let counts = thresholds(question, Attribute::Approvals, question.demand().approvals);
        let counts = counts.into_iter().filter_map(|count| usize::try_from(count).ok());
        let mut counts = counts.filter(|count| *count <= allowed.approvals);
        let approvals = counts.find(|approvals| is_allowed(Circumstances { approvals: *approvals, ..allowed }));
        let hours = steps(question, Attribute::Hour, HOURS);
        let days = steps(question, Attribute::Weekday, WEEKDAYS);
        Conditions {
            factor: factor.filter(|factor| *factor != Factor::None).map(Factor::as_str),
            factor_age_s: age.filter(|age| *age != u32::MAX),
            known_device: !is_allowed(Circumstances { known_device: false, ..allowed }),
            approvals: approvals.unwrap_or(allowed.approvals),
            networks: self.networks_needed(question, allowed),
            hours: unless_all(hours, |hour| is_allowed(Circumstances { hour, ..allowed })),
            weekdays: unless_all(days, |weekday| is_allowed(Circumstances { weekday, ..allowed })),
        }
    }

    fn networks_needed(&self, question: &Question<'_>, allowed: Circumstances) -> Vec<String> {
        let networks = networks(question);
        let is_allowed = |address| question.allows(&Circumstances { address, ..allowed });
        let elsewhere: Vec<IpAddr> = outside(&networks).filter(|address| is_allowed(Some(*address))).collect();
        let of_each = |all: &mut dyn Iterator<Item = IpAddr>| {
            all.fold((0, 0), |(fours, sixes), address| match address {
                IpAddr::V4(_) => (fours + 1, sixes),
                IpAddr::V6(_) => (fours, sixes + 1),
            })
        };
        let all: (usize, usize) = of_each(&mut outside(&networks));
        let (fours, sixes) = of_each(&mut elsewhere.iter().copied());
        if all.0 > 0 && all.1 > 0 && all == (fours, sixes) {
            return Vec::new();
        }
        // From elsewhere, but by one kind of address alone.
        let kinds = [(fours > 0, "0.0.0.0/0"), (sixes > 0, "::/0")];
        let kinds = kinds.into_iter().filter(|(is, _)| *is).map(|(_, kind)| kind.to_owned());
        let from = networks.iter().filter(|one| is_allowed(Some(one.first()))).map(ToString::to_string);
        let from: Vec<String> = kinds.chain(from).collect();
        // Where a network is open but for its beginning, the address that was found stands for it.
        let found = || allowed.address.and_then(|address| Network::around(&address.to_string()));
        if from.is_empty() { found().iter().map(ToString::to_string).collect() } else { from }
    }
}

/// The networks that the contract and the policies speak of.
fn networks(question: &Question<'_>) -> Vec<Network> {
    let addresses = question.slice.own_mentions().flat_map(|mentions| &mentions.addresses);
    let spoken = addresses.filter_map(|text| Network::around(text));
    let all: BTreeSet<Network> = question.networks().iter().copied().chain(spoken).collect();
    all.into_iter().collect()
}

/// Addresses that stand for all that lie in none of the networks: of both kinds, where some are left.
fn outside(networks: &[Network]) -> impl Iterator<Item = IpAddr> {
    let documentation = ["192.0.2.1", "198.51.100.1", "203.0.113.1", "2001:db8::1"];
    let addresses = documentation.into_iter().filter_map(|text| text.parse::<IpAddr>().ok());
    addresses.filter(|address| !networks.iter().any(|network| network.holds(*address)))
}

/// One of each kind that policies can tell by its nature.
fn kinds() -> impl Iterator<Item = IpAddr> {
    ["127.0.0.1", "::1", "224.0.0.1", "ff02::1"].into_iter().filter_map(|text| text.parse().ok())
}

/// Values of a number at which a policy may change its mind, and the best.
fn thresholds(question: &Question<'_>, attribute: Attribute, demanded: u32) -> Vec<u32> {
    let mut mentions = question.slice.own_mentions();
    let mut values = vec![0, demanded];
    if mentions.clone().any(|mentions| mentions.has(attribute)) {
        let numbers = mentions.by_ref().flat_map(|mentions| mentions.numbers_of(attribute));
        let around = |number: i64| [number.saturating_sub(1), number, number.saturating_add(1)];
        values.extend(numbers.flat_map(around).filter_map(|number| u32::try_from(number).ok()));
        values.push(u32::MAX);
    }
    values.sort_unstable();
    values.dedup();
    values
}

/// Cuts the values of an attribute into steps: at the numbers that policies compare it with, or at each, where they do more
/// with it. All of a step are answered alike, its first for all.
fn steps(question: &Question<'_>, attribute: Attribute, all: RangeInclusive<u8>) -> Vec<RangeInclusive<u8>> {
    let mentions = question.slice.own_mentions();
    let beyond = mentions.clone().any(|mentions| mentions.go_beyond(attribute));
    let numbers = mentions.flat_map(|mentions| mentions.numbers_of(attribute)).filter_map(|n| u8::try_from(n).ok());
    let cuts = numbers.flat_map(|number| [number, number.saturating_add(1)]);
    let (first, last) = (*all.start(), *all.end());
    let mut starts: BTreeSet<u8> = if beyond { all.collect() } else { cuts.filter(|cut| all.contains(cut)).collect() };
    starts.insert(first);
    let ends = starts.iter().skip(1).map(|start| start - 1).chain([last]);
    starts.iter().copied().zip(ends).map(|(start, end)| start..=end).collect()
}

/// The numbers of those steps of which it is true; none where that is all.
fn unless_all(steps: Vec<RangeInclusive<u8>>, is_true: impl Fn(u8) -> bool) -> Vec<u8> {
    let count = steps.len();
    let kept: Vec<_> = steps.into_iter().filter(|step| is_true(*step.start())).collect();
    if kept.len() == count { Vec::new() } else { kept.into_iter().flatten().collect() }
}

impl Grid {
    fn of(question: &Question<'_>, at: Moment) -> Self {
        let best = Circumstances::best(at);
        let looks = |attribute| question.slice.own_look_at(attribute);
        let networks = networks(question);
        // Where networks lie in one another, what is beside an inner one lies in the outer one.
        let borders = networks.iter().flat_map(|network| [Some(network.first()), network.after(), network.before()]);
        let mut addresses: Vec<Option<IpAddr>> = borders.filter(Option::is_some).collect();
        if looks(Attribute::Address) {
            addresses.extend(outside(&networks).chain(kinds()).map(Some));
        }
        if looks(Attribute::Address) || addresses.is_empty() {
            addresses.push(None);
        }
        let mut approvals = vec![best.approvals];
        if looks(Attribute::Approvals) {
            let numbers = thresholds(question, Attribute::Approvals, question.demand().approvals);
            approvals.extend(numbers.into_iter().rev().filter_map(|number| usize::try_from(number).ok()));
        }
        let ages = if looks(Attribute::FactorAge) { thresholds(question, Attribute::FactorAge, 0) } else { vec![0] };
        let varied = |attribute, all: RangeInclusive<u8>, now| {
            let steps = steps(question, attribute, all);
            std::iter::once(now).chain(steps.iter().map(|step| *step.start()).filter(|_| looks(attribute))).collect()
        };
        let all_factors = Factor::ALL.into_iter().rev();
        Self {
            factors: if looks(Attribute::Factor) { all_factors.collect() } else { vec![best.factor] },
            ages,
            devices: if looks(Attribute::KnownDevice) { vec![true, false] } else { vec![true] },
            addresses,
            approvals,
            hours: varied(Attribute::Hour, HOURS, best.hour),
            weekdays: varied(Attribute::Weekday, WEEKDAYS, best.weekday),
            pending: if looks(Attribute::Pending) { vec![false, true] } else { vec![false] },
        }
    }

    fn count(&self) -> usize {
        [self.ages.len(), self.devices.len(), self.addresses.len(), self.approvals.len(), self.hours.len()]
            .into_iter()
            .fold(self.factors.len() * self.weekdays.len() * self.pending.len(), usize::saturating_mul)
    }

    /// All combinations, the best first.
    fn all(&self, at: Moment) -> impl Iterator<Item = Circumstances> {
        let best = Circumstances::best(at);
        (0..self.count()).filter_map(move |number| {
            let mut rest = number;
            // The first varies fastest: an hour is more often what matters than anything else.
            let hour = *turn(&mut rest, &self.hours)?;
            let weekday = *turn(&mut rest, &self.weekdays)?;
            let address = *turn(&mut rest, &self.addresses)?;
            let known_device = *turn(&mut rest, &self.devices)?;
            let approvals = *turn(&mut rest, &self.approvals)?;
            let factor = *turn(&mut rest, &self.factors)?;
            let factor_age_s = *turn(&mut rest, &self.ages)?;
            let pending = *turn(&mut rest, &self.pending)?;
            Some(Circumstances {
                factor,
                factor_age_s,
                known_device,
                address,
                approvals,
                hour,
                weekday,
                pending,
                ..best
            })
        })
    }
}

/// Takes a digit off a number whose digits count through lists.
fn turn<'a, T>(rest: &mut usize, values: &'a [T]) -> Option<&'a T> {
    let value = values.get(rest.checked_rem(values.len())?);
    *rest /= values.len();
    value
}

#[cfg(test)]
mod tests {
    use cordon_domain::{Label, Level, Policies, PrincipalKind, Record, Roster, VersionId};
    use cordon_gate::Epoch;

    use super::*;
    use crate::proofs::{NOW, someone};

    const AT_THREE: &str = "@id(\"own\") permit (principal, action == Action::\"object.read\", resource is Object)
        when { context.hour == 3 };";
    /// What it asks for cannot be; one has to look at all hours to know.
    const NO_HOUR: &str = "@id(\"own\") permit (principal, action == Action::\"object.read\", resource is Object)
        when { context.hour * 2 == 3 };";

    fn snapshot(policies: &str) -> Snapshot {
        let mut roster = Roster::default();
        let policies = Policies { version: 1, text: policies.to_owned() };
        roster.put(Record::Policies(policies));
        let person = cordon_domain::Principal {
            kind: PrincipalKind::Person,
            owner: PrincipalId([1; 16]),
            until: None,
            vendor: None,
            clearance: Level::Restricted,
            ..someone()
        };
        roster.put(Record::Principal(person));
        Snapshot::new(roster, Epoch(0)).expect("valid")
    }

    fn object(level: Level) -> Target {
        Target { label: Some(Label::of(level)), version: Some(VersionId([1; 16])), ..Target::default() }
    }

    /// Puts to somebody's question about an object what `ask` wants to know.
    fn about<T>(snapshot: &Snapshot, level: Level, ask: impl FnOnce(&Question<'_>) -> T) -> T {
        let person = snapshot.roster().principals.values().next().expect("one");
        let target = object(level);
        ask(&snapshot.question(person, Action::ObjectRead, &target, NOW).expect("decided"))
    }

    /// A policy that forbids unless something holds.
    fn only_if(when: &str) -> Snapshot {
        snapshot(&format!("@id(\"own\") forbid (principal, action, resource is Object) unless {{ {when} }};"))
    }

    fn could(policies: &str, number: u8, level: Level) -> bool {
        snapshot(policies).could(PrincipalId([number; 16]), Action::ObjectRead, &object(level), NOW)
    }

    #[test]
    fn who_could_in_other_circumstances_may_know_that_it_exists() {
        assert!(could("", 1, Level::Internal));
        assert!(!could("", 2, Level::Internal), "nobody has that number");
        assert!(!could("", 1, Level::Restricted), "no role of theirs covers it");
        assert!(could(AT_THREE, 1, Level::Restricted), "at three");
        // A bound of 32 leaves it open, so they are told of a thing that they may not have.
        let odd = NO_HOUR.replace("context.hour * 2 == 3", "context.hour * 2 == 3 && context.weekday * 2 == 3");
        assert!(could(&odd, 1, Level::Restricted));
    }

    #[test]
    fn circumstances_that_were_not_all_tried_are_said_to_be_so() {
        let snapshot = snapshot(NO_HOUR);
        // The hour that it is stands first, and once more among all.
        about(&snapshot, Level::Restricted, |question| {
            assert_eq!(Grid::of(question, NOW).count(), 25);
            assert_eq!(snapshot.possible_within(question, NOW, 25), Possible::Never);
            assert_eq!(snapshot.possible_within(question, NOW, 26), Possible::Never);
            assert_eq!(snapshot.possible_within(question, NOW, 24), Possible::Unknown);
        });
    }

    /// What only one set of circumstances allows, however far from the best, is found.
    #[test]
    fn each_attribute_is_tried_with_each_other() {
        let check = |when: &str, count: usize| {
            let snapshot = only_if(when);
            about(&snapshot, Level::Internal, |question| {
                assert_eq!(Grid::of(question, NOW).count(), count, "{when}");
                let Possible::In(found) = snapshot.possible(question, NOW) else { panic!("{when}") };
                assert!(question.answer(&found).allowed, "{when}");
                found
            })
        };
        let (factors, devices, pending) = (3, 2, 2);
        // The number and those around it, none and the most; of approvals what is demanded, and the best, too.
        let around = 5;
        assert_eq!(check("context.factor == 1", factors).factor, Factor::ALL[1]);
        assert_eq!(check("context.factor_age_s == 61", around).factor_age_s, 61);
        assert!(!check("!context.known_device", devices).known_device);
        assert_eq!(check("context.approvals == 3", 2 + around).approvals, 3);
        // As it is, and three steps.
        assert_eq!(check("context.hour == 9", 4).hour, 9);
        assert_eq!(check("context.weekday == 6", 4).weekday, 6);
        check("!context.pending", pending);
        let all = "context.factor == 1 && context.weekday == 6 && !context.pending && context.hour == 9
            && context.approvals == 3 && context.factor_age_s == 61 && !context.known_device";
        let in_between = "@id(\"own\") permit (principal, action == Action::\"object.list\", resource is Object)
            when { context.pending };";
        assert!(snapshot(in_between).could(PrincipalId([1; 16]), Action::ObjectList, &object(Level::Restricted), NOW));
        let found = check(all, factors * 4 * pending * 4 * (2 + around) * around * devices);
        assert_eq!((found.weekday, found.hour, found.approvals, found.factor_age_s), (6, 9, 3, 61));
        assert!(!found.known_device && found.factor == Factor::ALL[1]);
    }

    #[test]
    fn as_few_approvals_are_asked_for_as_it_takes() {
        let check = |when: &str, expect: usize| {
            let snapshot = only_if(when);
            about(&snapshot, Level::Internal, |question| {
                let Possible::In(found) = snapshot.possible(question, NOW) else { panic!("{when}") };
                assert_eq!(snapshot.conditions(question, found).approvals, expect, "{when}");
            });
        };
        check("true", 0);
        check("context.approvals >= 2", 2);
        check("context.approvals == 3", 3);
        check("context.approvals > 3 || context.approvals == 1", 1);
    }

    /// From which networks somebody may read, under a policy that looks at the address.
    #[test]
    fn the_networks_that_it_takes_are_told() {
        let check = |policies: &str, expect: Option<&[&str]>| {
            let snapshot = snapshot(policies);
            let networks = about(&snapshot, Level::Restricted, |question| match snapshot.possible(question, NOW) {
                Possible::In(circumstances) => Some(snapshot.conditions(question, circumstances).networks),
                Possible::Never | Possible::Unknown => None,
            });
            assert_eq!(
                networks.as_deref(),
                expect.map(|all| all.iter().map(ToString::to_string).collect::<Vec<_>>()).as_deref(),
                "{policies}"
            );
        };
        let permits = |when: &str| {
            format!(
                "@id(\"own\") permit (principal, action == Action::\"object.read\", resource is Object) when {{ {when} }};"
            )
        };
        let within = |network: &str| format!("context has address && context.address.isInRange(ip(\"{network}\"))");
        check(&permits("true"), Some(&[]));
        check(&permits("context has address"), Some(&[]));
        check(&permits("!(context has address)"), Some(&[]));
        check(&permits(&within("10.0.0.0/8")), Some(&["10.0.0.0/8"]));
        let but = format!("{} && !context.address.isInRange(ip(\"10.0.0.0/10\"))", within("10.0.0.0/8"));
        check(&permits(&but), Some(&["10.64.0.0/32"]));
        let either = [permits(&within("10.0.0.0/8")), permits(&within("2001:db8::/32")).replace("own", "two")].concat();
        check(&either, Some(&["10.0.0.0/8", "2001:db8::/32"]));
        check(&permits("context has address && context.address.isLoopback()"), Some(&["127.0.0.1/32"]));
        check(
            &permits("context has address && context.address.isIpv6() && context.address.isMulticast()"),
            Some(&["ff02::1/128"]),
        );
        check(&permits(&format!("{} && context.address.isLoopback()", within("10.0.0.0/8"))), None);
        let all =
            format!("@id(\"no\") forbid (principal, action, resource is Object) when {{ {} }};", within("0.0.0.0/0"));
        check(&[permits("context has address"), all].concat(), Some(&["::/0"]));
        let without = |halves: [&str; 2]| {
            let halves = halves.map(within).join(" || ");
            let no = format!("@id(\"no\") forbid (principal, action, resource is Object) when {{ {halves} }};");
            [permits("context has address"), no].concat()
        };
        check(&without(["0.0.0.0/1", "128.0.0.0/1"]), Some(&["::/0"]));
        check(&without(["::/1", "8000::/1"]), Some(&["0.0.0.0/0"]));
        check(&permits("context has address && context.address.isIpv4()"), Some(&["0.0.0.0/0"]));
        check(&permits("context has address && context.address.isIpv6()"), Some(&["::/0"]));
    }

    /// What forbids in all circumstances needs no trying.
    #[test]
    fn what_no_circumstance_changes_is_known_at_once() {
        let tried = |policies: &str, level| {
            let snapshot = snapshot(policies);
            about(&snapshot, level, |question| snapshot.possible_within(question, NOW, 1))
        };
        let forbids =
            |when: &str| format!("@id(\"own\") forbid (principal, action, resource is Object) when {{ {when} }};");
        let nobody = Level::Restricted;
        assert_eq!(tried(&forbids("context.hour * 2 == 3"), nobody), Possible::Never, "nothing permits");
        assert_eq!(tried(NO_HOUR, nobody), Possible::Unknown, "an own policy might permit");
        assert_eq!(tried(&forbids("context.hour == 14"), Level::Internal), Possible::Unknown, "an own one forbids now");
        assert_eq!(tried(&forbids("context.hour == 13"), Level::Internal), tried("", Level::Internal));
        // What everybody's policies forbid no circumstance allows, whatever an own one permits.
        let uncleared = snapshot(NO_HOUR);
        let mut roster = uncleared.roster().clone();
        roster.principals.values_mut().for_each(|one| one.clearance = Level::Internal);
        let uncleared = uncleared.next(roster, Epoch(1)).expect("valid");
        let at_once = about(&uncleared, Level::Restricted, |question| uncleared.possible_within(question, NOW, 1));
        assert_eq!(at_once, Possible::Never);
    }
}
