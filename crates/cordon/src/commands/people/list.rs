//! Who is there.

use clap::Args;
use cordon_domain::{Principal, PrincipalKind};
use serde_json::json;

use crate::error::{Failure, print_lines};
use crate::exit::Exit;
use crate::installation::At;
use crate::moment::written;

/// List people, services and vendors' people. The question is itself an event.
///
/// Example: cordon people list --json
#[derive(Args)]
#[group(id = "people-list-arguments")]
pub(crate) struct Arguments {
    #[command(flatten)]
    at: At,
    /// Write one JSON object a line.
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(arguments: &Arguments) -> Result<Exit, Failure> {
    let operated = arguments.at.open()?;
    let (snapshot, names) = operated.run(async {
        let snapshot = operated.ask("cordon people list").await?;
        Ok((snapshot, super::names(&operated).await?))
    })?;
    let roster = snapshot.roster();
    print_lines(roster.principals.values().map(|principal| {
        let name = names.get(&principal.id).map_or("(no name)", String::as_str);
        let grants = roster.grants.values().filter(|grant| grant.principal == principal.id);
        let grants: Vec<String> = grants.map(|grant| format!("{}:{}", grant.role, grant.scope)).collect();
        if arguments.json { object(principal, name, &grants).to_string() } else { line(principal, name, &grants) }
    }))?;
    Ok(Exit::Clean)
}

const fn kind(kind: PrincipalKind) -> &'static str {
    match kind {
        PrincipalKind::Person => "person",
        PrincipalKind::Service => "service",
        PrincipalKind::Vendor => "vendor's person",
        PrincipalKind::Device => "device",
        PrincipalKind::Stranger => "stranger",
    }
}

fn line(principal: &Principal, name: &str, grants: &[String]) -> String {
    let projects: Vec<&str> = principal.projects.iter().map(cordon_domain::Project::as_str).collect();
    let projects = if projects.is_empty() { String::new() } else { format!("  projects {}", projects.join(", ")) };
    let grants = if grants.is_empty() { "  no roles".to_owned() } else { format!("  {}", grants.join(", ")) };
    let id = principal.id;
    format!("{id}  {name}  {}  cleared for {}{projects}{grants}", kind(principal.kind), principal.clearance)
}

fn object(principal: &Principal, name: &str, grants: &[String]) -> serde_json::Value {
    json!({
        "schema": "cordon-principal-1",
        "principal": principal.id.to_string(),
        "name": name,
        "kind": kind(principal.kind),
        "owner": principal.owner.to_string(),
        "clearance": principal.clearance.as_str(),
        "projects": principal.projects.iter().map(cordon_domain::Project::as_str).collect::<Vec<_>>(),
        "until": principal.until.map(written),
        "trained_until": principal.trained_until.map(written),
        "grants": grants,
    })
}
