//! Role by level by action by factor by project, as a text that people review: a change of the pack shows in it.

use std::fmt::Write as _;

use cordon_domain::{
    Action, BucketId, Factor, Grant, GrantId, Label, Level, Moment, Principal, PrincipalId, PrincipalKind, Project,
    Record, Role, Roster, Scope, Target, VersionId,
};
use cordon_gate::Epoch;

use crate::circumstances::Circumstances;
use crate::explain::decided_actions;
use crate::rule::PolicyError;
use crate::snapshot::{Question, Snapshot};
use crate::words::is_own;

const HEAD: &str = "\
Who may do what without policies of an organisation's own. Made by `cargo xtask gen`; review each change.

A person with clearance for restricted, a training that counts, an enrolled device, a fresh sign-in, the approval of another
person where it is needed, and one role on everything. Three signs a cell: signed in with no factor, with a password and a
code, with a passkey; + allowed, - denied. The first three are of one who belongs to the project of the object, the others
of one who does not. Cells of what is asked of no object stand under `installation`; an empty one is no question. What is
of one's own alone (signing in, own keys, an own device, an emergency) is asked about the one who asks; everything else about nobody.

";
const ME: PrincipalId = PrincipalId([1; 16]);
const NOW: Moment = Moment(1_795_608_000_000);

/// Writes the text.
///
/// # Errors
///
/// [`PolicyError`] when the pack is not valid.
pub fn text() -> Result<String, PolicyError> {
    let book = Snapshot::new(Roster::default(), Epoch::ANY)?;
    let mut text = HEAD.to_owned();
    let title = |level: &str| format!(" {level:<13}");
    let titles: String = Level::ALL.map(|level| title(level.as_str())).into_iter().collect();
    // Writing to a String cannot fail.
    let _ = writeln!(text, "{:<20} {:<12}{titles} installation", "action", "role");
    for action in decided_actions() {
        for role in std::iter::once(None).chain(Role::ALL.map(Some)) {
            let levels: String =
                Level::ALL.map(|level| title(&cells(&book, action, role, Some(level)))).into_iter().collect();
            let installation = cells(&book, action, role, None);
            let name = role.map_or("none", Role::as_str);
            let line = format!("{:<20} {name:<12}{levels} {installation}", action.as_str());
            let _ = writeln!(text, "{}", line.trim_end());
        }
    }
    Ok(text)
}

fn cells(book: &Snapshot, action: Action, role: Option<Role>, level: Option<Level>) -> String {
    let of = |member| {
        let snapshot = book.supposing(roster(role, member));
        let own = is_own(action) || matches!(action, Action::EmergencyAsk | Action::EmergencyOpen);
        let concerned = own.then_some(ME);
        let target = level.map_or_else(|| Target { principal: concerned, ..Target::default() }, target);
        let question = snapshot.roster().principals.get(&ME).and_then(|me| snapshot.question(me, action, &target, NOW));
        question.map_or_else(String::new, |question| signs(&question))
    };
    match level {
        Some(_) => format!("{} {}", of(true), of(false)),
        None => of(true),
    }
}

fn signs(question: &Question<'_>) -> String {
    let sign = |factor| {
        let circumstances = Circumstances { factor, ..Circumstances::best(NOW) };
        if question.answer(&circumstances).allowed { '+' } else { '-' }
    };
    Factor::ALL.map(sign).into_iter().collect()
}

fn target(level: Level) -> Target {
    let label = atlas().into_iter().fold(Label::of(level), Label::with);
    Target {
        bucket: Some(BucketId([1; 16])),
        version: Some(VersionId([1; 16])),
        label: Some(label),
        ..Target::default()
    }
}

fn atlas() -> Option<Project> {
    "atlas".parse().ok()
}

fn roster(role: Option<Role>, member: bool) -> Roster {
    let mut roster = Roster::default();
    roster.put(Record::Principal(Principal {
        id: ME,
        kind: PrincipalKind::Person,
        owner: ME,
        clearance: Level::Restricted,
        projects: atlas().filter(|_| member).into_iter().collect(),
        vendor: None,
        purpose: None,
        until: None,
        trained_until: Some(Moment(i64::MAX)),
    }));
    let grant = role.map(|role| Grant {
        id: GrantId([1; 16]),
        principal: ME,
        role,
        scope: Scope::Installation,
        starts: Moment(0),
        ends: None,
        reason: "the matrix".to_owned(),
        given_by: ME,
    });
    grant.into_iter().for_each(|grant| roster.put(Record::Grant(grant)));
    roster
}
