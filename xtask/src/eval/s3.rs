//! How much of S3 is answered as a public suite expects it: ceph/s3-tests, on a checkout that the user brings.
//!
//! Nothing of the suite is here but the names of those functions that fail, each group with its reason.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use crate::node::{Key, Node};

const ENVIRONMENT: &str = "target/eval-s3-python";
/// What the suite's functions import, from PyPI.
const PACKAGES: [&str; 9] = [
    "boto3==1.44.8",
    "pytest==9.2.0",
    "requests==2.34.2",
    "pytz==2026.6",
    "isodate==0.7.2",
    "munch==4.0.0",
    "httplib2==0.32.1",
    "PyYAML==6.0.4",
    "lxml==6.1.3",
];
/// How many functions pass at least.
const PASS_MIN: usize = 271;
/// Functions that fail, each group with its reason.
const LEFT_OUT: &str = include_str!("s3/left-out.toml");
const PLUGIN: &str = include_str!("s3/plugin.py");

/// Runs the suite against a node of its own. It fails when a function fails that is not left out, or too few pass.
pub(crate) fn run(suite: &str) -> Result<(), String> {
    let suite = Path::new(suite).canonicalize().map_err(|error| format!("{suite}: {error}"))?;
    let functions = suite.join("s3tests/functional/test_s3.py");
    if !functions.exists() {
        return Err(format!("{}: no checkout of ceph/s3-tests", suite.display()));
    }
    let folder = super::empty("s3")?;
    let folder = Path::new(&folder).canonicalize().map_err(|error| error.to_string())?;
    let everything = "restricted=owner:everything";
    let node = Node::begin(&folder.join("node"), &[everything, everything, everything])?;
    let text = |error: std::io::Error| error.to_string();
    std::fs::write(folder.join("suite.conf"), configuration(&node)?).map_err(text)?;
    std::fs::write(folder.join("cordon_plugin.py"), PLUGIN).map_err(text)?;
    let tokens: BTreeMap<&str, &str> = node.keys.iter().map(|key| (key.id.as_str(), key.token.as_str())).collect();
    std::fs::write(folder.join("tokens.json"), json!(tokens).to_string()).map_err(text)?;
    let mut command = Command::new(python()?);
    command.args([
        "-m",
        "pytest",
        "-q",
        "-rN",
        "-p",
        "cordon_plugin",
        "--no-header",
        "--tb=no",
        "-p",
        "no:cacheprovider",
    ]);
    command.arg(&functions).current_dir(&suite).env("PYTHONPATH", &folder).env("PYTHONDONTWRITEBYTECODE", "1");
    command.env("S3TEST_CONF", folder.join("suite.conf")).env("CORDON_EVAL_TOKENS", folder.join("tokens.json"));
    command.env("CORDON_EVAL_OUTCOMES", folder.join("outcomes"));
    // It says 1 when a function fails: which may is told apart below.
    let ended = command.status().map_err(text)?;
    if !matches!(ended.code(), Some(0 | 1)) {
        return Err(format!("the suite did not run to its end: {ended}"));
    }
    let lines = std::fs::read_to_string(folder.join("outcomes")).map_err(text)?;
    Outcomes::read(&lines)?.compared(&left_out()?)
}

fn python() -> Result<std::path::PathBuf, String> {
    let environment = std::env::current_dir().map_err(|error| error.to_string())?.join(ENVIRONMENT);
    if !environment.join("ready").exists() {
        crate::run("python3", &["-m", "venv", ENVIRONMENT])?;
        let pip = environment.join("bin/pip").display().to_string();
        crate::run(&pip, &[&["install", "--quiet", "--disable-pip-version-check"][..], &PACKAGES].concat())?;
        std::fs::write(environment.join("ready"), "").map_err(|error| error.to_string())?;
    }
    Ok(environment.join("bin/python"))
}

