//! What the levels demand.

use clap::Args;
use cordon_domain::egress::UNLIMITED;
use cordon_domain::limits::{APPROVALS_MAX, EGRESS_OBJECTS_MAX};
use cordon_domain::{Egress, Factor, Level, Levels, Record, Step, Target};
use cordon_gate::act::ChangeLevels;
use serde_json::json;

use crate::error::Failure;
use crate::exit::Exit;
use crate::installation::{At, Consent, say_asked};

/// Print what each level demands: proof and its age, device, training, age of keys, presigned addresses, egress, approvals, retention. `--set` changes cells, which takes two people once there is an approver.
///
/// Example: cordon levels --set restricted.factor_age_s=600 --reason "the drill of 1 December"
#[derive(Args)]
#[group(id = "levels-arguments")]
pub(crate) struct Arguments {
    #[command(flatten)]
    at: At,
    /// A cell and its new value; may be given several times.
    #[arg(long, value_name = "LEVEL.CELL=VALUE", value_parser = cell, requires = "reason")]
    set: Vec<Cell>,
    /// Why it is changed.
    #[arg(long)]
    reason: Option<String>,
    #[command(flatten)]
    consent: Consent,
    /// Write one JSON object.
    #[arg(long)]
    json: bool,
}

/// How many open an emergency for another: of no level.
const EMERGENCY: &str = "emergency_approvals";

/// A cell of the table, and its new value.
#[derive(Clone, Debug)]
struct Cell {
    /// Of which level; none where it is of all.
    level: Option<Level>,
    name: String,
    value: String,
}

/// The rows of the table: name, what it says, how it is written.
const ROWS: [(&str, &str); 18] = [
    ("factor", "least proof of a sign-in"),
    ("factor_age_s", "its age, seconds"),
    ("known_device", "enrolled device"),
    ("training", "training that counts"),
    ("key_age_days", "age of keys, days"),
    ("presign_hours", "presigned address, hours"),
    ("egress_objects_minute", "objects read a minute"),
    ("egress_objects_hour", "objects read an hour"),
    ("egress_objects_day", "objects read a day"),
    ("egress_objects_month", "objects read in 30 days"),
    ("egress_bytes_minute", "bytes read a minute"),
    ("egress_bytes_hour", "bytes read an hour"),
    ("egress_bytes_day", "bytes read a day"),
    ("egress_bytes_month", "bytes read in 30 days"),
    ("egress_share_percent", "of all in 30 days, percent"),
    ("egress_weights_percent", "of weights a day, percent"),
    ("approvals", "approvals by others"),
    ("retention_days", "kept after deletion, days *"),
];

fn cell(text: &str) -> Result<Cell, String> {
    let wrong = || format!("`{text}` is not LEVEL.CELL=VALUE, for example restricted.factor_age_s=600");
    let (place, value) = text.split_once('=').ok_or_else(wrong)?;
    let (level, name) = match place.split_once('.') {
        Some((level, name)) => {
            let level = level.parse().map_err(|error: cordon_domain::level::UnknownLevel| error.to_string())?;
            (Some(level), name)
        }
        None if place == EMERGENCY => (None, place),
        None => return Err(wrong()),
    };
    let cell = Cell { level, name: name.to_owned(), value: value.to_owned() };
    // What is wrong with the value is said before anything is opened.
    set(&mut Levels::DEFAULT.clone(), &cell)?;
    Ok(cell)
}

/// Amounts of reading, by the end of their cells' names.
const WINDOWS: [&str; 4] = ["minute", "hour", "day", "month"];

/// Splits the name of a cell of what may be read: what is counted, and over which window.
fn amount(name: &str) -> Option<(&str, usize)> {
    let (what, window) = name.strip_prefix("egress_")?.split_once('_')?;
    Some((what, WINDOWS.iter().position(|own| *own == window)?))
}

fn egress_value(egress: &Egress, name: &str) -> Option<String> {
    let (what, window) = amount(name)?;
    let limits = if what == "objects" { egress.objects } else { egress.bytes };
    let limit = limits.get(window).copied()?;
    Some(if limit == UNLIMITED { "any".to_owned() } else { limit.to_string() })
}

