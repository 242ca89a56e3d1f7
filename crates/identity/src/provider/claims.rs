//! What an ID token says beyond what the library checks: since when it counts, how one signed in, and the groups.

use std::collections::{BTreeMap, BTreeSet};

use cordon_domain::limits::CLOCK_SKEW_MS;
use cordon_domain::{Factor, Moment, Role, Scope};
use openidconnect::core::CoreGenderClaim;
use openidconnect::{AdditionalClaims, IdTokenClaims};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{ProviderSettings, Told, refused};
use crate::error::IdentityError;
use crate::limits::{GROUPS_TOLD_MAX, ID_TOKEN_MS_MAX, METHODS_TOLD_MAX, PROVIDER_AGE_S, SUBJECT_CHARS_MAX};

/// The claims that the library has no names for.
#[derive(Debug, Deserialize, Serialize)]
#[serde(transparent)]
pub(super) struct Rest(Map<String, Value>);

impl AdditionalClaims for Rest {}

type Claims = IdTokenClaims<Rest, CoreGenderClaim>;

impl ProviderSettings {
    /// Tells whether claims, as they are written in a token, would let somebody in at `now`, and with which factor.
    #[doc(hidden)]
    #[must_use]
    pub fn would_let_in(&self, claims: &[u8], now: Moment) -> Option<Factor> {
        let claims: Claims = serde_json::from_slice(claims).ok()?;
        self.told(&claims, now).ok().map(|told| told.factor)
    }

    /// Reads claims whose signature, issuer, audience, nonce and end were checked.
    pub(super) fn told(&self, claims: &Claims, now: Moment) -> Result<Told, IdentityError> {
        let moment = |at: chrono::DateTime<chrono::Utc>| Moment(at.timestamp_millis());
        let ahead = now.plus_ms(CLOCK_SKEW_MS);
        let issued = moment(claims.issue_time());
        if issued > ahead || now.since_ms(issued) > ID_TOKEN_MS_MAX {
            return Err(refused("its ID token is not of this moment: see both clocks"));
        }
        let rest = &claims.additional_claims().0;
        if let Some(since) = rest.get("nbf")
            && since.as_i64().is_none_or(|since| Moment(since.saturating_mul(1000)) > ahead)
        {
            return Err(refused("its ID token does not count yet (nbf): see both clocks"));
        }
        if claims.authorized_party().is_some_and(|party| **party != self.client_id) {
            return Err(refused("its ID token is for another program (azp)"));
        }
        let at = claims.auth_time().map(moment);
        let at = at.ok_or_else(|| refused("its ID token does not say when they signed in (auth_time)"))?;
        if at > ahead || now.since_ms(at) > 1000 * PROVIDER_AGE_S as i64 + CLOCK_SKEW_MS {
            return Err(refused(
                "they signed in later than now, or longer ago than was asked (auth_time): see both clocks",
            ));
        }
        let subject = claims.subject().as_str();
        if subject.is_empty() || subject.chars().count() > SUBJECT_CHARS_MAX {
            return Err(refused("its name for them (sub) is empty or too long"));
        }
        let roles = self.roles_of(rest)?;
        Ok(Told { subject: subject.to_owned(), factor: self.factor(claims)?, at: at.min(now), roles })
    }

    /// How they proved who they are: what the organisation takes as a proof of it, and nothing else.
    fn factor(&self, claims: &Claims) -> Result<Factor, IdentityError> {
        let methods = claims.auth_method_refs().map_or(&[][..], Vec::as_slice);
        if methods.len() > METHODS_TOLD_MAX {
            return Err(refused("its ID token names too many methods (amr)"));
        }
        let class = claims.auth_context_ref().map(|class| class.as_str());
        let all: Vec<&str> = methods.iter().map(|method| method.as_str()).chain(class).collect();
        let proves = |known: &BTreeSet<String>| all.iter().any(|said| known.contains(*said));
        Ok(match (proves(&self.phishing_resistant), proves(&self.second_factor)) {
            (true, _) => Factor::PhishingResistant,
            (false, true) => Factor::Code,
            (false, false) => Factor::None,
        })
    }

