//! The commands, one file each.

mod access;
mod allowance;
mod approve;
mod audit;
mod baseline;
mod bucket;
mod classify;
mod codename;
mod credentials;
mod db;
mod declassify;
mod demo;
mod devices;
mod doctor;
mod eject;
mod embargo;
mod emergency;
mod env;
mod explain;
mod fingerprint;
mod hook;
mod import;
mod keys;
mod levels;
mod login;
mod people;
mod policy;
mod publications;
mod publish;
mod quarantine;
mod rules;
pub(crate) mod scan;
mod services;
mod shell;
mod undo;
mod up;
mod vendors;
mod worker;

use clap::Subcommand;

use crate::error::Failure;
use crate::exit::Exit;

#[derive(Subcommand)]
pub(crate) enum Command {
    Scan(Box<scan::Arguments>),
    #[command(subcommand)]
    Fingerprint(fingerprint::Command),
    Baseline(Box<baseline::Arguments>),
    #[command(subcommand)]
    Rules(rules::Command),
    #[command(subcommand)]
    Hook(hook::Command),
    Up(Box<up::Arguments>),
    Demo(Box<demo::Arguments>),
    Login(Box<login::Arguments>),
    Credentials(Box<credentials::Arguments>),
    Env(Box<env::Arguments>),
    Approve(Box<approve::Arguments>),
    #[command(subcommand)]
    Quarantine(quarantine::Command),
    Declassify(Box<declassify::Arguments>),
    Classify(Box<classify::Arguments>),
    #[command(subcommand)]
    Bucket(bucket::Command),
    #[command(subcommand)]
    Allowance(allowance::Command),
    #[command(subcommand)]
    Embargo(embargo::Command),
    #[command(subcommand)]
    Codename(codename::Command),
    Publish(Box<publish::Arguments>),
    #[command(subcommand)]
    Publications(publications::Command),
    Undo(Box<undo::Arguments>),
    Import(Box<import::Arguments>),
    Eject(Box<eject::Arguments>),
    #[command(subcommand)]
    Emergency(emergency::Command),
    #[command(subcommand)]
    Audit(audit::Command),
    #[command(subcommand)]
    People(people::Command),
    #[command(subcommand)]
    Services(services::Command),
    #[command(subcommand)]
    Vendors(vendors::Command),
    #[command(subcommand)]
    Devices(devices::Command),
    #[command(subcommand)]
    Access(access::Command),
    Explain(Box<explain::Arguments>),
    Levels(Box<levels::Arguments>),
    #[command(subcommand)]
    Policy(policy::Command),
    #[command(subcommand)]
    Keys(keys::Command),
    #[command(subcommand)]
    Db(db::Command),
    Doctor(Box<doctor::Arguments>),
    Completions(shell::Completions),
    Man(shell::Man),
    #[command(hide = true, name = cordon_scan::worker::WORKER_ARGUMENT)]
    Worker,
    #[command(hide = true, name = cordon_scan::looking::LOOKER_ARGUMENT)]
    Looker,
}

impl Command {
    pub(crate) fn run(self) -> Result<Exit, Failure> {
        match self {
            Self::Scan(arguments) => scan::run(&arguments),
            Self::Fingerprint(command) => fingerprint::run(command),
            Self::Baseline(arguments) => baseline::run(&arguments),
            Self::Rules(command) => rules::run(command),
            Self::Hook(command) => hook::run(&command),
            Self::Up(arguments) => up::run(&arguments),
            Self::Demo(arguments) => demo::run(&arguments),
            Self::Login(arguments) => login::run(&arguments),
            Self::Credentials(arguments) => credentials::run(&arguments),
            Self::Env(arguments) => env::run(&arguments),
            Self::Approve(arguments) => approve::run(&arguments),
            Self::Quarantine(command) => quarantine::run(command),
            Self::Declassify(arguments) => declassify::run(&arguments),
            Self::Classify(arguments) => classify::run(&arguments),
            Self::Bucket(command) => bucket::run(&command),
            Self::Allowance(command) => allowance::run(&command),
            Self::Embargo(command) => embargo::run(&command),
            Self::Codename(command) => codename::run(&command),
            Self::Publish(arguments) => publish::run(&arguments),
            Self::Publications(command) => publications::run(command),
            Self::Undo(arguments) => undo::run(&arguments),
            Self::Import(arguments) => import::run(&arguments),
            Self::Eject(arguments) => eject::run(&arguments),
            Self::Emergency(command) => emergency::run(command),
            Self::Audit(command) => audit::run(command),
            Self::People(command) => people::run(command),
            Self::Services(command) => services::run(command),
            Self::Vendors(command) => vendors::run(command),
            Self::Devices(command) => devices::run(command),
            Self::Access(command) => access::run(command),
            Self::Explain(arguments) => explain::run(&arguments),
            Self::Levels(arguments) => levels::run(&arguments),
            Self::Policy(command) => policy::run(command),
            Self::Keys(command) => keys::run(command),
            Self::Db(command) => db::run(command),
            Self::Doctor(arguments) => doctor::run(&arguments),
            Self::Completions(arguments) => shell::completions(&arguments),
            Self::Man(arguments) => shell::man(&arguments),
            Self::Worker => worker::run(),
            Self::Looker => worker::look(),
        }
    }
}
