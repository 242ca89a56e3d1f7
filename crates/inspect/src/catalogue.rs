//! The table of all rules, as a reader may know them.

use std::borrow::Cow;

use cordon_domain::{Kind, Severity};

use crate::rule::Rule;
use crate::{marking, personal, rules};

/// What a reader may know of a rule.
#[derive(Clone, Debug)]
pub struct Info {
    /// Stable name.
    pub id: Cow<'static, str>,
    /// What it finds.
    pub title: Cow<'static, str>,
    /// What sort of thing that is.
    pub kind: Kind,
    /// How bad it is, before the content is judged.
    pub severity: Severity,
    /// What to do.
    pub fix: Cow<'static, str>,
}

/// Where each group begins in the table of rules.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bases {
    pub(crate) named: u32,
    pub(crate) assign: u32,
    pub(crate) marking: u32,
    pub(crate) codename: u32,
    pub(crate) copy: u32,
    pub(crate) personal: u32,
    pub(crate) weights: u32,
    pub(crate) exposure: u32,
}

const ASSIGN: [(&str, &str); 5] = [
    ("generic-password", "password"),
    ("generic-secret", "secret"),
    ("generic-token", "token"),
    ("generic-api-key", "key"),
    ("generic-salt", "salt or signature"),
];
const MARKING_FIX: &str = "move it to a place that is as closed as it says, or have the marking lifted by who set it";
const CODENAME_FIX: &str = "take the name out, or keep the text as closed as the project";
const COPY_FIX: &str = "take the text out, and out of the history; or have the document declassified by its owner";
const PERSONAL_FIX: &str =
    "remove it or keep it where its purpose is recorded; if it was public, ask who must be told and by when";
const WEIGHTS_FIX: &str =
    "keep weights in a store that decides and records each read; remove them from here and from the history";
const EXPOSURE_FIX: &str =
    "take the address down or put a sign-in before it, purge caches, then look at its access log";

/// Lists all rules: those with a pattern first, in their order, then the groups.
pub(crate) fn infos(rules: &[Rule]) -> (Vec<Info>, Bases) {
    let mut infos: Vec<Info> = rules
        .iter()
        .map(|rule| Info {
            id: rule.id.clone(),
            title: rule.title.clone(),
            kind: Kind::Secret,
            severity: rule.severity,
            fix: rule.fix(),
        })
        .collect();
    let mut group =
        |entries: Vec<(Cow<'static, str>, Cow<'static, str>, Cow<'static, str>)>, kind: Kind, severity: Severity| {
            let base = infos.len() as u32;
            infos.extend(entries.into_iter().map(|(id, title, fix)| Info { id, title, kind, severity, fix }));
            base
        };
    let plain = |pairs: &'static [(&'static str, &'static str)], fix: &'static str| {
        pairs
            .iter()
            .map(|(id, title)| (Cow::Borrowed(*id), Cow::Borrowed(*title), Cow::Borrowed(fix)))
            .collect::<Vec<_>>()
    };
    let services = rules::named::NAMED.iter().map(|named| (Cow::Borrowed(named.id), Cow::Borrowed(named.title), Cow::Owned(format!("revoke it at {} and issue a new one into a secret store; then look at its log for uses you did not make", named.console)))).collect();
    let base = Bases {
        named: group(services, Kind::Secret, Severity::High),
        assign: group(
            plain(
                &ASSIGN,
                "change it where it is valid, put the new one into a secret store, and look at the logs of the service for uses you did not make",
            ),
            Kind::Secret,
            Severity::High,
        ),
        marking: group(plain(&marking::RULES, MARKING_FIX), Kind::Marking, Severity::High),
        codename: group(
            plain(&[("codename", "name of something unreleased")], CODENAME_FIX),
            Kind::Codename,
            Severity::High,
        ),
        copy: group(plain(&[("copy", "text of a known document")], COPY_FIX), Kind::Copy, Severity::Critical),
        personal: group(plain(&personal::RULES, PERSONAL_FIX), Kind::PersonalData, Severity::High),
        weights: group(plain(&[("model-weights", "model weights")], WEIGHTS_FIX), Kind::Weights, Severity::High),
        exposure: group(
            plain(&[("reachable-by-anyone", "answers a stranger and is not meant to")], EXPOSURE_FIX),
            Kind::Exposure,
            Severity::High,
        ),
    };
    (infos, base)
}