    /// The roles of their groups. Who is in none has none; what cannot be read is no answer.
    fn roles_of(&self, rest: &Map<String, Value>) -> Result<BTreeMap<(Role, Scope), String>, IdentityError> {
        let elsewhere = rest.get("_claim_names").and_then(|names| names.get(&self.groups_claim)).is_some();
        let groups: Vec<&str> = match rest.get(&self.groups_claim) {
            None if elsewhere => return Err(refused("it keeps their groups elsewhere, as there are too many")),
            None => Vec::new(),
            Some(Value::String(one)) => vec![one.as_str()],
            Some(Value::Array(all)) if all.len() <= GROUPS_TOLD_MAX => {
                let all: Option<Vec<&str>> = all.iter().map(Value::as_str).collect();
                all.ok_or_else(|| refused("their groups are no texts"))?
            }
            Some(_) => return Err(refused(format!("their groups are no list of at most {GROUPS_TOLD_MAX}"))),
        };
        let mut roles = BTreeMap::new();
        for group in groups {
            for role in self.groups.get(group).into_iter().flatten() {
                roles.entry(role.clone()).or_insert_with(|| group.to_owned());
            }
        }
        Ok(roles)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use zeroize::Zeroizing;

    use super::*;

    const NOW: Moment = Moment(1_795_608_000_000);
    const NOW_S: i64 = NOW.0 / 1000;

    fn settings() -> ProviderSettings {
        let text = "name = 'Example ID'\nissuer = 'https://id.example.org'\nclient-id = 'cordon'\nphishing-resistant = ['phr']\n\
                    [groups]\nml = ['reader:project:gemini']\nsec = ['security:everything', 'reader:project:gemini']\n";
        ProviderSettings::read(text, |_, _| Ok(Zeroizing::default())).expect("settings")
    }

    /// Any JSON, small.
    fn json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            (NOW_S - 90_000..NOW_S + 900).prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            ".{0,12}".prop_map(Value::from),
            prop_oneof!["ml", "sec", "phr", "mfa", "cordon", "groups"].prop_map(Value::from),
        ];
        leaf.prop_recursive(2, 12, 4, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                proptest::collection::hash_map("[a-z_]{1,8}|groups", inner, 0..3)
                    .prop_map(|all| Value::Object(all.into_iter().collect())),
            ]
        })
    }

    /// Claims that would do, some of them put aside or replaced.
    fn claims() -> impl Strategy<Value = Value> {
        let names =
            ["iss", "sub", "aud", "exp", "iat", "auth_time", "nbf", "azp", "acr", "amr", "groups", "_claim_names"];
        let change = (proptest::sample::select(names.to_vec()), proptest::option::of(json()));
        proptest::collection::vec(change, 0..4).prop_map(|changes| {
            let mut all = serde_json::json!({
                "iss": "https://id.example.org", "sub": "alice", "aud": ["cordon"], "exp": NOW_S + 60, "iat": NOW_S,
                "auth_time": NOW_S - 5, "acr": "phr", "amr": ["pwd", "mfa"], "groups": ["ml", "others"],
            });
            let object = all.as_object_mut().expect("an object");
            for (name, value) in changes {
                match value {
                    Some(value) => drop(object.insert(name.to_owned(), value)),
                    None => drop(object.remove(name)),
                }
            }
            all
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4_000))]

        /// Whatever the provider signs: it is refused, or says nothing that it does not say.
        #[test]
        fn whatever_is_claimed_is_refused_or_counts_for_what_it_is(claimed in claims()) {
            let settings = settings();
            let Ok(read) = serde_json::from_value::<Claims>(claimed.clone()) else { return Ok(()) };
            let Ok(told) = settings.told(&read, NOW) else { return Ok(()) };
            prop_assert_eq!(Some(told.subject.as_str()), claimed["sub"].as_str());
            prop_assert!((1..=SUBJECT_CHARS_MAX).contains(&told.subject.chars().count()));
            prop_assert!(told.at <= NOW && NOW.since_ms(told.at) <= 1000 * PROVIDER_AGE_S as i64 + CLOCK_SKEW_MS);
            prop_assert!(claimed.get("nbf").is_none_or(|since| since.as_i64().is_some_and(|s| s <= NOW_S + CLOCK_SKEW_MS / 1000)));
            prop_assert!(claimed.get("azp").is_none_or(|party| party.is_null() || party == "cordon"));
            let says = |text: &str| {
                let listed = |claim: &Value| claim.as_array().is_some_and(|all| all.iter().any(|one| one == text));
                listed(&claimed["amr"]) || claimed["acr"] == text
            };
            prop_assert_eq!(told.factor == Factor::PhishingResistant, says("phr"));
            prop_assert_eq!(told.factor == Factor::Code, says("mfa") && !says("phr"));
            let member = |group: &str| {
                claimed["groups"] == group || claimed["groups"].as_array().is_some_and(|all| all.iter().any(|one| one == group))
            };
            let known = settings.roles().into_iter().filter(|role| {
                settings.groups.iter().any(|(group, roles)| member(group) && roles.contains(role))
            });
            prop_assert_eq!(told.roles.keys().cloned().collect::<BTreeSet<_>>(), known.collect::<BTreeSet<_>>());
            prop_assert!(told.roles.values().all(|group| member(group)));
        }
    }

    #[test]
    fn what_would_do_does() {
        let claimed = serde_json::json!({
            "iss": "https://id.example.org", "sub": "alice", "aud": ["cordon"], "exp": NOW_S + 60, "iat": NOW_S,
            "auth_time": NOW_S - 5, "acr": "phr", "groups": ["sec"],
        });
        let told = settings().told(&serde_json::from_value(claimed).expect("claims"), NOW).expect("they count");
        assert_eq!((told.roles.len(), told.factor), (2, Factor::PhishingResistant));
    }
}