/// Sets an amount of reading; `false` when the name is of none.
fn set_egress(levels: &mut Levels, level: Level, Cell { name, value, .. }: &Cell) -> Result<bool, String> {
    let mut egress = levels.egress(level);
    let wrong = || format!("`{value}` is neither a number nor `any`");
    let percent = || match value.parse() {
        Ok(percent) if percent <= 100 => Ok(percent),
        _ => Err(format!("`{value}` is no number of at most 100")),
    };
    if name == "egress_share_percent" {
        egress.share_percent = percent()?;
    } else if name == "egress_weights_percent" {
        egress.weights_percent = Some(percent()?);
    } else {
        let Some((what, window)) = amount(name) else { return Ok(false) };
        let limits = match what {
            "objects" => &mut egress.objects,
            "bytes" => &mut egress.bytes,
            _ => return Ok(false),
        };
        let limit = if value == "any" { UNLIMITED } else { value.parse().map_err(|_| wrong())? };
        if what == "objects" && limit != UNLIMITED && limit > EGRESS_OBJECTS_MAX {
            return Err(format!("a limit of objects is at most {EGRESS_OBJECTS_MAX}, or `any`"));
        }
        limits.iter_mut().skip(window).take(1).for_each(|own| *own = limit);
    }
    let demand = levels.of_mut(level);
    (demand.egress, demand.egress_bytes_day) = (Some(egress), egress.bytes[2]);
    Ok(true)
}

fn value(levels: &Levels, level: Level, name: &str) -> String {
    let (demand, egress) = (levels.of(level), levels.egress(level));
    if let Some(value) = egress_value(&egress, name) {
        return value;
    }
    let yes = |flag: bool| if flag { "yes" } else { "no" }.to_owned();
    match name {
        "factor" => demand.factor.to_string(),
        "factor_age_s" => demand.factor_age_s.to_string(),
        "known_device" => yes(demand.known_device),
        "training" => yes(demand.training),
        "key_age_days" => demand.key_age_days.to_string(),
        "presign_hours" => demand.presign_hours.to_string(),
        "egress_share_percent" => egress.share_percent.to_string(),
        "egress_weights_percent" => egress.weights_percent.map_or_else(|| "100".to_owned(), |own| own.to_string()),
        "approvals" => demand.approvals.to_string(),
        _ => demand.retention_days.to_string(),
    }
}

fn set(levels: &mut Levels, cell: &Cell) -> Result<(), String> {
    let Some(level) = cell.level else {
        let count = cell.value.parse().ok().filter(|count| (1..=APPROVALS_MAX as u32).contains(count));
        let wrong = || format!("`{}` is no number from 1 to {APPROVALS_MAX}", cell.value);
        levels.emergency_approvals = count.ok_or_else(wrong)?;
        return Ok(());
    };
    if set_egress(levels, level, cell)? {
        return Ok(());
    }
    let demand = levels.of_mut(level);
    let Cell { name, value, .. } = cell;
    let number = || value.parse::<u32>().map_err(|_| format!("`{value}` is no number of at most 4294967295"));
    let yes = || match value.as_str() {
        "yes" => Ok(true),
        "no" => Ok(false),
        _ => Err(format!("`{value}` is neither `yes` nor `no`")),
    };
    match name.as_str() {
        "factor" => demand.factor = value.parse::<Factor>().map_err(|error| error.to_string())?,
        "factor_age_s" => demand.factor_age_s = number()?,
        "known_device" => demand.known_device = yes()?,
        "training" => demand.training = yes()?,
        "key_age_days" => demand.key_age_days = number()?,
        "presign_hours" if number()? > 168 => return Err("a presigned address lives at most 168 hours".to_owned()),
        "presign_hours" => demand.presign_hours = number()?,
        "approvals" if number()? == 0 => return Err("what takes two people takes at least one approval".to_owned()),
        "approvals" => demand.approvals = number()?,
        "retention_days" => demand.retention_days = number()?,
        _ => {
            let names: Vec<&str> = ROWS.iter().map(|(name, _)| *name).collect();
            return Err(format!("`{name}` is no cell; cells are {}, and {EMERGENCY} of no level", names.join(", ")));
        }
    }
    Ok(())
}

pub(crate) fn run(arguments: &Arguments) -> Result<Exit, Failure> {
    let operated = arguments.at.open()?;
    let mut levels = operated.snapshot()?.roster().levels;
    if !arguments.set.is_empty() {
        for cell in &arguments.set {
            set(&mut levels, cell).map_err(|error| Failure::usage(error, "see `cordon levels --help`"))?;
        }
        let shrinks = |level: &Level| {
            let egress = levels.egress(*level);
            !egress.objects.is_sorted() || !egress.bytes.is_sorted()
        };
        if let Some(level) = Level::ALL.into_iter().find(shrinks) {
            let what = format!("of {level}, a longer time would allow less reading than a shorter one");
            return Err(Failure::usage(what, "set the longer ones, too"));
        }
        let asked = operated.run(async {
            let steps = vec![Step::Put(Record::Levels(Box::new(levels)))];
            let (reason, consent) = (arguments.reason.as_deref(), &arguments.consent);
            operated.change_or_ask::<ChangeLevels>(Target::default(), steps, reason, consent).await
        })?;
        if let Some(id) = asked {
            say_asked(id);
            return Ok(Exit::Clean);
        }
    }
    if arguments.json {
        println!("{}", object(&levels))
    } else {
        print!("{}", table(&levels))
    }
    Ok(Exit::Clean)
}

