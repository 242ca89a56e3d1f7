//! The built-in rules, written from the formats that the providers document.
//!
//! Map: [`ai`] (models, training, agents), [`cloud`], [`forge`] (git, CI, packages), [`comms`] (chat, mail, phones,
//! social), [`money`], [`data`] (databases, analytics, flags, monitoring), [`work`] (office, identity, networks),
//! [`generic`] (keys, URLs, headers, hashes), [`named`] (services known by their name beside a value).

pub(crate) mod ai;
pub(crate) mod cloud;
pub(crate) mod comms;
pub(crate) mod data;
pub(crate) mod forge;
pub(crate) mod generic;
pub(crate) mod money;
pub(crate) mod named;
pub(crate) mod work;

use crate::rule::Spec;

/// All rules with a pattern of their own.
pub(crate) fn specs() -> impl Iterator<Item = &'static Spec> {
    [ai::RULES, cloud::RULES, forge::RULES, comms::RULES, money::RULES, data::RULES, work::RULES, generic::RULES]
        .into_iter()
        .flatten()
}
