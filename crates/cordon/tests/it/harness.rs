//! Runs the binary in a folder of its own, with a key of its own, and reads its reports.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;

/// A folder that vanishes with the test.
pub(crate) struct Place {
    folder: tempfile::TempDir,
}

/// What a run printed.
pub(crate) struct Report {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Place {
    pub(crate) fn new() -> Self {
        Self { folder: tempfile::tempdir().expect("a temporary folder") }
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path().join("in").join(name);
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
        std::fs::write(&path, bytes).expect("a file");
        path
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_cordon"));
        command.args(arguments).current_dir(self.path()).env_clear();
        command.env("HOME", self.path().join("home")).env("PATH", "/usr/bin:/bin").stdin(Stdio::null());
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Report {
        Report::of(&self.command(arguments).output().expect("the binary runs"))
    }
}

impl Report {
    pub(crate) fn of(output: &Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Self { code: output.status.code().unwrap_or(-1), stdout: text(&output.stdout), stderr: text(&output.stderr) }
    }

    pub(crate) fn lines(&self) -> Vec<Value> {
        self.stdout.lines().map(|line| serde_json::from_str(line).expect("each line is JSON")).collect()
    }

    pub(crate) fn findings(&self) -> Vec<Value> {
        self.lines().into_iter().filter(|line| line["type"] == "finding").collect()
    }

    pub(crate) fn summary(&self) -> Value {
        self.lines().pop().filter(|line| line["type"] == "summary").expect("the last line is the summary")
    }

    /// All places of findings of `rule`.
    pub(crate) fn places(&self, rule: &str) -> Vec<String> {
        let of_rule = self.findings().into_iter().filter(|finding| finding["rule"] == rule);
        of_rule
            .flat_map(|finding| finding["locations"].as_array().cloned().unwrap_or_default())
            .map(|place| place["path"].as_str().unwrap_or_default().to_owned())
            .collect()
    }
}

/// A made-up token of a known format, from a seed: no example of a credential stands in the repository.
pub(crate) fn token(seed: u64) -> String {
    format!("{}{}", ["x", "ai-"].concat(), random(seed, 80))
}

/// Letters and digits from a seed (SplitMix64).
pub(crate) fn random(mut seed: u64, count: usize) -> String {
    const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    let letters = (0..count).map(|_| {
        seed = seed.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = seed;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        char::from(LETTERS[((mixed ^ (mixed >> 31)) % LETTERS.len() as u64) as usize])
    });
    letters.collect()
}
