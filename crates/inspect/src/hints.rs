//! What a path tells about the text behind it. A hint moves confidence; it never hides a finding.

/// What kind of text it is, as far as the name tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Syntax {
    /// Programming language source: a bare word on the right of `=` is an expression.
    Code,
    /// Configuration, shell, environment: a bare word on the right of `=` is a value.
    Config,
    /// Prose.
    Prose,
    /// Not known.
    #[default]
    Unknown,
}

/// Hints from a path.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Hints {
    /// The kind of text.
    pub syntax: Syntax,
    /// The path speaks of tests, fixtures, examples or mocks.
    pub is_test: bool,
    /// The file lists dependencies with their hashes.
    pub is_lockfile: bool,
    /// The file names people to give them credit or a task.
    pub is_credits: bool,
    /// The bytes are not text: names and values meet by chance.
    pub is_binary: bool,
}

const CODE: [&str; 35] = [
    "rs", "py", "js", "jsx", "ts", "tsx", "mjs", "cjs", "go", "java", "kt", "kts", "scala", "c", "h", "cc", "cpp",
    "hpp", "cs", "swift", "m", "mm", "rb", "php", "pl", "pm", "lua", "dart", "ex", "exs", "erl", "hs", "groovy", "vue",
    "sql",
];
const CONFIG: [&str; 26] = [
    "env",
    "ini",
    "conf",
    "cfg",
    "cnf",
    "config",
    "properties",
    "yml",
    "yaml",
    "toml",
    "json",
    "sh",
    "bash",
    "zsh",
    "fish",
    "ps1",
    "bat",
    "cmd",
    "tf",
    "tfvars",
    "hcl",
    "npmrc",
    "netrc",
    "pgpass",
    "service",
    "credentials",
];
const PROSE: [&str; 8] = ["md", "txt", "rst", "adoc", "html", "htm", "tex", "log"];
const TEST_WORDS: [&str; 13] = [
    "test", "tests", "spec", "specs", "fixture", "fixtures", "mock", "mocks", "example", "examples", "sample",
    "samples", "testdata",
];
const LOCK_NAMES: [&str; 13] = [
    "package-lock.json",
    "yarn.lock",
    "pnpm-lock.yaml",
    "cargo.lock",
    "poetry.lock",
    "go.sum",
    "composer.lock",
    "gemfile.lock",
    "pipfile.lock",
    "npm-shrinkwrap.json",
    "uv.lock",
    "bun.lock",
    "flake.lock",
];

const CREDITS: [&str; 10] = [
    "authors",
    "contributors",
    "maintainers",
    "mailmap",
    "credits",
    "codeowners",
    "thanks",
    "owners",
    "changelog",
    "copyright",
];

impl Hints {
    /// Reads the hints of `path`, whose parts are separated by `/` or `\`.
    #[must_use]
    pub fn of(path: &[u8]) -> Self {
        let path = String::from_utf8_lossy(path).to_ascii_lowercase();
        let name = path.rsplit(['/', '\\', '!']).next().unwrap_or_default();
        let extension = name.rsplit_once('.').map_or("", |(_, extension)| extension);
        let syntax = if CODE.contains(&extension) {
            Syntax::Code
        } else if CONFIG.contains(&extension)
            || name.starts_with(".env")
            || name.starts_with("dockerfile")
            || name.starts_with(".htpasswd")
        {
            Syntax::Config
        } else if PROSE.contains(&extension) {
            Syntax::Prose
        } else {
            Syntax::Unknown
        };
        let is_test = path.split(['/', '\\', '!', '.', '_', '-']).any(|word| TEST_WORDS.contains(&word));
        Self {
            syntax,
            is_test,
            is_lockfile: LOCK_NAMES.contains(&name) || name.ends_with(".lock"),
            is_credits: CREDITS.iter().any(|word| name.contains(word)),
            is_binary: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_names() {
        assert_eq!(Hints::of(b"a/b.py").syntax, Syntax::Code);
        assert_eq!(Hints::of(b".env.production").syntax, Syntax::Config);
        assert!(Hints::of(b"src/tests/it.rs").is_test && Hints::of(b"login_test.go").is_test);
        assert!(!Hints::of(b"src/contest.rs").is_test);
        assert!(Hints::of(b"web/package-lock.json").is_lockfile);
    }
}
