//! Why something is allowed or denied.

use clap::Args;
use cordon_domain::{Action, Actor, Clock as _, DeviceId, Factor, PrincipalId};
use cordon_gate::{Facts, Verdict};
use cordon_policy::Explanation;
use cordon_policy::explain::decided_actions;
use cordon_store::edge::SystemClock;
use serde_json::json;

use crate::commands::access::target::{Asked, When};
use crate::error::Failure;
use crate::exit::Exit;
use crate::installation::At;

/// Tell whether someone may do something to something, which rule decides, and what would change it.
///
/// Example: cordon explain pr_... object.read restricted/atlas --factor phishing-resistant --factor-age 60
#[derive(Args)]
#[group(id = "explain-arguments")]
pub(crate) struct Arguments {
    #[command(flatten)]
    at: At,
    /// Who: pr_ and 32 hexadecimal digits.
    principal: PrincipalId,
    /// What: for example object.read.
    action: Action,
    /// On what: an object version (ov_...), a label such as restricted/atlas, or `everything`.
    target: Asked,
    /// What kind of proof the sign-in rests on: none, code, phishing-resistant.
    #[arg(long, default_value = "none", value_parser = |text: &str| text.parse::<Factor>().map_err(|error| error.to_string()))]
    factor: Factor,
    /// How old that proof is, in seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 0)]
    factor_age: u32,
    /// The device that is used: dv_ and 32 hexadecimal digits.
    #[arg(long)]
    device: Option<DeviceId>,
    /// The address that it comes from.
    #[arg(long)]
    address: Option<std::net::IpAddr>,
    /// Write one JSON object.
    #[arg(long)]
    json: bool,
}

/// Says when policies do not decide on an action.
pub(crate) fn decided(action: Action) -> Result<(), Failure> {
    let all = decided_actions();
    if all.contains(&action) {
        return Ok(());
    }
    let names: Vec<&str> = all.iter().map(|action| action.as_str()).collect();
    Err(Failure::usage(format!("policies do not decide on `{action}`"), format!("give one of {}", names.join(", "))))
}

pub(crate) fn run(arguments: &Arguments) -> Result<Exit, Failure> {
    decided(arguments.action)?;
    let operated = arguments.at.open()?;
    let explanation = operated.run(async {
        let snapshot = operated.ask("cordon explain").await?;
        let known = snapshot.roster().principals.get(&arguments.principal);
        let principal = known.ok_or_else(|| {
            Failure::usage(format!("there is no {}", arguments.principal), "`cordon people list` lists who is there")
        })?;
        let groups = arguments.target.groups(&operated, &snapshot, When::Now(SystemClock.now())).await?;
        let (apart, alike): (Vec<_>, Vec<_>) = groups.iter().partition(|group| group.version().is_some());
        let group = match (alike.as_slice(), apart.as_slice()) {
            ([group], _) | ([], [group]) => group,
            ([], []) => return Err(Failure::usage("there is nothing of it", "give a version that is stored")),
            _ => {
                let hint = "ask about one label, bk_.../restricted/atlas, or one version, ov_...";
                return Err(Failure::usage("a bucket has not one label", hint));
            }
        };
        let actor = Actor {
            kind: principal.kind,
            factor: Some(arguments.factor),
            mfa_age_s: Some(arguments.factor_age),
            device: arguments.device,
            ..Actor::service(arguments.principal)
        };
        let request = operated.facts(None).request;
        let asked = Facts {
            target: group.target.clone(),
            address: arguments.address,
            ..Facts::new(request, SystemClock.now(), arguments.action, actor)
        };
        Ok(snapshot.explain(&asked))
    })?;
    match arguments.json {
        true => println!("{}", object(&explanation)),
        false => print!("{}", text(&explanation)),
    }
    Ok(if matches!(explanation.verdict, Verdict::Allow(_)) { Exit::Clean } else { Exit::Findings })
}

fn text(explanation: &Explanation) -> String {
    let list = |head: &str, lines: &[String]| match lines {
        [] => String::new(),
        lines => format!("{head}\n{}", lines.iter().map(|line| format!("  {line}\n")).collect::<String>()),
    };
    match &explanation.verdict {
        Verdict::Allow(grounds) => {
            let grants: Vec<String> = grounds.grants.iter().map(ToString::to_string).collect();
            format!("allowed\n{}{}", list("by", &grounds.policies), list("resting on", &grants))
        }
        Verdict::Deny(refusal, grounds) => {
            let hidden = if refusal.hidden { "answered as if it did not exist\n" } else { "" };
            let ask = refusal.ask.as_ref().map(|ask| format!("ask {ask}\n")).unwrap_or_default();
            let helps = match explanation.changes.as_slice() {
                [] => "nothing that can be given would change it\n".to_owned(),
                changes => list("allowed with", changes),
            };
            let by = list("by", &grounds.policies);
            format!("denied\n{hidden}{by}{}{ask}{helps}", list("missing", &refusal.missing))
        }
    }
}

fn object(explanation: &Explanation) -> serde_json::Value {
    let (allowed, grounds, refusal) = match &explanation.verdict {
        Verdict::Allow(grounds) => (true, grounds, None),
        Verdict::Deny(refusal, grounds) => (false, grounds, Some(refusal)),
    };
    json!({
        "schema": "cordon-explanation-1",
        "allowed": allowed,
        "policies": grounds.policies,
        "grants": grounds.grants.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "missing": refusal.map(|refusal| refusal.missing.clone()).unwrap_or_default(),
        "ask": refusal.and_then(|refusal| refusal.ask.clone()),
        "hidden": refusal.is_some_and(|refusal| refusal.hidden),
        "allowed_with": explanation.changes,
    })
}
