//! What a user configures, in a file that they name. A file found inside the scanned tree is never used.

use std::sync::atomic::{AtomicU64, Ordering};

use cordon_domain::{Level, Today};
use cordon_inspect::Codename;
use globset::{Glob, GlobSet, GlobSetBuilder};
use serde::Deserialize;

use crate::report::Reported;

/// The configuration of scans.
#[derive(Debug, Default)]
pub struct Config {
    exclude: GlobSet,
    allow: Vec<Allow>,
    /// Names to watch for.
    pub codenames: Vec<Codename>,
    /// Hosts that the user may ask without credentials.
    pub hosts: Vec<String>,
}

#[derive(Debug)]
struct Allow {
    rule: Option<String>,
    id: Option<String>,
    path: Option<globset::GlobMatcher>,
    reason: String,
    expires_unix_s: Option<i64>,
    used: AtomicU64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    exclude: Vec<String>,
    #[serde(default)]
    allow: Vec<AllowEntry>,
    #[serde(default)]
    codename: Vec<CodenameEntry>,
    #[serde(default)]
    hosts: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AllowEntry {
    rule: Option<String>,
    id: Option<String>,
    path: Option<String>,
    reason: String,
    expires: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CodenameEntry {
    name: String,
    #[serde(default)]
    project: String,
    level: Option<String>,
    #[serde(default)]
    near: Vec<String>,
}

impl Config {
    /// Reads the text of a configuration.
    ///
    /// # Errors
    ///
    /// The text is no TOML, has a field that is not known, an entry without a reason or without anything to match, a
    /// name of fewer than three letters, or a level, pattern or day that cannot be read.
    pub fn read(text: &str) -> Result<Self, String> {
        let file: File = toml::from_str(text).map_err(|error| error.to_string())?;
        let mut exclude = GlobSetBuilder::new();
        for pattern in &file.exclude {
            exclude.add(Glob::new(pattern).map_err(|error| error.to_string())?);
        }
        Ok(Self {
            exclude: exclude.build().map_err(|error| error.to_string())?,
            allow: file.allow.into_iter().map(Allow::read).collect::<Result<_, _>>()?,
            codenames: file.codename.into_iter().map(codename).collect::<Result<_, _>>()?,
            hosts: file.hosts,
        })
    }

    /// Tells whether the user leaves out `path`.
    #[must_use]
    pub fn excludes(&self, path: &[u8]) -> bool {
        !self.exclude.is_empty() && self.exclude.is_match(String::from_utf8_lossy(path).as_ref())
    }

    /// Removes findings that the user allows, and returns what should be said about the entries.
    pub fn apply(&self, found: &mut Vec<Reported>, today: Today) -> Vec<String> {
        found.retain(|reported| !self.allow.iter().any(|allow| allow.is_live(today) && allow.matches(reported)));
        let describe = |allow: &Allow| {
            format!(
                "allow entry `{}` ({})",
                allow.rule.as_deref().or(allow.id.as_deref()).unwrap_or("path"),
                allow.reason
            )
        };
        self.allow
            .iter()
            .filter_map(|allow| match (allow.is_live(today), allow.used.load(Ordering::Relaxed)) {
                (false, _) => Some(format!("{} has expired", describe(allow))),
                (true, 0) => Some(format!("{} matched nothing", describe(allow))),
                (true, _) => None,
            })
            .collect()
    }
}

impl Allow {
    fn read(entry: AllowEntry) -> Result<Self, String> {
        if entry.reason.trim().is_empty() {
            return Err("an allow entry without a reason".to_owned());
        }
        if entry.rule.is_none() && entry.id.is_none() && entry.path.is_none() {
            return Err(format!("the allow entry `{}` names no rule, id or path", entry.reason));
        }
        let path = entry
            .path
            .map(|pattern| Glob::new(&pattern).map(|glob| glob.compile_matcher()).map_err(|error| error.to_string()))
            .transpose()?;
        let expires_unix_s = entry
            .expires
            .map(|day| day_start(&day).ok_or_else(|| format!("`{day}` is no day such as 2027-03-12")))
            .transpose()?;
        Ok(Self { rule: entry.rule, id: entry.id, path, reason: entry.reason, expires_unix_s, used: AtomicU64::new(0) })
    }

    fn is_live(&self, today: Today) -> bool {
        self.expires_unix_s.is_none_or(|end| today.is_before(end))
    }

    fn matches(&self, reported: &Reported) -> bool {
        let finding = &reported.finding;
        let all_paths = |glob: &globset::GlobMatcher| {
            let kept = reported.locations_total == reported.locations.len() as u64;
            kept && reported
                .locations
                .iter()
                .all(|location| glob.is_match(String::from_utf8_lossy(&location.path.join(&b'!')).as_ref()))
        };
        let matches = self.rule.as_deref().is_none_or(|rule| rule == finding.rule)
            && self.id.as_deref().is_none_or(|id| id == finding.id.0)
            && self.path.as_ref().is_none_or(all_paths);
        self.used.fetch_add(u64::from(matches), Ordering::Relaxed);
        matches
    }
}

fn codename(entry: CodenameEntry) -> Result<Codename, String> {
    let level = entry.level.as_deref().map_or(Ok(Level::Restricted), str::parse).map_err(|error| error.to_string())?;
    let project = if entry.project.is_empty() { entry.name.clone() } else { entry.project };
    let codename = Codename { name: entry.name, project, level, near: entry.near };
    if codename.is_long_enough() {
        Ok(codename)
    } else {
        Err(format!("the codename `{}` has fewer than three letters", codename.name))
    }
}

fn day_start(day: &str) -> Option<i64> {
    let date: jiff::civil::Date = day.parse().ok()?;
    jiff::tz::Offset::UTC.to_timestamp(date.at(0, 0, 0, 0)).ok().map(|time| time.as_second())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_need_a_reason_and_something_to_match() {
        assert!(Config::read("exclude = [\"vendor/**\"]\n[[codename]]\nname = \"Glass Heron\"\n").is_ok());
        for bad in [
            "[[allow]]\nrule = \"x\"\nreason = \" \"",
            "[[allow]]\nreason = \"because\"",
            "[[codename]]\nname = \"ab\"",
            "unknown = 1",
            "[[allow]]\nrule='x'\nreason='y'\nexpires='soon'",
        ] {
            assert!(Config::read(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn exclusions_are_globs() {
        let config = Config::read("exclude = [\"vendor/**\", \"**/*.min.js\"]").expect("a configuration");
        assert!(
            config.excludes(b"vendor/a/b.rs") && config.excludes(b"web/x.min.js") && !config.excludes(b"src/vendor.rs")
        );
    }

    #[test]
    fn stale_entries_are_reported() {
        let config =
            Config::read("[[allow]]\nrule='x'\nreason='r'\n[[allow]]\nrule='y'\nreason='s'\nexpires='2020-01-01'")
                .expect("a configuration");
        let notes = config.apply(&mut Vec::new(), Today(1_790_000_000));
        assert_eq!(notes, ["allow entry `x` (r) matched nothing", "allow entry `y` (s) has expired"]);
    }
}