/// What the suite reads: where to ask, and as whom.
fn configuration(node: &Node) -> Result<String, String> {
    let (host, port) = node.host.split_once(':').ok_or("no port")?;
    let mut text = format!("[DEFAULT]\nhost = {host}\nport = {port}\nis_secure = False\nssl_verify = False\n\n");
    text.push_str("[fixtures]\nbucket prefix = cordon-{random}-\n\n");
    let user = |section: &str, key: &Key| {
        let named =
            "display_name = someone\nuser_id = someone\nemail = someone@example.org\napi_name = \ntenant = testx\n";
        format!("[{section}]\naccess_key = {}\nsecret_key = {}\n{named}\n", key.id, key.secret)
    };
    let [main, other, third] = node.keys.as_slice() else { return Err("three keys are needed".to_owned()) };
    // What they call accounts is not answered here, and asked for all the same.
    let sections = [
        ("s3 main", main),
        ("s3 alt", other),
        ("s3 tenant", third),
        ("iam", main),
        ("iam root", main),
        ("iam alt root", other),
    ];
    sections.iter().for_each(|(section, key)| text.push_str(&user(section, key)));
    Ok(text)
}

/// The functions that fail, by their group.
fn left_out() -> Result<BTreeMap<String, String>, String> {
    let all: toml::Table = LEFT_OUT.parse().map_err(|error: toml::de::Error| error.to_string())?;
    let mut named = BTreeMap::new();
    for (group, about) in &all {
        let functions = about.get("functions").and_then(toml::Value::as_array).ok_or("a group without functions")?;
        if about.get("reason").and_then(toml::Value::as_str).is_none_or(str::is_empty) {
            return Err(format!("{group}: a group says why"));
        }
        for function in functions.iter().filter_map(toml::Value::as_str) {
            if named.insert(function.to_owned(), group.clone()).is_some() {
                return Err(format!("{function} is in two groups"));
            }
        }
    }
    Ok(named)
}

/// What came of each function; of one that runs several times, the worst.
#[derive(Default)]
struct Outcomes {
    passed: BTreeSet<String>,
    skipped: BTreeSet<String>,
    /// With what the last line of the failure says.
    failed: BTreeMap<String, String>,
}

impl Outcomes {
    fn read(lines: &str) -> Result<Self, String> {
        let mut outcomes = Self::default();
        for line in lines.lines() {
            let line: Value = serde_json::from_str(line).map_err(|error| format!("`{line}`: {error}"))?;
            let field = |name: &str| line.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
            // What fails while it is cleaned up does not fail itself.
            match (field("outcome").as_str(), field("when").as_str()) {
                ("failed", "teardown") => {}
                ("passed", _) => drop(outcomes.passed.insert(field("name"))),
                ("skipped", _) => drop(outcomes.skipped.insert(field("name"))),
                _ => drop(outcomes.failed.insert(field("name"), field("why"))),
            }
        }
        outcomes.passed.retain(|name| !outcomes.failed.contains_key(name) && !outcomes.skipped.contains(name));
        Ok(outcomes)
    }

    fn compared(&self, left_out: &BTreeMap<String, String>) -> Result<(), String> {
        let Self { passed, skipped, failed } = self;
        println!("{} functions pass, {} fail, {} skip themselves", passed.len(), failed.len(), skipped.len());
        let mut groups: BTreeMap<&str, usize> = BTreeMap::new();
        for group in failed.keys().filter_map(|name| left_out.get(name)) {
            *groups.entry(group).or_default() += 1;
        }
        groups.iter().for_each(|(group, count)| println!("  left out, {group}: {count}"));
        let stale = left_out.keys().filter(|name| passed.contains(*name));
        let stale = stale.map(|name| format!("{name} passes, and is left out"));
        let unexpected: Vec<String> = failed
            .iter()
            .filter(|(name, _)| !left_out.contains_key(*name))
            .map(|(name, why)| format!("{name}: {why}"))
            .chain(stale)
            .collect();
        match unexpected.is_empty() && passed.len() >= PASS_MIN {
            true => Ok(()),
            false => Err(format!(
                "at least {PASS_MIN} are to pass, and none to fail that is not left out:\n{}",
                unexpected.join("\n")
            )),
        }
    }
}