fn table(levels: &Levels) -> String {
    let mut text = format!("{:<28}", "");
    text.extend(Level::ALL.map(|level| format!("{:>20}", level.as_str())));
    for (name, title) in ROWS {
        text.push_str(&format!("\n{title:<28}"));
        text.extend(Level::ALL.map(|level| format!("{:>20}", value(levels, level, name))));
    }
    text.push_str(&format!("\n\nan emergency is opened by {} others\n", levels.emergency_approvals));
    text.push_str("* what is deleted goes at once: nothing keeps it yet\n");
    text
}

fn object(levels: &Levels) -> serde_json::Value {
    let of = |level: Level| {
        let cells = ROWS.iter().map(|(name, _)| ((*name).to_owned(), json!(value(levels, level, name))));
        (level.as_str().to_owned(), serde_json::Value::Object(cells.collect()))
    };
    let all: serde_json::Map<String, serde_json::Value> = Level::ALL.into_iter().map(of).collect();
    json!({"schema": "cordon-levels-1", "levels": all, "emergency_approvals": levels.emergency_approvals})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_cell_is_set_and_shown() {
        let amounts = ["2", "3", "4", "5", "6", "7", "8", "any", "9"];
        let values = [&["code", "17", "yes", "no", "19", "23"][..], &amounts, &["31", "37"]].concat();
        for ((name, _), text) in ROWS.iter().zip(values) {
            for level in Level::ALL {
                let mut levels = Levels::DEFAULT;
                set(&mut levels, &cell(&format!("{level}.{name}={text}")).expect("a cell")).expect("set");
                assert_eq!(value(&levels, level, name), text, "{level}.{name}");
                let others = Level::ALL.into_iter().filter(|other| *other != level);
                others.for_each(|other| assert_eq!(levels.of(other), Levels::DEFAULT.of(other), "{level}.{name}"));
            }
        }
        for wrong in
            ["restricted", "restricted.x=1", "secret.approvals=1", "public.approvals=0", "public.presign_hours=169"]
        {
            assert!(cell(wrong).is_err(), "{wrong}");
        }
        let mut levels = Levels::DEFAULT;
        set(&mut levels, &cell("emergency_approvals=3").expect("a cell")).expect("set");
        assert_eq!(levels, Levels { emergency_approvals: 3, ..Levels::DEFAULT });
        for wrong in ["emergency_approvals=0", "emergency_approvals=17", "restricted.emergency_approvals=3"] {
            assert!(cell(wrong).is_err(), "{wrong}");
        }
    }

    /// What an organisation has that sets nothing: a change of it is seen.
    #[test]
    fn the_defaults_are_these() {
        let expected = "\
public            internal        confidential          restricted
least proof of a sign-in                    none                code                code  phishing-resistant
its age, seconds                         2592000               43200                3600                 300
enrolled device                               no                  no                 yes                 yes
training that counts                          no                  no                 yes                 yes
age of keys, days                            365                 365                 180                  90
presigned address, hours                     168                  12                   1                   0
objects read a minute                        any                 any                 600                  20
objects read an hour                         any                 any                5000                  50
objects read a day                           any                 any               20000                 100
objects read in 30 days                      any                 any              100000                 300
bytes read a minute               10995116277760       1099511627776         21474836480          1073741824
bytes read an hour                10995116277760       1099511627776         53687091200          4294967296
bytes read a day                  10995116277760       1099511627776        107374182400         10737418240
bytes read in 30 days            109951162777600      10995116277760       1073741824000        107374182400
of all in 30 days, percent                   100                 100                 100                   5
of weights a day, percent                    100                 100                  10                  10
approvals by others                            1                   1                   1                   1
kept after deletion, days *                   30                  90                 365                 365

an emergency is opened by 2 others
* what is deleted goes at once: nothing keeps it yet
";
        assert_eq!(table(&Levels::DEFAULT).trim_start(), expected);
    }
}
