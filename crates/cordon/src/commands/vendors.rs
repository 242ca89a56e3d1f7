//! Vendors and their contracts.

use clap::{Args, Subcommand};
use cordon_domain::{Clock as _, Level, Moment, Network, Project, Record, Step, Target, Vendor, VendorId};
use cordon_gate::act::ChangeVendor;
use cordon_store::edge::{SystemClock, SystemEntropy};
use serde_json::json;

use crate::error::{Failure, print_lines};
use crate::exit::Exit;
use crate::installation::At;
use crate::moment::{moment, written};

/// Add vendors, change their contracts, see them. Their people are brought in with `cordon people invite --vendor`.
#[derive(Subcommand)]
pub(crate) enum Command {
    Set(Box<SetArguments>),
    List(Box<ListArguments>),
}

/// Add a vendor, or give one another contract: outside of it none of its people may do anything.
///
/// Example: cordon vendors set "Example Annotation" --until 2027-03-31 --level confidential --project atlas --network 192.0.2.0/24 --reason "contract 17"
#[derive(Args)]
#[group(id = "vendors-set-arguments")]
pub(crate) struct SetArguments {
    #[command(flatten)]
    at: At,
    /// The name of the company.
    name: String,
    /// The vendor whose contract becomes another: vn_ and 32 hexadecimal digits.
    #[arg(long, value_name = "VENDOR")]
    vendor: Option<VendorId>,
    /// When the contract begins [default: now].
    #[arg(long, value_name = "DAY", value_parser = moment)]
    from: Option<Moment>,
    /// When it ends.
    #[arg(long, value_name = "DAY", value_parser = moment)]
    until: Moment,
    /// The highest level that it opens.
    #[arg(long, value_name = "LEVEL", default_value = "internal")]
    level: Level,
    /// A project that it is about; may be given several times. None: of any project, or of none.
    #[arg(long, value_name = "PROJECT")]
    project: Vec<Project>,
    /// A network that its people must come from; may be given several times. None: any.
    #[arg(long, value_name = "NETWORK")]
    network: Vec<Network>,
    /// Why.
    #[arg(long)]
    reason: String,
}

/// List vendors and their contracts. The question is itself an event.
///
/// Example: cordon vendors list --json
#[derive(Args)]
#[group(id = "vendors-list-arguments")]
pub(crate) struct ListArguments {
    #[command(flatten)]
    at: At,
    /// Write one JSON object a line.
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(command: Command) -> Result<Exit, Failure> {
    match command {
        Command::Set(arguments) => set(&arguments),
        Command::List(arguments) => list(&arguments),
    }
}

fn set(arguments: &SetArguments) -> Result<Exit, Failure> {
    let operated = arguments.at.open()?;
    let known = arguments.vendor.map(|id| operated.snapshot().map(|now| now.roster().vendors.get(&id).cloned()));
    let known = known.transpose()?.flatten();
    if let (Some(id), None) = (arguments.vendor, &known) {
        return Err(Failure::usage(format!("there is no {id}"), "see `cordon vendors list`"));
    }
    let starts = arguments.from.unwrap_or_else(|| SystemClock.now());
    if starts >= arguments.until {
        return Err(Failure::usage("the contract ends before it begins", "give another --until"));
    }
    let vendor = Vendor {
        id: arguments.vendor.unwrap_or_else(|| VendorId::draw(&mut SystemEntropy)),
        name: arguments.name.clone(),
        starts,
        ends: arguments.until,
        level: arguments.level,
        projects: arguments.project.iter().cloned().collect(),
        networks: arguments.network.clone(),
    };
    let (id, new, target) = (vendor.id, Record::Vendor(vendor), Target::default());
    operated.run(async {
        match known {
            Some(old) => operated.replace::<ChangeVendor>(target, (Record::Vendor(old), new), &arguments.reason).await,
            None => {
                let reason = Some(arguments.reason.as_str());
                operated.change::<ChangeVendor>(target, vec![Step::Put(new)], Vec::new(), reason).await
            }
        }
    })?;
    println!("{id}");
    Ok(Exit::Clean)
}

fn list(arguments: &ListArguments) -> Result<Exit, Failure> {
    let operated = arguments.at.open()?;
    let snapshot = operated.run(operated.ask("cordon vendors list"))?;
    let roster = snapshot.roster();
    let people = |id| roster.principals.values().filter(|one| one.vendor == Some(id)).count();
    print_lines(roster.vendors.values().map(|vendor| {
        let people = people(vendor.id);
        if arguments.json { object(vendor, people).to_string() } else { line(vendor, people) }
    }))?;
    Ok(Exit::Clean)
}

fn line(vendor: &Vendor, people: usize) -> String {
    let Vendor { id, name, level, .. } = vendor;
    let (starts, ends) = (written(vendor.starts), written(vendor.ends));
    let projects: Vec<&str> = vendor.projects.iter().map(Project::as_str).collect();
    let projects = if projects.is_empty() { String::new() } else { format!("  projects {}", projects.join(", ")) };
    let networks: Vec<String> = vendor.networks.iter().map(ToString::to_string).collect();
    let networks = if networks.is_empty() { String::new() } else { format!("  from {}", networks.join(", ")) };
    format!("{id}  {name}  {starts} to {ends}  up to {level}{projects}{networks}  {people} people")
}

fn object(vendor: &Vendor, people: usize) -> serde_json::Value {
    json!({
        "schema": "cordon-vendor-1",
        "vendor": vendor.id.to_string(),
        "name": vendor.name,
        "starts": written(vendor.starts),
        "ends": written(vendor.ends),
        "level": vendor.level.as_str(),
        "projects": vendor.projects.iter().map(Project::as_str).collect::<Vec<_>>(),
        "networks": vendor.networks.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "people": people,
    })
}
